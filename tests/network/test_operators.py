"""Every operator against torch: its sizes, and the support of real gradients against what it says that it reads."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fractions import Fraction
from itertools import product

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.nn import functional as F  # noqa: N812

from convmath.errors import DomainError
from convmath.network.fields.spans import Spans
from convmath.network.operators import (
    AdaptivePool,
    Attention,
    Combine,
    Concat,
    Conv,
    ConvTranspose,
    Cumulative,
    Einsum,
    Expand,
    Flatten,
    Flip,
    Fold,
    Input,
    Linear,
    LocalResponseNorm,
    MatMul,
    Norm,
    Operator,
    Pad,
    Permute,
    PixelShuffle,
    PixelUnshuffle,
    Pool,
    Recurrent,
    Reduce,
    Reshape,
    Resize,
    Slice,
    Softmax,
    Sort,
    Take,
    Unfold,
    Unknown,
    Windows,
)
from convmath.network.operators.base import parts

Sizes = tuple[int, ...]


def elements(spans: Spans) -> set[int]:
    return {element for start, stop in spans.parts for element in range(start, stop)}


def positive(*sizes: int) -> torch.Tensor:
    return torch.rand(sizes, generator=torch.Generator().manual_seed(sum(sizes)), dtype=torch.float64) + 0.5


def recurrent(cell: str, *, layers: int, both: bool) -> Callable[..., torch.Tensor]:
    """A recurrent layer of torch, every weight positive and small, so that no function of it is flat."""
    layer = getattr(torch.nn, cell.upper())(2, 3, layers, bidirectional=both).double()
    with torch.no_grad():
        for parameter in layer.parameters():
            parameter.copy_(positive(*parameter.shape) / 8)
    return lambda x: layer(x)[0]


def in_heads(query, key, value, mask):
    """Attention in two heads, whose features lie side by side."""
    q, k, v = (x.unflatten(-1, (2, -1)).transpose(-2, -3) for x in (query, key, value))
    return F.scaled_dot_product_attention(q, k, v, mask).transpose(-2, -3).flatten(-2)


CASES: dict[str, tuple[Operator, Callable[..., torch.Tensor], list[Sizes]]] = {
    "conv": (
        Conv(2, 3, (3, 2), (2, 1), (1, 0), (1, 2)),
        lambda x: F.conv2d(x, positive(3, 2, 3, 2), None, (2, 1), (1, 0), (1, 2)),
        [(1, 2, 6, 5)],
    ),
    "conv, groups": (Conv(4, 6, (3,), groups=2), lambda x: F.conv1d(x, positive(6, 2, 3), groups=2), [(2, 4, 5)]),
    "conv, depthwise": (Conv(3, 3, (2,), groups=3), lambda x: F.conv1d(x, positive(3, 1, 2), groups=3), [(1, 3, 4)]),
    "conv, same": (
        Conv(1, 1, (5,), padding="same"),
        lambda x: F.conv1d(x, positive(1, 1, 5), padding="same"),
        [(1, 1, 6)],
    ),
    "conv_transpose": (
        ConvTranspose(2, 1, (3, 2), (2, 3), (1, 0), 1, output_padding=(1, 2)),
        lambda x: F.conv_transpose2d(x, positive(2, 1, 3, 2), None, (2, 3), (1, 0), (1, 2)),
        [(1, 2, 3, 3)],
    ),
    "conv_transpose, groups and dilation": (
        ConvTranspose(4, 2, (3,), 2, 0, 3, groups=2),
        lambda x: F.conv_transpose1d(x, positive(4, 1, 3), stride=2, dilation=3, groups=2),
        [(1, 4, 4)],
    ),
    "linear": (Linear(4, 3), lambda x: x @ positive(4, 3), [(2, 3, 4)]),
    "matmul": (MatMul(), torch.matmul, [(2, 3, 4), (2, 4, 5)]),
    "matmul, stretched": (MatMul(), torch.matmul, [(2, 1, 3, 4), (3, 4, 2)]),
    "attention": (Attention(), F.scaled_dot_product_attention, [(1, 2, 3, 4), (1, 2, 5, 4), (1, 2, 5, 3)]),
    "attention, two masks": (
        Attention(),
        lambda q, k, v, one, two: F.scaled_dot_product_attention(q, k, v, one + two),
        [(2, 3, 4), (2, 5, 4), (2, 5, 3), (3, 5), (2, 1, 5)],
    ),
    "unfold": (
        Unfold((2, 3), (1, 2), (1, 0), (2, 1)),
        lambda x: F.unfold(x, (2, 3), (2, 1), (1, 0), (1, 2)),
        [(1, 2, 4, 5)],
    ),
    "fold": (Fold((4, 5), (2, 2)), lambda x: F.fold(x, (4, 5), (2, 2)), [(1, 8, 12)]),
    "layer_norm": (Norm("layer_norm", 12, (2, 3)), lambda x: F.layer_norm(x, (3, 2)), [(2, 2, 3, 2)]),
    "instance_norm": (Norm("instance_norm", 0, (2, 3)), F.instance_norm, [(2, 2, 3, 2)]),
    "local_response_norm": (LocalResponseNorm(4, 2), lambda x: F.local_response_norm(x, 4), [(1, 6, 2, 2)]),
    "softmax": (Softmax(1), lambda x: F.softmax(x, 1), [(2, 3, 2)]),
    "add, stretched": (Combine("add"), torch.add, [(2, 3, 4), (3, 1)]),
    "maximum": (Combine("mul"), torch.mul, [(2, 3), (2, 3)]),
    "concat": (Concat(2), lambda *xs: torch.cat(xs, 2), [(1, 2, 3), (1, 2, 2), (1, 2, 1)]),
    "flatten": (Flatten(1, 2), lambda x: x.flatten(1, 2), [(2, 2, 3, 2)]),
    "flatten of one": (Flatten(1, 1), lambda x: x.flatten(1, 1), [(2, 2, 3)]),
    "permute": (Permute((0, 2, 3, 1)), lambda x: x.permute(0, 2, 3, 1), [(1, 2, 3, 4)]),
    "expand": (Expand((2, 3, 4)), lambda x: x.expand(2, 3, 4), [(3, 1)]),
    "slice": (Slice(2, 1, 6, 2), lambda x: x[:, :, 1:6:2], [(1, 1, 6)]),
    "reshape, merged": (Reshape((2, -1, 2)), lambda x: x.reshape(2, -1, 2), [(2, 3, 2, 2)]),
    "reshape, split": (Reshape((0, 2, 2, 3)), lambda x: x.reshape(1, 2, 2, 3), [(1, 4, 3)]),
    "reshape, sizes of 1": (Reshape((2, 3, 1, 4)), lambda x: x.reshape(2, 3, 1, 4), [(2, 1, 3, 4)]),
    "reshape, crosswise": (Reshape((4, 3)), lambda x: x.reshape(4, 3), [(3, 4)]),
    "pixel_shuffle": (PixelShuffle(2), lambda x: F.pixel_shuffle(x, 2), [(1, 4, 2, 3)]),
    "pixel_unshuffle": (PixelUnshuffle(2), lambda x: F.pixel_unshuffle(x, 2), [(1, 1, 4, 2)]),
    "mean, kept": (Reduce("mean", (2, 3), keepdims=True), lambda x: x.mean((2, 3), keepdim=True), [(1, 2, 3, 4)]),
    "sum": (Reduce("sum", (1,)), lambda x: x.sum(1), [(2, 3, 4)]),
    "adaptive": (AdaptivePool("avg", (3, None)), lambda x: F.adaptive_avg_pool2d(x, (3, None)), [(1, 1, 7, 2)]),
    "average, ceil": (
        Pool("avg", (3,), 2, 1, ceil_mode=True),
        lambda x: F.avg_pool1d(x, 3, 2, 1, ceil_mode=True),
        [(1, 1, 6)],
    ),
    "bicubic": (
        Resize("cubic", output_size=(7, 3)),
        lambda x: F.interpolate(x, (7, 3), mode="bicubic", align_corners=False),
        [(1, 1, 5, 4)],
    ),
    "bicubic, corners": (
        Resize("cubic", scale=(Fraction(2), Fraction(2)), align_corners=True),
        lambda x: F.interpolate(x, scale_factor=2, mode="bicubic", align_corners=True),
        [(1, 1, 4, 5)],
    ),
    "trilinear": (
        Resize("linear", scale=(Fraction(3, 2),) * 3),
        lambda x: F.interpolate(x, scale_factor=1.5, mode="trilinear"),
        [(1, 1, 3, 2, 4)],
    ),
    **{
        f"pad, {mode}": (
            Pad(((0, 0), (0, 0), (2, 1), (0, 2)), mode),
            lambda x, mode=mode: F.pad(x, (0, 2, 2, 1), mode=mode),
            [(1, 1, 3, 4)],
        )
        for mode in ("constant", "reflect", "replicate", "circular")
    },
    "reshape, digits": (Reshape((8, 3)), lambda x: x.reshape(8, 3), [(4, 6)]),
    "reshape, windows": (Reshape((2, 2, 3, 2)), lambda x: x.reshape(2, 2, 3, 2), [(4, 6)]),
    "reshape, merged windows": (Reshape((4, 6)), lambda x: x.reshape(4, 6), [(2, 2, 3, 2)]),
    "flatten of an image": (Flatten(2, 3), lambda x: x.flatten(2, 3), [(1, 2, 3, 4)]),
    "windows": (Windows(1, 2, 3), lambda x: x.unfold(1, 2, 3), [(2, 9)]),
    "windows that fill": (Windows(0, 3, 3), lambda x: x.unfold(0, 3, 3), [(9, 2)]),
    "windows that overlap": (Windows(1, 3, 2), lambda x: x.unfold(1, 3, 2), [(2, 9)]),
    "flip": (Flip((0, 2)), lambda x: x.flip(0, 2), [(3, 2, 4)]),
    "cumsum": (Cumulative("cumsum", 1), lambda x: x.cumsum(1), [(2, 5)]),
    "cumsum from the end": (Cumulative("cumsum", 1, reverse=True), lambda x: x.flip(1).cumsum(1).flip(1), [(2, 5)]),
    "cumsum of those before": (
        Cumulative("cumsum", 1, exclusive=True),
        lambda x: F.pad(x.cumsum(1), (1, -1)),
        [(2, 5)],
    ),
    "take": (Take(1, (4, 0, 0, 2)), lambda x: x[:, [4, 0, 0, 2]], [(2, 5)]),
    "einsum of matrices": (
        Einsum(("nhqd", "nhkd"), "nhqk"),
        lambda x, y: torch.einsum("nhqd,nhkd->nhqk", x, y),
        [(1, 2, 3, 4), (1, 2, 5, 4)],
    ),
    "einsum, summed before": (
        Einsum(("abc", "bd"), "da"),
        lambda x, y: torch.einsum("abc,bd->da", x, y),
        [(2, 3, 4), (3, 5)],
    ),
    "einsum, stretched": (
        Einsum(("ab", "ab"), "ab"),
        lambda x, y: torch.einsum("ab,ab->ab", x, y),
        [(2, 1), (2, 3)],
    ),
    "einsum of one": (Einsum(("abc",), "ca"), lambda x: torch.einsum("abc->ca", x), [(2, 3, 4)]),
    **{
        f"{cell}{', both' if both else ''}": (
            Recurrent(cell, 2, 3, layers=layers, both=both),
            recurrent(cell, layers=layers, both=both),
            [(5, 2, 2)],
        )
        for cell in ("rnn", "gru", "lstm")
        for layers, both in ((1, False), (2, False), (2, True))
    },
    "crop": (Pad(((0, 0), (-1, 0), (-1, -2))), lambda x: F.pad(x, (-1, -2, -1, 0)), [(1, 2, 6)]),
}


def supports(function: Callable[..., torch.Tensor], shapes: Sequence[Sizes]) -> list[torch.Tensor]:
    """For each input, where the Jacobian is not 0: ``(*output, *input)``."""
    jacobians = torch.autograd.functional.jacobian(function, tuple(positive(*shape) for shape in shapes))
    return [jacobian != 0 for jacobian in jacobians]


def wrong_reads(operator: Operator, shapes: Sequence[Sizes], support: Sequence[torch.Tensor]) -> list[str]:
    """Where what the operator says is not, dimension by dimension, what its gradients say."""
    output, wrong = operator.sizes(*shapes), []
    for number, (shape, reads) in enumerate(zip(shapes, operator.reads(shapes, output), strict=True)):
        for own, n in enumerate(shape):
            along = [(d, field) for d, one in enumerate(reads) for dim, field in parts(one) if dim == own]
            others = [d for d in range(support[number].dim()) if d not in (*(d for d, _ in along), len(output) + own)]
            found = support[number].any(dim=others) if others else support[number]
            if not along:
                if not operator.rearranges:  # every element of the output that reads anything reads all of it
                    inner = [d for d in range(len(output), support[number].dim()) if d != len(output) + own]
                    found = support[number].any(dim=inner) if inner else support[number]
                if not found.any() or (found.all(-1) != found.any(-1)).any():
                    wrong.append(f"input {number}, dimension {own} is not read whole")
                continue
            for position in product(*(range(output[d]) for d, _ in along)):
                read = (
                    elements(operator.inside(field.reads(at), n))
                    for (_, field), at in zip(along, position, strict=True)
                )
                said = set.intersection(*read)  # what all dimensions that read it have in common
                true = set(torch.nonzero(found[position]).flatten().tolist())
                if said != true:
                    wrong.append(f"input {number}, dimension {own} at {position}: {said} for {true}")
    return wrong


@pytest.mark.parametrize("case", CASES)
def test_sizes_are_those_of_torch(case):
    operator, function, shapes = CASES[case]
    assert operator.sizes(*shapes) == tuple(function(*(positive(*shape) for shape in shapes)).shape)


@pytest.mark.parametrize("rows", [3, 1])
def test_a_mask_for_each_head_is_read_in_the_rows_of_its_queries(rows):
    shapes = [(2, 3, 4), (2, 5, 4), (2, 5, 6), (2, 2, rows, 5)]
    operator, support = Attention(2), supports(in_heads, shapes)[3].any(2)
    assert operator.sizes(*shapes) == tuple(in_heads(*(positive(*shape) for shape in shapes)).shape)
    reads = operator.reads(shapes, (2, 3, 6))[3]
    assert [one and one[0] for one in reads] == [0, 2, None]
    for image, row in product(range(2), range(3)):
        said = torch.zeros(2, 2, rows, 5, dtype=torch.bool)
        for place in elements(reads[1][1].reads(row)):
            said[image, :, place] = True
        assert torch.equal(support[image, row], said)


@pytest.mark.parametrize("case", CASES)
def test_reads_are_the_support_of_the_gradients(case):
    operator, function, shapes = CASES[case]
    assert wrong_reads(operator, shapes, supports(function, shapes)) == []


@pytest.mark.parametrize(
    ("case", "wrong"),
    [
        ("conv", Conv(2, 3, (3, 2), (2, 1), (1, 1), (1, 2))),
        ("conv, groups", Conv(4, 6, (3,), groups=1)),
        ("conv_transpose, groups and dilation", ConvTranspose(4, 2, (3,), 2, 0, 1, groups=2)),
        ("layer_norm", Norm("layer_norm", 4, (3,))),
        ("softmax", Softmax(2)),
        ("permute", Permute((0, 3, 1, 2))),
        ("slice", Slice(2, 0, 6, 2)),
        ("sum", Reduce("sum", (2,))),
        ("pad, reflect", Pad(((0, 0), (0, 0), (2, 1), (0, 2)), "replicate")),
        ("average, ceil", Pool("avg", (3,), 2, 0, ceil_mode=True)),
        ("bicubic", Resize("linear", output_size=(7, 3))),
        ("reshape, digits", Permute((1, 0))),
        ("windows that fill", Windows(0, 3, 2)),
        ("flip", Flip((0,))),
        ("cumsum", Cumulative("cumsum", 1, reverse=True)),
        ("cumsum of those before", Cumulative("cumsum", 1)),
        ("take", Take(1, (4, 0, 1, 2))),
        ("einsum of one", Einsum(("abc",), "ac")),
        ("lstm", Recurrent("lstm", 2, 3, both=True)),
        ("gru, both", Recurrent("gru", 2, 6)),
    ],
)
def test_another_operator_is_caught(case, wrong):
    operator, function, shapes = CASES[case]
    try:
        same_sizes = wrong.sizes(*shapes) == operator.sizes(*shapes)
    except DomainError:
        same_sizes = False
    assert not same_sizes or wrong_reads(wrong, shapes, supports(function, shapes)) != []


@given(st.integers(1, 40), st.integers(1, 40), st.sampled_from(["nearest", "linear"]), st.booleans())
def test_resizing_reads_what_torch_weighs(size, wanted, mode, align_corners):
    """torch computes the places in double precision here; a place that is an element's own may carry a rounding."""
    corners = {"align_corners": align_corners} if mode == "linear" else {}
    operator = Resize(mode, output_size=(wanted,), **corners)
    field = operator.reads([(1, 1, size)], (1, 1, wanted))[0][2][1]
    weights = F.interpolate(torch.eye(size, dtype=torch.float64)[None], wanted, mode=mode, **corners)[0]
    for position, column in enumerate(weights.T):
        true = set(torch.nonzero(column > 1e-9).flatten().tolist())
        assert elements(operator.inside(field.reads(position), size)) == true


