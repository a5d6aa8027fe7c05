"""What torch refuses is refused or reported as unknown, and never given sizes: call by call, and in random chains."""

from __future__ import annotations

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

torch = pytest.importorskip("torch")

from torch import nn  # noqa: E402
from torch.nn import functional as F  # noqa: E402, N812

from convmath.errors import DomainError  # noqa: E402
from convmath.network import from_torch  # noqa: E402
from convmath.network.operators import Reshape  # noqa: E402
from convmath.network.torch_import.memory_layout import Checks  # noqa: E402
from convmath.network.torch_import.registry import HANDLERS  # noqa: E402

from .applied import Apply  # noqa: E402
from .computing import Function  # noqa: E402
from .test_torch_import_operations import executed  # noqa: E402

SIZE = (3, 12, 10)
REFUSALS = (RuntimeError, ValueError, IndexError, TypeError, NotImplementedError)


def one(x):
    """The channels of one pixel."""
    return F.adaptive_avg_pool2d(x, 1)


STATISTICS = (torch.zeros(8), torch.ones(8))

REFUSED = {
    "batch norm in training": (
        lambda x: F.batch_norm(one(x), *STATISTICS, training=True),
        lambda x: F.batch_norm(x[..., :2, :1], *STATISTICS, training=True),
    ),
    "batch norm in training without statistics": (
        lambda x: F.batch_norm(one(x), None, None, training=True),
        lambda x: F.batch_norm(one(x).expand(2, -1, -1, -1), None, None, training=True),
    ),
    "batch norm without statistics": (
        lambda x: F.batch_norm(x, None, None),
        lambda x: F.batch_norm(one(x), *STATISTICS),
    ),
    "batch norm of other channels": (
        lambda x: F.batch_norm(x[:, :4], *STATISTICS),
        lambda x: F.batch_norm(x, *STATISTICS, torch.ones(8)),
    ),
    "instance norm in training": (
        lambda x: F.instance_norm(one(x), *STATISTICS),
        lambda x: F.instance_norm(one(x), *STATISTICS, use_input_stats=False),
    ),
    "instance norm without statistics": (
        lambda x: F.instance_norm(x, use_input_stats=False),
        lambda x: F.instance_norm(x),
    ),
    "group norm of other channels": (
        lambda x: F.group_norm(x, 2, torch.ones(4)),
        lambda x: F.group_norm(x, 2, torch.ones(8)),
    ),
    "layer norm of nothing": (lambda x: F.layer_norm(x, ()), lambda x: F.layer_norm(x, (10,))),
    "response norm of rows": (
        lambda x: F.local_response_norm(x[0, 0], 3),
        lambda x: F.local_response_norm(x[0], 3),
    ),
    "half of an odd size": (lambda x: F.glu(x[:, :7], 1), lambda x: F.glu(x[:, :6], 1)),
    "a dimension twice": (lambda x: x.mean((1, -3)), lambda x: x.mean((1, -2))),
    "fewer repeats than dimensions": (lambda x: x.repeat(2, 2), lambda x: x.tile(2, 2)),
    "more axes than a pooling has": (
        lambda x: F.adaptive_avg_pool1d(x, 2),
        lambda x: F.adaptive_avg_pool1d(x[0], 2),
    ),
    "maxima of no number": (
        lambda x: F.adaptive_max_pool1d(x[0], [None]),
        lambda x: F.adaptive_max_pool1d(x[0], [3]),
    ),
    "shuffled rows": (lambda x: F.channel_shuffle(x[0, 0], 2), lambda x: F.channel_shuffle(x[0], 2)),
    "reflection of all dimensions": (
        lambda x: F.pad(x[0], (1, 1, 1, 1, 1, 1), mode="reflect"),
        lambda x: F.pad(x, (1, 1, 1, 1), mode="reflect"),
    ),
    "circles around rows": (
        lambda x: F.pad(x[0], (1, 1, 1, 1, 1, 1), mode="circular"),
        lambda x: F.pad(x[0], (1, 1, 1, 1), mode="circular"),
    ),
    "interpolation of rows": (
        lambda x: F.interpolate(x[0, 0], scale_factor=2),
        lambda x: F.interpolate(x[0], scale_factor=2),
    ),
    "linear interpolation of images": (
        lambda x: F.interpolate(x, scale_factor=2, mode="linear"),
        lambda x: F.interpolate(x[0], scale_factor=2, mode="linear"),
    ),
    "a size and a scale": (
        lambda x: F.interpolate(x, size=5, scale_factor=2),
        lambda x: F.interpolate(x, size=5),
    ),
    "neither": (lambda x: F.interpolate(x), lambda x: F.interpolate(x, scale_factor=1)),
    "as many scales as dimensions": (
        lambda x: F.interpolate(x, scale_factor=(1, 1, 2, 2)),
        lambda x: F.interpolate(x, scale_factor=(2, 2)),
    ),
    "corners of the nearest": (
        lambda x: F.interpolate(x, scale_factor=2, align_corners=True),
        lambda x: F.interpolate(x, scale_factor=2, mode="bilinear", align_corners=True),
    ),
    "an average of more than there is before padding": (
        lambda x: F.avg_pool3d(x[:, None, :1], 2, padding=1),
        lambda x: F.avg_pool3d(x[:, None, :2], 2, padding=1),
    ),
    "a norm of more than there is before rounding up": (
        lambda x: F.lp_pool3d(x[:, None, :1], 2, 2, ceil_mode=True),
        lambda x: F.lp_pool3d(x[:, None, :2], 2, 2, ceil_mode=True),
    ),
    "a part below 0 that nothing reads": (
        lambda x: (x.split([x.shape[2] + 1, -1], 2), x)[1],
        lambda x: (x.split([x.shape[2] - 1, 1], 2), x)[1],
    ),
    "a mean of integers": (lambda x: x.argmax(1).mean(), lambda x: x.argmax(1).mean(dtype=torch.float32)),
    "a softmax of integers": (
        lambda x: x.argmax(1).softmax(1),
        lambda x: x.argmax(1).softmax(1, dtype=torch.float32),
    ),
    "a deviation of truths": (lambda x: (x > 0).std(1), lambda x: (x > 0).float().std(1)),
    "a convolution of integers": (
        lambda x: F.conv2d(x.long(), torch.ones(4, 8, 3, 3)),
        lambda x: F.conv2d(x.long().float(), torch.ones(4, 8, 3, 3)),
    ),
    "a product with integers": (
        lambda x: x @ torch.ones(10, 3, dtype=torch.int64),
        lambda x: x @ torch.ones(10, 3, dtype=torch.int64).float(),
    ),
    "a product of halves and wholes": (
        lambda x: x @ torch.ones(10, 3, dtype=torch.float16),
        lambda x: x.half() @ torch.ones(10, 3, dtype=torch.float16),
    ),
    "rows by fractions": (
        lambda x: F.embedding(x[:, 0], torch.ones(4, 8)),
        lambda x: F.embedding(x[:, 0].int() * 0, torch.ones(4, 8)),
    ),
    "rows by bytes": (
        lambda x: F.embedding((x > 0).byte(), torch.ones(4, 8)),
        lambda x: F.embedding((x > 0).long(), torch.ones(4, 8)),
    ),
    "classes by fractions": (lambda x: F.one_hot(x * 0, 4), lambda x: F.one_hot((x * 0).long(), 4)),
    "classes by short integers": (lambda x: F.one_hot((x * 0).int(), 4), lambda x: F.one_hot((x > 9).long(), 4)),
    "fewer elements than are cut off": (lambda x: F.pad(x, (11, -11)), lambda x: F.pad(x, (10, -10))),
    "fractions into integers": (lambda x: x.long().div_(2), lambda x: x.long().floor_divide_(2)),
    "functions into integers": (lambda x: x.long().exp_(), lambda x: x.long().float().exp_()),
    "differences of a negative order": (lambda x: x.diff(n=-1), lambda x: x.diff(n=0)),
    "a negative size": (lambda x: x.mean() + torch.zeros(1, -2), lambda x: x.mean() + torch.zeros(1, 2)),
    "a factor that is None": (lambda x: x * None, lambda x: (x == None, x * 2)[1]),  # noqa: E711 - Python's own answer
    "None first": (lambda x: None + x, lambda x: (x != None) * x),  # noqa: E711
    "a text beside a tensor": (lambda x: x > "a", lambda x: x > 0),
    "a list beside a tensor": (lambda x: x / [1.0], lambda x: x / torch.tensor([1.0])),
    "negative counts": (lambda x: x.mean() + torch.linspace(0, 1, -1), lambda x: x.mean() + torch.linspace(0, 1, 1)),
}
"""Functions that torch refuses, each with one that it takes."""


