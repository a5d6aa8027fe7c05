"""What a pixel sees through a network: the marks are the support of real gradients, at every tensor on the way."""

from __future__ import annotations

import re
from collections import OrderedDict
from itertools import product
from xml.etree import ElementTree

import pytest

from convmath.errors import DomainError
from convmath.figures import seen, seen_picture
from convmath.figures.seen import MOST_STAGES, Stage
from convmath.network import Graph
from convmath.network.operators import Activation, Combine, Conv, Flatten, Linear, Pad, Permute, Pool, Slice, Unknown

SVG = "{http://www.w3.org/2000/svg}"
RECTANGLE = re.compile(r"M(\d+) (\d+)h(\d+)v(\d+)h-\d+z")


def marks(what):
    """The elements that are marked in each tensor, by its name; read from the picture."""
    root = ElementTree.fromstring(seen_picture(what).svg)  # noqa: S314 - our own output
    found = {}
    for group in root.iter(f"{SVG}g"):
        for path in group.iter(f"{SVG}path"):
            if group.get("data-node") and path.get("data-reads"):
                rectangles = [tuple(map(int, one)) for one in RECTANGLE.findall(path.get("d"))]
                cells = ((y + j, x + i) for x, y, w, h in rectangles for j, i in product(range(h), range(w)))
                found[group.get("data-node")] = set(cells)
    return found


def layered(axes):
    """A network with a dilated branch, a pooling and a transposed convolution, in torch."""
    from torch import nn

    conv = (nn.Conv1d, nn.Conv2d, nn.Conv3d)[axes - 1]
    pool = (nn.AvgPool1d, nn.AvgPool2d, nn.AvgPool3d)[axes - 1]
    up = (nn.ConvTranspose1d, nn.ConvTranspose2d, nn.ConvTranspose3d)[axes - 1]

    class Layered(nn.Module):
        def __init__(self):
            super().__init__()
            self.stem = conv(2, 3, 3, stride=2, padding=1)
            self.near = conv(3, 3, 1)
            self.far = conv(3, 3, 3, dilation=3, padding=3)
            self.pool = pool(2)
            self.up = up(3, 2, 3, stride=2, padding=1)

        def forward(self, image):
            stem = self.stem(image)
            far = self.far(stem)
            pooled = self.pool(self.near(stem) + far)
            return OrderedDict(stem=stem, far=far, pool=pooled, up=self.up(pooled))

    return Layered()


def gradients(module, size, position):
    """Where the gradient of one output is not zero, at every tensor on the way; all weights are positive."""
    import torch

    module = module.double()
    with torch.no_grad():
        for weights in module.parameters():
            weights.uniform_(0.5, 1.0, generator=torch.Generator().manual_seed(0))
    image = torch.ones(1, 2, *size, dtype=torch.float64, requires_grad=True)
    values = module(image)
    for value in values.values():
        value.retain_grad()
    values["up"][(0, slice(None), *position)].sum().backward()
    found = {}
    for name, value in {"input": image, **values}.items():
        support = value.grad[0].sum(0) != 0
        found[name] = {tuple(place) if len(place) > 1 else (0, *place) for place in support.nonzero().tolist()}
    return found


def graph(axes, size):
    """The same network as a graph."""
    net = Graph()
    taps = (3,) * axes
    stem = net.add("stem", Conv(2, 3, taps, stride=2, padding=1), net.input((2, *size)))
    near, far = net.add("near", Conv(3, 3, (1,) * axes), stem), net.add("far", Conv(3, 3, taps, 1, 3, 3), stem)
    pooled = net.add("pool", Pool("avg", (2,) * axes), net.add("sum", Combine("add"), near, far))
    from convmath.network.operators import ConvTranspose

    net.add("up", ConvTranspose(3, 2, taps, stride=2, padding=1), pooled)
    return net.analyze()


@pytest.mark.parametrize(("size", "positions"), [((20, 24), [(4, 5), (0, 0), (8, 3)]), ((30,), [(6,), (0,), (12,)])])
def test_what_is_marked_is_the_support_of_the_gradient_at_every_tensor(size, positions):
    report, module = graph(len(size), size), layered(len(size))
    for position in positions:
        wanted, found = gradients(module, size, position), marks(seen(report, "up", position))
        assert set(found) == {"input", "stem", "far", "pool", "up"}
        assert found == {name: wanted[name] for name in found}


def test_two_corners_that_are_read_are_marked_and_not_all_between_them():
    net = Graph()
    corners = []
    for first in (0, 4):
        rows = net.add(f"rows{first}", Slice(2, first, first + 4), net.input((1, 8, 8)) if not first else "input")
        corners.append(net.add(f"corner{first}", Slice(3, first, first + 4), rows))
    net.add("conv", Conv(1, 1, (3, 3), padding=1), net.add("sum", Combine("add"), *corners))
    wanted = {(first + y, first + x) for first in (0, 4) for y, x in product(range(3), repeat=2)}
    assert marks(seen(net.analyze(), "conv", (1, 1)))["input"] == wanted