@pytest.mark.parametrize(
    ("operator", "shapes", "message"),
    [
        (Conv(3, 8, (3, 3)), [(1, 4, 8, 8)], "channels=4: conv2d needs 3"),
        (Conv(3, 8, (3, 3)), [(1, 3, 8)], "conv2d needs 4 dimensions"),
        (Conv(3, 8, (9, 9)), [(1, 3, 8, 8)], "kernel_size"),
        (Linear(4, 2), [(1, 3)], "features=3: linear needs 4"),
        (MatMul(), [(2, 3), (2, 3)], "rows of the second input"),
        (Combine("add"), [(2, 3), (2, 4)], "add needs equal sizes in dimension 1, or 1; closed forms, with letters"),
        (Combine("add"), [], "at least one input"),
        (Concat(1), [(1, 2, 3), (1, 2, 4)], "equal sizes in every dimension but 1; closed forms, with letters"),
        (Concat(5), [(1, 2, 3)], "needs a dimension"),
        (Slice(1, 0, 9), [(1, 4)], "at most the 4"),
        (Permute((0, 0)), [(1, 4)], "each of 2 dimensions once"),
        (Reshape((3, -1)), [(2, 4)], "as many elements"),
        (Flatten(3), [(2, 4)], "0 <= start <= end"),
        (Pad(((0, 0), (-2, -2))), [(1, 4)], "leaves nothing"),
        (PixelShuffle(2), [(1, 3, 2, 2)], "multiple of 2"),
        (PixelUnshuffle(2), [(1, 3, 3, 2)], "multiples of 2"),
        (Fold((4, 4), (2, 2)), [(1, 8, 5)], "windows=5: fold needs 9"),
        (Reduce("mean", (4,)), [(1, 4)], "needs dimensions"),
        (Norm("lp_norm", 0), [(1, 2), (1, 2)], "needs one input"),
        (Einsum(("ab", "bc"), "ac"), [(2, 3), (4, 5)], "einsum needs one size for 'b'"),
        (Einsum(("ab", "bc"), "ac"), [(2, 3)], "einsum needs 2"),
        (Einsum(("ab",), "a"), [(2, 3, 4)], "2 dimensions for 'ab'"),
        (Recurrent("lstm", 4, 5), [(7, 2, 3)], "features=3: lstm needs 4"),
        (Recurrent("lstm", 4, 5), [(4,)], "needs a sequence"),
        (Flip((3,)), [(1, 4)], "flip needs dimensions"),
        (Sort("topk", 1, 9), [(1, 4)], "topk needs at most the 4"),
        (Take(1, (0, 4)), [(1, 4)], "take needs places of the 4"),
        (Take(1, ()), [(1, 4)], "at least one place"),
        (Windows(1, 5, 1), [(1, 4)], "kernel_size"),
        (Windows(2, 5, 1), [(1, 4)], "windows needs a dimension"),
    ],
)
def test_inputs_that_do_not_fit_are_refused_in_a_sentence(operator, shapes, message):
    with pytest.raises(DomainError, match=message):
        operator.sizes(*shapes)