@pytest.mark.parametrize("name", REFUSED)
def test_what_torch_refuses_is_refused_and_its_like_taken(name):
    refused, taken = (Apply(function) for function in REFUSED[name])
    with pytest.raises(REFUSALS):
        executed(refused, (1, *SIZE))
    with pytest.raises(DomainError, match="node="):
        from_torch(refused, SIZE)
    report = from_torch(taken, SIZE, verify=True).analyze()
    assert report.missing == ()
    assert report[report.graph.outputs[0]].sizes == executed(taken, (1, *SIZE))


@pytest.mark.parametrize("function", [lambda x: x.T, lambda x: x.mT, lambda x: torch.vstack([x[0, 0, 0, 0]])])
def test_dimensions_are_where_torch_has_them(function):
    module = Apply(function)
    report = from_torch(module, SIZE, verify=True).analyze()
    assert report.missing == ()
    assert report[report.graph.outputs[0]].sizes == executed(module, (1, *SIZE))


KINDS = {
    "a quotient of integers": lambda x: x.argmax(1) / 2,
    "a rounded quotient of integers": lambda x: torch.div(x.argmax(1), 2, rounding_mode="floor"),
    "integers and a fraction": lambda x: x.argmax(1) * 0.5,
    "integers and a number of fractions": lambda x: x.argmax(1) + x[0, 0, 0, 0],
    "truths counted": lambda x: (x > 0).sum(1),
    "an outer product with fractions": lambda x: torch.outer(x.argmax(1)[0, 0], x[0, 0, 0]),
    "integers before fractions": lambda x: torch.cat([x.argmax(1), x[0]]),
    "any truth": lambda x: (x > 0).any(1),
    "one or the other": lambda x: torch.where(x > 0, x, 0.0),
    "the root of integers": lambda x: x.argmax(1).sqrt(),
    "no negative integers": lambda x: x.argmax(1).relu(),
}


