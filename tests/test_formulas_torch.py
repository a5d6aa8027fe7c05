"""Size helpers against torch's own shape results on meta tensors, over exhaustive boxes of parameters.

Sets inside the domain are checked several at a time, one per spatial axis. For sets outside it torch has to refuse
the layer as well, one at a time.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator

import pytest

from convmath import DomainError, conv_output_size, conv_transpose_output_size, pool_output_size

torch = pytest.importorskip("torch")
functional = torch.nn.functional

Box = list[tuple[int, ...]]

CONV: Box = list(itertools.product(range(1, 17), range(1, 7), range(1, 7), range(7), range(1, 6)))
TRANSPOSED: Box = list(itertools.product(range(1, 9), range(1, 6), range(1, 5), range(5), range(5), range(1, 5)))
POOL: Box = list(itertools.product(range(1, 16), range(1, 7), range(1, 6), range(4), range(1, 5), (False, True)))


def test_the_boxes_are_large():
    assert (len(CONV), len(TRANSPOSED), len(POOL)) == (20_160, 16_000, 14_400)


def conv(n, k, s, p, d):
    return conv_output_size(n, k, stride=s, padding=p, dilation=d)


def transposed(n, k, s, p, extra, d):
    return conv_transpose_output_size(n, k, stride=s, padding=p, output_padding=extra, dilation=d)


def pool(n, k, s, p, d, ceil_mode):
    return pool_output_size(n, k, stride=s, padding=p, dilation=d, ceil_mode=ceil_mode)


def empty(sizes, device="meta"):
    return torch.empty((1, 1, *sizes), device=device)


def torch_conv(sets):
    n, k, s, p, d = zip(*sets, strict=True)
    operation = (functional.conv1d, functional.conv2d, functional.conv3d)[len(sets) - 1]
    return operation(empty(n), empty(k), stride=s, padding=p, dilation=d).shape[2:]


def torch_transposed(sets):
    n, k, s, p, extra, d = zip(*sets, strict=True)
    operation = (functional.conv_transpose1d, None, functional.conv_transpose3d)[len(sets) - 1]
    # The check of output_padding is made on the CPU alone.
    device = "cpu" if any(e >= max(a, b) for e, a, b in zip(extra, s, d, strict=True)) else "meta"
    options = {"stride": s, "padding": p, "output_padding": extra, "dilation": d}
    return operation(empty(n, device), empty(k, device), **options).shape[2:]


def torch_pool(sets):
    n, k, s, p, d, ceil_mode = zip(*sets, strict=True)
    operation = (functional.max_pool1d, functional.max_pool2d, functional.max_pool3d)[len(sets) - 1]
    return operation(empty(n), k, s, p, d, ceil_mode[0]).shape[2:]


LAYERS = {
    "conv": (CONV, conv, torch_conv),
    "transposed": (TRANSPOSED, transposed, torch_transposed),
    "pool, floor": ([case for case in POOL if not case[-1]], pool, torch_pool),
    "pool, ceil": ([case for case in POOL if case[-1]], pool, torch_pool),
}


def in_domain(helper: Callable[..., int], box: Box) -> tuple[dict[tuple[int, ...], int], Box]:
    """The sizes of the sets inside the helper's domain, and the sets outside."""
    inside, outside = {}, []
    for case in box:
        try:
            inside[case] = helper(*case)
        except DomainError:
            outside.append(case)
    return inside, outside


def packs(cases: Box) -> Iterator[Box]:
    """Three sets at a time, with the first ones again to fill the last pack."""
    filled = cases + cases[: -len(cases) % 3]
    return (filled[start : start + 3] for start in range(0, len(filled), 3))


@pytest.fixture(scope="module", params=LAYERS)
def layer(request):
    """A layer's helper, the sizes that torch gives inside the helper's domain, and the sets outside it."""
    box, helper, torch_sizes = LAYERS[request.param]
    inside, outside = in_domain(helper, box)
    sizes = {}
    for pack in packs(list(inside)):
        sizes |= zip(pack, torch_sizes(pack), strict=True)
    return request.param, inside, sizes, outside, torch_sizes


def test_sizes_are_torchs(layer):
    name, inside, sizes, _, _ = layer
    assert len(sizes) == len(inside) > 1000
    assert {case: size for case, size in inside.items() if sizes[case] != size} == {}, name


def accepted_by_torch(torch_sizes, sets: Box) -> dict[tuple[int, ...], tuple[int, ...]]:
    accepted = {}
    for case in sets:
        try:
            accepted[case] = torch_sizes([case])
        except RuntimeError:
            continue
    return accepted


def test_sets_outside_the_domain_are_refused_by_torch(layer):
    name, _, _, outside, torch_sizes = layer
    assert len(outside) > 100
    assert accepted_by_torch(torch_sizes, outside) == {}, name


def test_a_domain_that_is_too_small_is_caught(layer):
    name, inside, _, _, torch_sizes = layer
    least = min(inside.items(), key=lambda item: item[1])[0]
    assert least in accepted_by_torch(torch_sizes, [least]), name


def ceil(a, b):
    return -(-a // b)


MISTAKES = {
    "conv": {
        "dilation dropped": lambda n, k, s, p, d: (n + 2 * p - k) // s + 1,
        "extent d*k": lambda n, k, s, p, d: (n + 2 * p - d * k) // s + 1,
        "off by one": lambda n, k, s, p, d: (n + 2 * p - d * (k - 1) - 1) // s,
        "ceil for floor": lambda n, k, s, p, d: ceil(n + 2 * p - d * (k - 1) - 1, s) + 1,
        "stride and dilation swapped": lambda n, k, s, p, d: (n + 2 * p - s * (k - 1) - 1) // d + 1,
        "padding once": lambda n, k, s, p, d: (n + p - d * (k - 1) - 1) // s + 1,
    },
    "transposed": {
        "dilation dropped": lambda n, k, s, p, e, d: (n - 1) * s - 2 * p + k + e,
        "n for n - 1": lambda n, k, s, p, e, d: n * s - 2 * p + d * (k - 1) + 1 + e,
        "output_padding dropped": lambda n, k, s, p, e, d: (n - 1) * s - 2 * p + d * (k - 1) + 1,
        "stride and dilation swapped": lambda n, k, s, p, e, d: (n - 1) * d - 2 * p + s * (k - 1) + 1 + e,
    },
    "pool, floor": {
        "ceil for floor": lambda n, k, s, p, d, _: ceil(n + 2 * p - d * (k - 1) - 1, s) + 1,
        "dilation dropped": lambda n, k, s, p, d, _: (n + 2 * p - k) // s + 1,
    },
    "pool, ceil": {
        "clamp dropped": lambda n, k, s, p, d, _: ceil(n + 2 * p - d * (k - 1) - 1, s) + 1,
        "clamp at the padded end": lambda n, k, s, p, d, _: min(
            ceil(n + 2 * p - d * (k - 1) - 1, s) + 1, ceil(n + 2 * p, s)
        ),
        "clamp without the padding before": lambda n, k, s, p, d, _: min(
            ceil(n + 2 * p - d * (k - 1) - 1, s) + 1, ceil(n, s)
        ),
        "floor for ceil": lambda n, k, s, p, d, _: (n + 2 * p - d * (k - 1) - 1) // s + 1,
    },
}


def test_every_usual_mistake_is_caught(layer):
    name, _, sizes, _, _ = layer
    for mistake, formula in MISTAKES[name].items():
        assert any(formula(*case) != size for case, size in sizes.items()), f"{name}: {mistake}"