def test_another_pixel_and_another_stride_mark_other_elements():
    wanted = gradients(layered(2), (20, 24), (4, 5))
    assert marks(seen(graph(2, (20, 24)), "up", (4, 5)))["input"] == wanted["input"]
    assert marks(seen(graph(2, (20, 24)), "up", (4, 6)))["input"] != wanted["input"]


def chain(count, size=(1, 24, 24)):
    net = Graph()
    last = net.input(size)
    for number in range(count):
        last = net.add(f"conv{number}", Conv(1, 1, (3, 3), stride=2 if number % 8 == 7 else 1, padding=1), last)
        last = net.add(f"relu{number}", Activation("relu"), last)
    return net


def test_layers_that_look_around_are_shown_and_of_many_one_for_each_size():
    few = seen(chain(3).analyze())
    assert [stage.name for stage in few.stages] == ["input", "conv0", "conv1", "conv2", "relu2"]
    many = seen(chain(24).analyze())
    assert [stage.size for stage in many.stages] == [(24, 24), (12, 12), (6, 6), (3, 3), (3, 3)]
    assert len(seen(chain(400, (1, 2**20, 2**20)).analyze()).stages) <= MOST_STAGES + 2


def test_without_a_node_the_last_one_with_several_positions_is_shown_at_its_middle():
    net = chain(2)
    net.add("head", Linear(576, 10), net.add("flat", Flatten(1, 3), "relu1"))
    what = seen(net.analyze())
    assert (what.name, what.position) == ("relu1", (12, 12))


def test_the_field_without_borders_is_drawn_where_it_ends_near():
    report = chain(3).analyze()
    corner = seen(report, "relu2", (0, 0)).stages[0]
    assert (corner.hull, corner.field) == (((0, 4), (0, 4)), ((-3, 4), (-3, 4)))
    assert "of a field of 7" in seen_picture(seen(report, "relu2", (0, 0))).svg
    assert "of a field of" not in seen_picture(seen(report, "relu2", (12, 12))).svg


def causal(count, kernel, size=20):
    """Convolutions of a sequence, each after padding of its own at the left alone."""
    net = Graph()
    last = net.input((1, size))
    for number in range(count):
        last = net.add(f"pad{number}", Pad(((0, 0), (0, 0), (kernel - 1, 0))), last)
        last = net.add(f"conv{number}", Conv(1, 1, (kernel,)), last)
    return net.analyze()


def hulls(what):
    """The right end of what is marked in each strip, and of its elements, in pixels; read from the picture."""
    root = ElementTree.fromstring(seen_picture(what).svg)  # noqa: S314 - our own output
    found = []
    for group in root.iter(f"{SVG}g"):
        if group.get("data-node"):
            boxes = [one for one in group.findall(f"{SVG}rect") if one.get("fill") == "none"]
            found.append([float(one.get("x")) + float(one.get("width")) for one in boxes])
    return found


@pytest.mark.parametrize("count", [2, 12])
def test_no_strip_of_a_causal_network_is_marked_after_the_position(count):
    """All strips are as long, as what is padded is none of them; of many of one size some are shown."""
    what = seen(causal(count, 3), None, (9,))
    assert len({tuple(one) for one in hulls(what)}) == 1
    assert [stage.size for stage in what.stages] == [(20,)] * (min(count - 1, MOST_STAGES) + 2)
    padded = seen(causal(count, 3), "pad1", (11,))
    assert len({tuple(one) for one in hulls(padded)}) > 1


def test_the_field_of_a_strip_is_drawn_within_its_length_and_else_said_to_go_on():
    near, far = (seen_picture(seen(causal(2, kernel), None, (3,))).svg for kernel in (9, 15))
    assert ["open where it goes on" in svg for svg in (near, far)] == [False, True]
    assert ["of a field of" in svg for svg in (near, far)] == [True, True]
    roots = [ElementTree.fromstring(svg) for svg in (near, far)]  # noqa: S314 - our own output
    dashed = [[path for path in root.iter(f"{SVG}path") if path.get("stroke-dasharray")] for root in roots]
    assert [[path.get("d").count("M") for path in paths] for paths in dashed] == [[4], [3]]


def test_lines_lead_from_each_tensor_to_the_first_that_reads_it():
    net = Graph()
    left, right = (net.input((1, 9, 9), name) for name in ("left", "right"))
    near, far = net.add("near", Conv(1, 1, (3, 3)), left), net.add("far", Conv(1, 1, (3, 3)), right)
    net.add("both", Combine("add"), net.add("relu", Activation("relu"), near), far)
    what = seen(net.analyze())
    readers = {stage.name: stage.reader for stage in what.stages}
    assert readers == {"left": "near", "right": "far", "near": "both", "far": "both", "both": None}
    assert "of left with" in seen_picture(what).svg
    assert "of right with" in seen_picture(what).svg


def test_elements_are_counted_once_where_rectangles_overlap():
    parts = (((0, 2), (0, 3)), ((1, 4), (2, 5)), ((0, 2), (7, 8)))
    cells = {place for part in parts for place in product(*(range(*span) for span in part))}
    assert Stage("x", (9, 9), parts, True).count == len(cells)
    assert sum((b - a) * (d - c) for (a, b), (c, d) in parts) != len(cells)