@pytest.mark.parametrize("name", KINDS)
def test_what_is_computed_has_torchs_type(name):
    """A convolution takes it only if it is one of fractions."""
    module = Apply(lambda x: F.conv1d(KINDS[name](x).flatten(1)[:, None], torch.ones(1, 1, 3)))
    try:
        sizes = executed(module, (1, *SIZE))
    except RuntimeError:
        with pytest.raises(DomainError, match=r"torch\.(int64|bool)"):
            from_torch(module, SIZE)
    else:
        report = from_torch(module, SIZE, verify=True).analyze()
        assert (report.missing, report.output.sizes) == ((), sizes)


@pytest.mark.parametrize("layer", [nn.BatchNorm1d(8), nn.BatchNorm2d(8), nn.BatchNorm3d(8)])
def test_a_layer_that_normalises_takes_so_many_dimensions(layer):
    layer.eval()
    for size in ((8,), (8, 5), (8, 5, 5), (8, 5, 5, 5)):
        try:
            sizes = executed(layer, (2, *size))
        except ValueError:
            with pytest.raises(DomainError, match=r"needs .* dimensions"):
                from_torch(layer, size, batch_size=2)
        else:
            assert from_torch(layer, size, batch_size=2).analyze().output.sizes == sizes


def test_the_sizes_at_which_a_batch_has_one_element_are_no_valid_inputs():
    module = Apply(lambda x: F.batch_norm(F.max_pool2d(x, 4), *STATISTICS, training=True))
    form = from_torch(module, (3, "n", "n")).closed_forms().output
    taken = []
    for n in range(1, 30):
        try:
            executed(module, (1, 3, n, n))
        except REFUSALS:
            continue
        taken.append(n)
    assert taken[0] == 8
    assert [n for n in range(1, 30) if n in form.valid] == taken
    by_statistics = Apply(lambda x: F.batch_norm(F.max_pool2d(x, 4), *STATISTICS))
    assert 4 in from_torch(by_statistics, (3, "n", "n")).closed_forms().output.valid


def test_the_sizes_that_are_cut_off_before_they_are_padded_are_no_valid_inputs():
    module = Apply(lambda x: F.pad(x, (4, -4)))
    form = from_torch(module, (3, "n", "n")).closed_forms().output
    for n in range(1, 12):
        if n in form.valid:
            assert executed(module, (1, 3, n, n)) == form.at(n)
        else:
            with pytest.raises(REFUSALS):
                executed(module, (1, 3, n, n))


