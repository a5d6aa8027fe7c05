"""The dimension of the output along which an axis of the input runs, against the support of real gradients."""

from __future__ import annotations

from itertools import product

import pytest

torch = pytest.importorskip("torch")

from convmath.errors import DomainError  # noqa: E402
from convmath.figures.seen import seen  # noqa: E402
from convmath.network import from_torch  # noqa: E402
from convmath.network.fields.exact import indexed  # noqa: E402
from convmath.network.fields.receptive import ReceptiveFields  # noqa: E402

from .computing import Function  # noqa: E402

SIZE = (2, 12, 6)


def places_as_channels(x):
    """Every second row in channels of its own."""
    return x.reshape(1, 2, 6, 2, 6).permute(0, 1, 3, 2, 4).reshape(1, 4, 6, 6)


JOINED = {
    "a mean": lambda t: t + t.mean(2, keepdim=True),
    "a reversal": lambda t: t + t.flip(2),
    "every second row": lambda t: torch.cat([t[:, :, ::2], t[:, :, :3]], 1),
    "one row": lambda t: t + t[:, :, :1],
    "one row of an image without columns": lambda t: t.mean(3) + t.mean(3)[:, :, :1],
}

TURNED = {
    "rows for columns": lambda c: c.transpose(2, 3),
    "tokens after one channel": lambda c: c.flatten(2).transpose(1, 2)[:, None],
    "tokens last": lambda c: c.flatten(2),
    "columns alone": lambda c: c.mean(2),
    "rows alone": lambda c: c.mean(3),
    "rows twice": lambda c: c.mean(3)[..., None] + c.mean(3)[:, :, None],
    "features": lambda c: c.mean((2, 3)),
    "as before": lambda c: c,
}


def smoothed(turn):
    """A convolution with weights above zero, and what is done with its result."""
    conv = torch.nn.Conv2d(2, 2, 3, padding=1, bias=False)
    torch.nn.init.ones_(conv.weight)
    return Function(lambda x, conv: turn(conv(x)), conv)


def supports(module):
    """For every position after batch and channels, per axis the elements that have a gradient."""
    x = torch.rand((1, *SIZE), generator=torch.Generator().manual_seed(0)).requires_grad_()
    result = module(x)
    for position in product(*map(range, result.shape[2:])):
        (gradient,) = torch.autograd.grad(result[(..., *position)].sum(), x, retain_graph=True)
        found = gradient[0].abs().sum(0) != 0
        yield position, [set(found.any(dim=1 - axis).nonzero().flatten().tolist()) for axis in range(2)]


def too_little(module, fields):
    """Positions of which the field leaves out, or the hull does not meet, what has a gradient."""
    for position, true in supports(module):
        hulls = fields.interval(*position)
        for axis, (start, stop) in enumerate(hulls):
            if not true[axis] <= set(range(start, stop)):
                yield position, axis


@pytest.mark.parametrize("name", sorted(JOINED))
def test_paths_that_share_only_a_part_in_the_channels_are_read_together(name):
    """The part in the channels is none that a position has an index of."""
    module = Function(lambda x: JOINED[name](places_as_channels(x)))
    row = from_torch(module, SIZE).analyze().output
    if row.field_unknown:
        assert name == "every second row"
        return
    assert list(too_little(module, row.receptive_field)) == []
    assert row.receptive_field.dimensions[0] in {None, 2}
    exact = row.receptive_field[0].reads(0)
    assert not exact.exact or all(true[0] == set(range(12)) for _, true in supports(module))


@pytest.mark.parametrize("name", sorted(TURNED))
def test_an_axis_is_read_at_the_index_of_the_dimension_along_which_it_runs(name):
    module = smoothed(TURNED[name])
    row = from_torch(module, SIZE).analyze().output
    if row.field_unknown:
        assert name == "rows twice"
        return
    for position, true in supports(module):
        hulls = row.receptive_field.interval(*position)
        inside = [{at for at in range(*hull) if 0 <= at < n} for hull, n in zip(hulls, SIZE[1:], strict=True)]
        assert inside == true, position
        centers = row.receptive_field.center(*position)
        assert [2 * center for center in centers] == [sum(hull) for hull in hulls]


def test_indices_that_are_paired_with_the_axes_of_the_input_in_order_are_caught():
    module = smoothed(TURNED["rows for columns"])
    fields = from_torch(module, SIZE).analyze().output.receptive_field
    assert fields.dimensions == (3, 2)
    assert list(too_little(module, ReceptiveFields(fields.axes, (2, 3), fields.rank)))


def test_an_axis_along_the_channels_has_no_index_in_a_position():
    tokens = smoothed(lambda c: c.flatten(2).transpose(1, 2))
    fields = from_torch(tokens, SIZE).analyze().output.receptive_field
    assert (fields.dimensions, fields[1].interval(3)) == ((1, 1), (2, 5))
    for ask in (fields.interval, fields.center):
        with pytest.raises(DomainError, match="axis 0 of the input runs along dimension 1 of the output, its channels"):
            ask(0)
        with pytest.raises(DomainError, match="an index for each of the 1 axes of the output"):
            ask(0, 0)


def test_a_figure_frames_the_hull_of_what_it_shows():
    report = from_torch(smoothed(TURNED["as before"]), SIZE).analyze()
    stage = seen(report, report.output.name, (5, 2)).stages[0]
    assert (stage.field, stage.parts) == (((4, 7), (1, 4)), (((4, 7), (1, 4)),))


def test_a_position_of_a_sequence_is_that_of_a_step_and_reads_what_its_gradient_says():
    """Along the batch, the channels and the axes: the index belongs to the dimension along which the axis runs."""
    conv = torch.nn.Conv1d(1, 2, 3, stride=2, padding=1)
    torch.nn.init.ones_(conv.weight)
    turns = {0: lambda x: x.permute(2, 0, 1), 1: lambda x: x.permute(0, 2, 1), 2: lambda x: x}
    for dimension, turn in turns.items():
        module = Function(lambda x, conv, turn=turn: turn(conv(x)), conv)
        row = (report := from_torch(module, (1, 9)).analyze()).output
        assert indexed(report, row) == (dimension,)
        for step in range(row.sizes[dimension]):
            image = torch.zeros(1, 1, 9, requires_grad=True)
            module(image).select(dimension, step).sum().backward()
            wanted = {place for place, value in enumerate(image.grad[0, 0]) if value}
            (axis,) = report.reads(row.name, step)["x"]
            assert {place for start, stop in axis.parts for place in range(start, stop)} == wanted
        (whole,) = report.reads(row.name)["x"]
        assert whole.parts == ((0, 9),)
        with pytest.raises(DomainError, match=f"needs an index on dimension {dimension} of"):
            report.reads(row.name, 1, 1)
        with pytest.raises(DomainError, match="needs 0 <= index < 5"):
            report.reads(row.name, 5)