def test_lists_among_the_parameters_become_tuples():
    assert hash(Conv(1, 1, [3, 3], padding=[[1, 1], [0, 0]])) == hash(Conv(1, 1, (3, 3), padding=((1, 1), (0, 0))))


@pytest.mark.parametrize(
    ("operator", "layer"),
    [
        (Conv(4, 6, (3, 2), groups=2), torch.nn.Conv2d(4, 6, (3, 2), groups=2)),
        (Conv(4, 6, (3,), bias=False), torch.nn.Conv1d(4, 6, 3, bias=False)),
        (ConvTranspose(4, 6, (3, 2), groups=2), torch.nn.ConvTranspose2d(4, 6, (3, 2), groups=2)),
        (Linear(5, 7), torch.nn.Linear(5, 7)),
        (Linear(5, 7, bias=False), torch.nn.Linear(5, 7, bias=False)),
    ],
)
def test_parameters_are_as_many_as_torch_has(operator, layer):
    assert operator.params == sum(parameter.numel() for parameter in layer.parameters())


@pytest.mark.parametrize("mode", ["reflect", "circular", "replicate"])
@pytest.mark.parametrize("n", [1, 2, 3, 4])
@pytest.mark.parametrize("amounts", [(1, 0), (0, 2), (3, 3), (0, 4)])
def test_padding_is_refused_where_torch_refuses_it(mode, n, amounts):
    try:
        wanted = tuple(F.pad(positive(1, 1, n), amounts, mode=mode).shape)
    except RuntimeError:
        with pytest.raises(DomainError, match=f"{mode} padding needs|leaves nothing"):
            Pad(((0, 0), (0, 0), amounts), mode).sizes((1, 1, n))
    else:
        assert Pad(((0, 0), (0, 0), amounts), mode).sizes((1, 1, n)) == wanted


