"""Strides that are products of sizes: of which views torch makes is known at all sizes, and how they lie."""

from __future__ import annotations

import random

import pytest

torch = pytest.importorskip("torch")

from torch.nn import functional as F  # noqa: E402, N812

from convmath.errors import DomainError  # noqa: E402
from convmath.network import from_torch  # noqa: E402
from convmath.network.operators import Slice  # noqa: E402
from convmath.network.sizes.in_operators import numbers  # noqa: E402
from convmath.network.strides import viewed  # noqa: E402
from convmath.network.torch_import import memory_layout, strides  # noqa: E402
from convmath.network.torch_import.handlers import tensors  # noqa: E402
from convmath.network.torch_import.strides import Strided, follow, regrouped  # noqa: E402

from .applied import Apply  # noqa: E402

LARGEST = 9


def chain(seed):
    """A function that moves dimensions, slices, stretches, merges and splits them, at random; the same at all sizes."""

    def apply(x):
        dice = random.Random(seed)  # noqa: S311
        for _ in range(dice.randint(2, 6)):
            x = _moved(dice, x)
        return x

    return apply


def _moved(dice, x):
    rank, sizes = x.dim(), list(x.shape)
    d = dice.randrange(rank)
    everything = (slice(None),) * d
    match dice.choice(["permute", "permute", "slice", "one", "expand", "split", "view", "view", "reshape", "squeeze"]):
        case "permute":
            return x.permute(*dice.sample(range(rank), rank))
        case "slice":
            return x[(*everything, dice.choice([slice(0, 3), slice(None, None, 2), slice(0, 1), slice(0, 8)]))]
        case "one" if rank > 2:
            return x.select(d, 0)
        case "expand" if rank < 6:
            return x.unsqueeze(d).expand(*sizes[:d], 2, *sizes[d:])
        case "split" if rank < 6:
            return x.view(*sizes[:d], *dice.choice([(sizes[d], 1), (1, sizes[d]), (-1, 2)]), *sizes[d + 1 :])
        case "view" | "reshape" as way if rank > 1:
            end = dice.randint(d + 1, min(d + 3, rank))
            merged = 1
            for size in sizes[d:end]:
                merged = merged * size
            return getattr(x, way)(*sizes[:d], merged, *sizes[end:])
        case "squeeze":
            return x.squeeze(d)
    return x


def begun(function):
    """From a convolution's result on, padded to other sizes, and in two parts."""
    return lambda x: function(F.pad(x, (0, 1)).view(2, 4, x.shape[2], x.shape[3] + 1))


def taken(function, n):
    """The sizes that torch gives; None where it refuses."""
    try:
        return tuple(function(torch.empty((1, 8, n, n), device="meta")).shape)
    except (RuntimeError, IndexError):
        return None


def wrong(function, at):
    """Input sizes of which what is said is not so; None where no more is said than is read at a few of them."""
    try:
        forms = from_torch(Apply(function), (3, "n", "n"), at=at).closed_forms()
    except DomainError:
        return [] if taken(function, at) is None else [at]
    if taken(function, at) is None:
        return [at]
    if not str(forms.output).endswith(", proved"):
        return None
    return [n for n in forms.valid.up_to(LARGEST) if forms.output.at(n) != taken(function, n)]


def test_wherever_views_are_proved_torch_makes_them():
    found = [wrong(begun(chain(seed)), (1, 1, 2, 5, 8)[seed % 5]) for seed in range(60)]
    assert [seed for seed, sizes in enumerate(found) if sizes] == []
    assert sum(sizes is not None for sizes in found) > 45


NARROW = {
    "columns": (lambda x: x[..., :3].view(2, 4, -1), 2, range(1, 3)),
    "every second row": (lambda x: x[:, :, ::2].view(8, -1), 1, range(1, 3)),
    "rows of one": (lambda x: x.permute(0, 3, 2, 1).view(2, -1, 4), 1, [1]),
    "one of the maps": (lambda x: x[:, :1].expand(2, 3, -1, -1).view(6, -1), 4, []),
    "of one row, stretched": (lambda x: x[:, :, :1].expand(2, 4, x.shape[2], -1).view(2, 4, -1), 1, [1]),
    "positions, and back": (lambda x: x.flatten(2).transpose(1, 2).view(2, x.shape[2], -1, 4), 5, range(1, 10)),
    "after a function": (lambda x: F.gelu(x.flatten(2).transpose(1, 2)).view(2, x.shape[2], -1, 4), 5, range(1, 10)),
    "after a sum": (
        lambda x: (lambda t: t + x.new_zeros(2, t.shape[1], 4))(x.flatten(2).transpose(1, 2)).view(
            2, x.shape[2], -1, 4
        ),
        5,
        range(1, 10),
    ),
    "of a sum that lies as its first": (
        lambda x: (lambda t: t * x.new_ones(2, *t.shape[1:]))(x.transpose(1, 3)).view(2, -1, 4),
        1,
        [1],
    ),
    "of one of two maps": (lambda x: torch.stack(x.transpose(0, 1).unbind(0)[:2]).view(4, -1), 5, range(1, 10)),
    "of a copy in other sizes": (
        lambda x: x[:, :3].transpose(1, 2).flatten(1, 2).view(-1, x.shape[3]),
        5,
        range(2, 10),
    ),
    "of a copy": (lambda x: x.transpose(1, 2).clone().transpose(1, 2).view(2, 4, -1), 5, range(1, 10)),
}
"""Views, the size at which they are read, and the sizes up to 9 at which torch makes them."""