# Verified


def test_a_formula_for_what_torch_refuses_is_reported_with_torchs_sentence(monkeypatch):
    module = Apply(lambda x: torch.bmm(x[0], x[0, :1].mT))
    with pytest.raises(RuntimeError, match="batch"):
        executed(module, (1, *SIZE))
    monkeypatch.setitem(HANDLERS, "bmm", HANDLERS["matmul"])
    assert from_torch(module, SIZE).analyze().missing == ()
    report = from_torch(module, SIZE, verify=True).analyze()
    (name,) = report.missing
    reason = report.graph[name].operator.reason
    assert reason.startswith("the formulas give [(8, 12, 12)], torch refuses: Expected size for first two dimensions")
    assert "\n" not in reason


def test_a_formula_for_other_sizes_than_torchs_is_reported(monkeypatch):
    monkeypatch.setitem(HANDLERS, "flip", lambda builder, x, *_: builder.emit(Reshape((1, -1)), x))
    report = from_torch(Apply(lambda x: x.flip(1)), SIZE, verify=True).analyze()
    (name,) = report.missing
    assert report.graph[name].operator.reason == "the formulas give [(1, 960)], torch gives [(1, 8, 12, 10)]"


def all_of_them(builder, x, mask):
    return builder.emit(Reshape((-1,)), x)


def none_of_them(builder, x, mask):
    raise DomainError("mask", "x", "chooses no elements")


def test_what_torch_cannot_say_without_elements_is_no_refusal(monkeypatch):
    """How many elements a mask chooses depends on them: neither a formula nor a refusal is borne out by that."""
    module = Apply(lambda x: x.masked_select(x > -100))
    monkeypatch.setitem(HANDLERS, "masked_select", all_of_them)
    report = from_torch(module, SIZE, verify=True).analyze()
    assert (report.missing, report.output.sizes) == ((), executed(module, (1, *SIZE)))
    monkeypatch.setitem(HANDLERS, "masked_select", none_of_them)
    report = from_torch(module, SIZE).analyze()
    assert [report.graph[name].operator.reason for name in report.missing] == ["mask='x': chooses no elements"]


# Random chains


def dims(x, more=0):
    """The numbers of dimensions, and now and then of one that is not there."""
    return st.integers(-x.dim() - more, x.dim() + more - (x.numel() % 2))


def shapes(x):
    """Sizes of as many elements, or nearly."""

    @st.composite
    def draw_shape(draw):
        rest, sizes = x.numel(), []
        for _ in range(draw(st.integers(0, 3))):
            sizes.append(draw(st.sampled_from([n for n in range(1, rest + 1) if rest % n == 0])))
            rest //= sizes[-1]
        return tuple(draw(st.permutations([*sizes, draw(st.sampled_from([rest, rest, -1, rest + 1]))])))

    return draw_shape()


def slices(x):
    bound = st.none() | st.integers(-4, 4)
    entry = st.builds(slice, bound, bound, st.sampled_from([None, 1, 2])) | st.integers(-2, 2) | st.none()
    return st.lists(entry | st.just(Ellipsis), max_size=x.dim()).filter(lambda e: e.count(Ellipsis) < 2).map(tuple)


def pads(x):
    return st.lists(st.integers(-1, 2), min_size=2, max_size=4).filter(lambda pad: len(pad) % 2 == 0)