def test_a_name_that_would_break_the_file_is_written_out():
    net = Graph()
    net.add("a<b>&\x1b\x00", Conv(1, 1, (3, 3)), net.input((1, 5, 5), name='im"age\n'))
    svg = seen_picture(seen(net.analyze())).svg
    assert "\x1b" not in svg
    assert marks(seen(net.analyze()))
    assert r"a&lt;b&gt;&amp;\x1b\x00" in svg


def test_an_absurd_size_is_drawn_as_any_other():
    net = Graph()
    net.add(
        "conv", Conv(1, 1, (3, 3), dilation=2**58), net.add("pool", Pool("max", (2, 2)), net.input((1, 2**62, 2**62)))
    )
    what = seen(net.analyze())
    assert [stage.count for stage in what.stages] == [36, 9, 1]
    assert len(seen_picture(what).svg) < 10_000


def test_equal_figures_are_equal_bytes_with_a_title_and_a_description():
    first, second = (seen_picture(seen(graph(2, (20, 24)), "up", (4, 5))).svg for _ in range(2))
    assert first.encode() == second.encode()
    root = ElementTree.fromstring(first)  # noqa: S314 - our own output
    assert [child.tag for child in root[:2]] == [f"{SVG}title", f"{SVG}desc"]
    assert "up" in root[0].text
    assert "input: 20" in root[1].text


def unknown_head():
    net = chain(1)
    net.add("late", Conv(1, 1, (3, 3)), net.add("odd", Unknown("odd", "it is strange", (1, 1, 24, 24)), "relu0"))
    return net.analyze()


@pytest.mark.parametrize(
    ("action", "sentence"),
    [
        (lambda: seen(unknown_head(), "late"), "what it reads is unknown: odd (odd) is not understood"),
        (lambda: seen(chain(1).analyze(), "conv0", (1,)), "needs an index on each of the dimensions 2, 3 of"),
        (lambda: seen(chain(1).analyze(), "conv0", (1, 24)), "needs 0 <= index < 24"),
        (lambda: seen(chain(1).analyze(), "conv"), "did you mean conv0?"),
        (lambda: seen(chain(1, (1, 1, 1)).analyze()), "no node has several positions"),
    ],
)
def test_what_cannot_be_drawn_is_refused_in_a_sentence(action, sentence):
    with pytest.raises(DomainError, match=re.escape(sentence)):
        action()


def along(axis, what):
    """The elements that are marked along an axis in each tensor, by its name; read from the picture."""
    root = ElementTree.fromstring(seen_picture(what).svg)  # noqa: S314 - our own output
    found = {}
    for group in root.findall(f"{SVG}g[@data-axis='{axis}']/{SVG}g[@data-node]"):
        (path,) = (one for one in group.iter(f"{SVG}path") if one.get("data-reads"))
        rectangles = [tuple(map(int, one)) for one in RECTANGLE.findall(path.get("d"))]
        found[group.get("data-node")] = {x + i for x, _, w, _ in rectangles for i in range(w)}
    return found


def projected(axis, wanted):
    return {name: {place[axis] for place in places} for name, places in wanted.items()}


def test_on_three_axes_the_support_of_the_gradient_is_marked_along_each():
    size, position = (12, 14, 16), (2, 0, 3)
    what, wanted = seen(graph(3, size), "up", position), gradients(layered(3), size, position)
    assert all(along(axis, what) == projected(axis, wanted) for axis in range(3))
    assert {stage.name: stage.count for stage in what.stages} == {name: len(found) for name, found in wanted.items()}
    assert f"{len(wanted['input'])} elements" in seen_picture(what).svg
    other = seen(graph(3, size), "up", (2, 0, 5))
    assert along(2, other) != projected(2, wanted)
    assert along(0, what) != projected(1, wanted)


def test_a_node_without_spatial_axes_is_refused():
    net = Graph()
    net.add("dense", Linear(4, 3), net.add("flat", Flatten(1), net.input((1, 4))))
    with pytest.raises(DomainError, match="cannot be drawn, as the axes of an input are no axes of its sizes"):
        seen(net.analyze(), "dense")


def test_a_node_whose_axes_lie_before_its_channels_is_drawn_along_these():
    net = Graph()
    conv = net.add("conv", Conv(1, 4, (3, 3), stride=2), net.input((1, 11, 9)))
    net.add("last", Permute((0, 2, 3, 1)), conv)
    net.add("turned", Permute((0, 1, 3, 2)), conv)
    report = net.analyze()
    first, then = (seen(report, name, (3, 2)) for name in ("conv", "last"))
    assert [stage.parts for stage in then.stages][:2] == [stage.parts for stage in first.stages]
    assert then.stages[0].parts == (((6, 9), (4, 7)),)
    assert then.stages[0].field == ((6, 9), (4, 7))
    assert "What last reads at (3, 2)" in seen_picture(then).svg
    refusal = r"cannot be drawn, as its positions have no index for each axis .*; last can be, by --node last"
    with pytest.raises(DomainError, match=refusal):
        seen(report, "turned", (2, 3))