def test_what_wraps_over_and_over_is_no_circular_padding():
    amounts = ((0, 0), (0, 0), (7, 5))
    wrapped = Pad(amounts, "wrap")
    field = wrapped.reads([(1, 1, 3)], wrapped.sizes((1, 1, 3)))[0][2][1]
    places = [elements(wrapped.inside(field.reads(o), 3)) for o in range(15)]
    assert places == [{(o - 7) % 3} for o in range(15)]
    with pytest.raises(DomainError, match="padding=7: circular padding needs at most the 3 elements"):
        Pad(amounts, "circular").sizes((1, 1, 3))


@pytest.mark.parametrize(("size", "wanted"), [((7, 1), (3, 1)), ((25, 25), (4, 4)), ((6, 4), (3, 2)), ((3, 5), (7, 5))])
def test_adaptive_pooling_takes_an_operation_for_each_element_of_each_window(size, wanted):
    taken = counted(lambda x: F.adaptive_avg_pool2d(x, wanted), (2, 3, *size))
    for how, less in (("avg", 0), ("max", 6 * wanted[0] * wanted[1])):
        assert AdaptivePool(how, wanted).work([(2, 3, *size)], (2, 3, *wanted)).other == taken - less
    overlap = any(n % m for n, m in zip(size, wanted, strict=True))
    assert (taken != 6 * size[0] * size[1]) == overlap  # the elements of the input are as many only without overlap