@pytest.mark.parametrize("name", NARROW)
def test_a_view_is_proved_at_those_sizes_at_which_torch_makes_it(name):
    function, at, sizes = NARROW[name]
    function = begun(function)
    assert [n for n in range(1, LARGEST + 1) if taken(function, n)] == list(sizes)
    assert wrong(function, at) == []
    if sizes:
        forms = from_torch(Apply(function), (3, "n", "n"), at=at).closed_forms()
        assert forms.valid.up_to(LARGEST) == list(sizes)


ASKED = {
    "whether rows without their ends are": lambda x: x[:, 1:] if x[..., :5].is_contiguous() else x[:, 2:],
    "whether rows in parts are": lambda x: x[:, 1:] if x[..., : x.shape[3] // 2 * 2].is_contiguous() else x[:, 2:],
    "whether columns are": lambda x: x[:, 1:] if x.transpose(2, 3).is_contiguous() else x[:, 2:],
    "whether one row is": lambda x: x[:, 1:] if x[:, :, :1].is_contiguous() else x[:, 2:],
    "whether a view of columns is": lambda x: (
        x[:, 1:] if x[:, :, :, :2].transpose(2, 3).flatten(1, 2).is_contiguous() else x[:, 2:]
    ),
    "for the step of a row": lambda x: x[:, 1:] if x[..., :5].stride(2) == 5 else x[:, 2:],
    "for all steps": lambda x: x[:, 1:] if x[..., :5].stride()[1] < 30 else x[:, 2:],
    "for channels last": lambda x: (
        x[:, 1:] if x[..., :5].is_contiguous(memory_format=torch.channels_last) else x[:, 2:]
    ),
}
"""Programs that are told how a view lies, and go by it."""


@pytest.mark.parametrize("at", [1, 4, 5, 8])
@pytest.mark.parametrize("name", ASKED)
def test_what_is_said_of_how_a_view_lies_holds_at_the_sizes_of_which_it_is_proved(name, at):
    function = begun(ASKED[name])
    found = wrong(function, at)
    assert found == [] or (found is None and ("channels last" in name or at == 1))


def test_a_layout_that_is_told_as_if_it_were_the_same_at_all_sizes_is_caught(monkeypatch):
    monkeypatch.setattr(tensors, "follow", lambda one: follow(Strided(numbers(one.sizes), numbers(one.strides))))
    assert any(wrong(begun(function), 8) for function in ASKED.values())


def mistaken():
    """Whether something is said of a view that is not so."""
    return any(wrong(begun(function), at) for function, at, _ in NARROW.values())


def test_a_slice_whose_gap_is_forgotten_is_caught(monkeypatch):
    after = memory_layout.after
    forgetful = lambda one, strided, sizes: (  # noqa: E731
        strides.row_major(sizes) if isinstance(one, Slice) else after(one, strided, sizes)
    )
    assert not mistaken()
    monkeypatch.setattr(memory_layout, "after", forgetful)
    assert mistaken()
    assert wrong(begun(chain(41)), 1)


def test_a_copy_that_is_taken_for_one_at_all_sizes_is_caught(monkeypatch):
    """At one row it is a view, and lies with gaps."""
    monkeypatch.setattr(memory_layout, "copied", lambda strided, shape: strides.row_major(shape))
    assert mistaken()


def test_a_size_of_1_that_is_taken_for_one_at_all_sizes_is_caught(monkeypatch):
    equation = strides._equation
    monkeypatch.setattr(strides, "_equation", lambda left, right: [] if right == 1 else equation(left, right))
    assert mistaken()


def test_torch_is_not_asked_about_views(monkeypatch):
    asked, ask = [], memory_layout.framework.ask

    def noted(builder, function, *rest, **options):
        asked.append(function)
        return ask(builder, function, *rest, **options)

    def sizes():
        return from_torch(views, (3, 6, 6)).analyze().output.sizes

    views = Apply(lambda x: x.flatten(2).transpose(1, 2).view(1, 6, 6, 8)[..., ::2].reshape(-1))
    monkeypatch.setattr(memory_layout.framework, "ask", noted)
    assert (sizes(), asked) == ((144,), [])
    monkeypatch.setattr(memory_layout.Checks, "_compute", lambda *_: False)  # as if how they lie were not computed
    assert sizes() == (144,)
    assert asked


def test_the_strides_of_a_view_are_torchs_to_the_last_number():
    dice = random.Random(0)  # noqa: S311
    refused = 0
    for _ in range(2000):
        x = torch.empty([dice.choice((1, 1, 2, 3, 4)) for _ in range(dice.randint(1, 4))], device="meta")
        x = x.permute(dice.sample(range(x.dim()), x.dim()))[:: dice.choice((1, 1, 2))]
        x = x.expand([n if n > 1 else dice.choice((1, 3)) for n in x.shape])
        shape, left = [], x.numel()
        while left > 1 or not shape:
            shape.append(dice.choice([n for n in range(1, left + 1) if left % n == 0]))
            left //= shape[-1]
        try:
            told = x.view(shape).stride()
        except RuntimeError:
            told = None
        assert viewed(tuple(x.shape), x.stride(), tuple(shape)) == told
        strided = regrouped(Strided(tuple(x.shape), x.stride()), tuple(shape))
        assert (strided is None) == (told is None)
        refused += told is None
        if strided is not None:
            kept = [d for d, n in enumerate(shape) if n > 1]
            assert [strided.strides[d] for d in kept] == [told[d] for d in kept]
    assert 100 < refused < 1900