SCALES = st.sampled_from([0.5, 1.5, 2])
MODES = st.sampled_from(["nearest", "linear", "bilinear", "area"])
CALLS = {
    "view": (shapes, lambda x, shape: x.view(shape)),
    "reshape": (shapes, lambda x, shape: x.reshape(shape)),
    "permute": (lambda x: st.permutations(range(x.dim())), lambda x, order: x.permute(order)),
    "transpose": (lambda x: st.tuples(dims(x), dims(x)), lambda x, pair: x.transpose(*pair)),
    "slice": (slices, lambda x, index: x[index]),
    "narrow": (lambda x: st.tuples(dims(x), st.integers(-2, 3), st.integers(1, 3)), lambda x, a: x.narrow(*a)),
    "expand": (
        lambda x: st.tuples(*(st.sampled_from([-1, n, 2]) for n in x.shape)),
        lambda x, sizes: x.expand(sizes),
    ),
    "squeeze": (dims, lambda x, dim: x.squeeze(dim)),
    "unsqueeze": (lambda x: dims(x, 1), lambda x, dim: x.unsqueeze(dim)),
    "flatten": (lambda x: st.tuples(dims(x), dims(x)), lambda x, pair: x.flatten(*pair)),
    "unflatten": (
        lambda x: st.tuples(dims(x), st.sampled_from([(2, -1), (1, -1), (2, 2)])),
        lambda x, a: x.unflatten(*a),
    ),
    "chunk": (lambda x: st.tuples(st.integers(1, 3), dims(x)), lambda x, a: x.chunk(*a)[-1]),
    "cat": (lambda x: st.tuples(dims(x), dims(x)), lambda x, a: torch.cat(x.chunk(2, a[0]), a[1])),
    "stack": (lambda x: dims(x, 1), lambda x, dim: torch.stack([x, x], dim)),
    "contiguous": (lambda x: st.just(()), lambda x, _: x.contiguous()),
    "repeat": (lambda x: st.lists(st.integers(1, 2), min_size=1, max_size=4), lambda x, n: x.repeat(n)),
    "roll": (lambda x: st.tuples(st.integers(-5, 5), dims(x)), lambda x, a: x.roll(*a)),
    "pad": (pads, lambda x, pad: F.pad(x, pad)),
    "reflect": (pads, lambda x, pad: F.pad(x, pad, mode="reflect")),
    "interpolate": (lambda x: st.tuples(SCALES, MODES), lambda x, a: F.interpolate(x, scale_factor=a[0], mode=a[1])),
    "max_pool2d": (
        lambda x: st.tuples(*(st.integers(*ends) for ends in ((1, 3), (1, 3), (0, 2), (1, 2)))),
        lambda x, a: F.max_pool2d(x, *a),
    ),
    "avg_pool1d": (lambda x: st.tuples(st.integers(1, 3), st.integers(1, 3)), lambda x, a: F.avg_pool1d(x, *a)),
    "add": (lambda x: st.just(1), lambda x, n: x + n),
    "transposed sum": (lambda x: st.just(()), lambda x, _: x + x.mT),
    "batch_norm": (lambda x: st.booleans(), lambda x, on: F.batch_norm(x, None, None, training=on)),
}


@st.composite
def chains(draw):
    """The sizes of an input, the batch first, and calls one after the other, the last of which torch may refuse."""
    sizes = draw(st.lists(st.sampled_from([1, 2, 3, 4, 6]), min_size=2, max_size=4))
    x, steps = torch.zeros(sizes), []
    for _ in range(draw(st.integers(1, 5))):
        name = draw(st.sampled_from(sorted(CALLS)))
        strategy, call = CALLS[name]
        argument = draw(strategy(x))
        try:
            made = call(x, argument)
        except REFUSALS:
            steps.append((name, argument))
            break
        if not made.dim() or not 0 < made.numel() <= 2000:
            break
        steps.append((name, argument))
        x = made
    assume(steps)
    return tuple(sizes), steps


def accepted_though_refused(sizes, steps):
    """Whether all is understood of a chain that torch refuses; both have the same sizes otherwise."""

    def run(x):
        for name, argument in steps:
            x = CALLS[name][1](x, argument)
        return x

    module = Function(run)
    try:
        wanted = executed(module, sizes)
    except REFUSALS:
        wanted = None
    try:
        report = from_torch(module, sizes[1:], batch_size=sizes[0]).analyze()
    except DomainError:
        assert wanted is None, steps
        return False
    found = report[report.graph.outputs[0]].sizes
    assert wanted is None or found in (wanted, None), (found, wanted, steps)
    return wanted is None and not report.missing


@settings(max_examples=400)
@given(chains())
def test_random_chains_are_refused_where_torch_refuses_them(chain):
    assert not accepted_though_refused(*chain), chain


def test_chains_read_without_layouts_are_caught(monkeypatch):
    chain = (2, 2), [("permute", (1, 0)), ("view", (4,))]
    assert not accepted_though_refused(*chain)
    monkeypatch.setattr(Checks, "_matters", lambda *_: False)
    assert accepted_though_refused(*chain)