def counted(function: Callable[[torch.Tensor], torch.Tensor], shape: Sizes) -> int:
    """Pairs of an output and an input that it is made of."""
    return int(sum((jacobian != 0).sum() for jacobian in supports(function, [shape])))


@pytest.mark.parametrize(
    ("operator", "function", "shape"),
    [
        (Conv(2, 3, (3, 2), 2), lambda x: F.conv2d(x, positive(3, 2, 3, 2), stride=2), (2, 2, 7, 6)),
        (Conv(4, 6, (3,), groups=2), lambda x: F.conv1d(x, positive(6, 2, 3), groups=2), (1, 4, 5)),
        (
            ConvTranspose(2, 4, (3,), 2, groups=2),
            lambda x: F.conv_transpose1d(x, positive(2, 2, 3), stride=2, groups=2),
            (1, 2, 4),
        ),
        (Linear(4, 3), lambda x: x @ positive(4, 3), (2, 3, 4)),
    ],
)
def test_multiply_accumulates_are_the_pairs_of_output_and_input(operator, function, shape):
    """Without padding each product joins another pair of an output and an input: the Jacobian's entries."""
    output = operator.sizes(shape)
    assert operator.work([shape], output).macs == counted(function, shape)


def test_multiply_accumulates_without_the_stride_are_caught():
    strided = counted(lambda x: F.conv2d(x, positive(3, 2, 3, 2), stride=2), (2, 2, 7, 6))
    assert Conv(2, 3, (3, 2), 1).work([(2, 2, 7, 6)], (2, 3, 5, 5)).macs != strided


def test_an_input_and_the_unknown_read_nothing_and_cost_nothing():
    assert Input((1, 2, 3)).reads([], (1, 2, 3)) == ()
    unknown = Unknown("odd", "it is odd", (1, 2), 7)
    assert (unknown.sizes((1, 2)), unknown.params, unknown.kind) == ((1, 2), 7, "odd")
    with pytest.raises(DomainError, match="it is odd"):
        Unknown("odd", "it is odd").sizes((1, 2))


@pytest.mark.parametrize(
    "make",
    [
        lambda size: Conv(3, 4, size),
        lambda size: ConvTranspose(3, 4, size),
        lambda size: Pool("max", size),
        lambda size: Unfold(size),
        lambda size: Fold((8, 8), size),
        lambda size: Fold(size, (3, 3)),
        lambda size: AdaptivePool("avg", size),
    ],
)
def test_windows_need_a_size_for_each_axis(make):
    make([3, 3])
    for size in (3, None, "33"):
        with pytest.raises(DomainError, match="needs one integer per axis"):
            make(size)
