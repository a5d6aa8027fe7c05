"""Figures of layers: what is marked is what the definition of the layer says, and a picture is a sound file."""

from __future__ import annotations

import re
from itertools import product
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

import convmath
from convmath.errors import DomainError
from convmath.figures import Windows, animation, frame, frames
from convmath.figures.svg import width_of
from convmath.figures.windows import MOST_ALONG
from convmath.network.operators import Conv, ConvTranspose, Pool

SVG = "{http://www.w3.org/2000/svg}"


def drawn(picture):
    """The root of a picture."""
    return ElementTree.fromstring(picture.svg)  # noqa: S314 - our own output


def places(root, attribute, value):
    """The cells that an attribute marks."""
    found = root.iter(f"{SVG}rect")
    return {tuple(map(int, r.get("data-at").split(","))) for r in found if r.get(attribute) == value}


@st.composite
def layers(draw):
    """A layer with an input, on one or two axes with parameters of their own."""
    axes = draw(st.integers(1, 2))
    kind = draw(st.sampled_from(["conv", "transposed", "pool"]))

    def each(least, most):
        return tuple(draw(st.integers(least, most)) for _ in range(axes))

    taps, stride, dilation, size = each(1, 3), each(1, 3), each(1, 2), each(1, 5)
    spans = [d * (k - 1) + 1 for k, d in zip(taps, dilation, strict=True)]
    if kind == "transposed":
        size = tuple(map(max, size, each(2, 3)))
        pads = tuple((draw(st.integers(0, (n - 1) * s // 2)),) * 2 for n, s in zip(size, stride, strict=True))
        added = tuple(draw(st.integers(0, max(s, d) - 1)) for s, d in zip(stride, dilation, strict=True))
        return Windows(ConvTranspose(1, 1, taps, stride, pads, dilation, output_padding=added), size)
    if kind == "pool":
        pads = tuple((draw(st.integers(0, k // 2)),) * 2 for k in taps)
        layer = Pool("max", taps, stride, pads, dilation, ceil_mode=draw(st.booleans()))
    else:
        pads = tuple((draw(st.integers(0, 3)), draw(st.integers(0, 3))) for _ in taps)
        layer = Conv(1, 1, taps, stride, pads, dilation)
    least = (span - lo - hi for span, (lo, hi) in zip(spans, pads, strict=True))
    return Windows(layer, tuple(map(max, size, least)))


def reads(layer, size, position, stride):
    """The elements that a position reads with each tap on them, from the definition, all of them tried."""
    pads = [lo for lo, _ in layer.padding]
    found = set()
    for element in product(*map(range, size)):
        for tap in product(*map(range, layer.kernel_size)):
            parts = zip(position, element, tap, stride, layer.dilation, pads, strict=True)
            if isinstance(layer, ConvTranspose):
                hit = all(t == s * i + d * k - p for t, i, k, s, d, p in parts)
            else:
                hit = all(i == s * o + d * k - p for o, i, k, s, d, p in parts)
            if hit:
                found.add((element, tap))
    return found


@given(layers(), st.data())
def test_the_elements_under_a_window_and_the_taps_on_them_are_those_of_the_definition(windows, data):
    position = data.draw(st.sampled_from(windows.positions))
    found = {(cell.element, cell.tap) for cell in windows.under(position) if cell.element is not None}
    layer = windows.layer
    assert found == reads(layer, windows.input_size, position, layer.stride)
    spacing = layer.stride if isinstance(layer, ConvTranspose) else (1,) * len(position)
    for cell in windows.under(position):
        if cell.element is not None:
            assert cell.place == tuple(i * s for i, s in zip(cell.element, spacing, strict=True))


@given(layers(), st.data())
def test_a_window_has_every_tap_once_and_lies_on_cells_that_are_drawn(windows, data):
    position = data.draw(st.sampled_from(windows.positions))
    under = list(windows.under(position))
    assert sorted(cell.tap for cell in under) == list(product(*map(range, windows.layer.kernel_size)))
    assert {cell.place for cell in under} <= {place for place, _ in windows.cells}


@given(layers(), st.data())
def test_a_frame_marks_what_is_read_what_is_covered_and_the_output(windows, data):
    index = data.draw(st.integers(0, len(windows.positions) - 1))
    root, position = drawn(frame(windows, index)), windows.positions[index]
    under = list(windows.under(position))
    assert places(root, "data-mark", "read") == {cell.place for cell in under if cell.element is not None}
    assert places(root, "data-mark", "covered") == {cell.place for cell in under if cell.element is None}
    assert places(root, "data-mark", "position") == {position}
    for kind in ("input", "zero", "padding", "beyond"):
        assert places(root, "data-kind", kind) == {place for place, found in windows.cells if found == kind}


def test_a_wrong_stride_marks_other_elements():
    windows = Windows(Conv(1, 1, (3, 3), (2, 2), ((1, 1), (1, 1)), (1, 1)), (7, 7))
    marked = {cell.element for cell in windows.under((1, 1)) if cell.element is not None}
    assert marked == {element for element, _ in reads(windows.layer, (7, 7), (1, 1), (2, 2))}
    assert marked != {element for element, _ in reads(windows.layer, (7, 7), (1, 1), (3, 3))}


def test_a_kernel_that_is_not_turned_marks_other_taps_of_a_transposed_convolution():
    windows = Windows(ConvTranspose(1, 1, (3,), (2,), ((1, 1),), (1,)), (4,))
    found = {(cell.element, cell.tap) for cell in windows.under((3,)) if cell.element is not None}
    right = reads(windows.layer, (4,), (3,), (2,))
    assert found == right
    assert found != {(element, (2 - tap[0],)) for element, tap in right}


@given(layers())
def test_every_element_and_position_is_drawn_and_the_sizes_are_those_of_the_formula(windows):
    kinds = [kind for _, kind in windows.cells]
    assert kinds.count("input") == len(list(product(*map(range, windows.input_size))))
    layer = windows.layer
    options = {"stride": layer.stride, "padding": layer.padding, "dilation": layer.dilation}
    if isinstance(layer, ConvTranspose):
        options["output_padding"] = layer.output_padding
        helper = convmath.conv_transpose_output_size
    elif isinstance(layer, Pool):
        options["ceil_mode"] = layer.ceil_mode
        helper = convmath.pool_output_size
    else:
        helper = convmath.conv_output_size
    assert windows.output_size == helper(windows.input_size, layer.kernel_size, **options)


def test_padding_that_no_window_reaches_is_drawn_and_what_ceil_mode_adds_lies_beyond_it():
    unreached = Windows(Conv(1, 1, (2,), (3,), ((0, 1),), (1,)), (5,))
    assert dict(unreached.cells)[(5,)] == "padding"
    beyond = Windows(Pool("max", (2,), (2,), ((0, 0),), (1,), ceil_mode=True), (5,))
    assert dict(beyond.cells)[(5,)] == "beyond"


# Pictures

EXAMPLES = {
    "stride and padding": Windows(Conv(1, 1, (3, 3), stride=2, padding=1), (5, 5)),
    "dilation, uneven padding": Windows(Conv(1, 1, (3, 3), dilation=(2, 1), padding=((2, 0), (1, 2))), (7, 6)),
    "transposed": Windows(ConvTranspose(1, 1, (3, 3), stride=2, padding=1, output_padding=1), (3, 3)),
    "pooling": Windows(Pool("avg", (2, 2), ceil_mode=True), (5, 5)),
    "one axis": Windows(Conv(1, 1, (3,), dilation=4, padding="causal"), (16,)),
    "one output": Windows(Conv(1, 1, (1, 1)), (1, 1)),
}
example = pytest.mark.parametrize("windows", EXAMPLES.values(), ids=EXAMPLES)


def outside(root):
    """What sticks out of the picture; of text, the room that it takes in a usual font."""
    width, height = map(float, root.get("viewBox").split()[2:])
    found = []
    for element in root.iter():
        at = {
            name: float(element.get(name)) for name in ("x", "y", "width", "height", "font-size") if element.get(name)
        }
        if element.tag == f"{SVG}text":
            room = 0.5 * at["font-size"] * len(element.text)
            left = at["x"] - room / 2 if element.get("text-anchor") == "middle" else at["x"]
            box = (left, at["y"] - at["font-size"], left + room, at["y"])
        elif element.tag == f"{SVG}rect":
            box = (at.get("x", 0), at.get("y", 0), at.get("x", 0) + at["width"], at.get("y", 0) + at["height"])
        else:
            continue
        if min(box[:2]) < 0 or box[2] > width or box[3] > height:
            found.append((element.tag, element.text, box))
    return found


@example
def test_a_picture_says_what_it_shows_and_nothing_sticks_out(windows):
    root = drawn(frame(windows))
    assert [child.tag for child in root[:2]] == [f"{SVG}title", f"{SVG}desc"]
    assert all(child.text for child in root[:2])
    assert outside(root) == []
    sizes = [float(text.get("font-size")) for text in root.iter(f"{SVG}text")]
    assert min(sizes) >= 7


def test_what_sticks_out_is_found():
    assert outside(drawn(frame(EXAMPLES["pooling"]))) == []
    root = drawn(frame(EXAMPLES["pooling"]))
    root.set("viewBox", "0 0 100 100")
    assert outside(root)


@example
def test_equal_figures_are_equal_bytes(windows):
    again = Windows(windows.layer, windows.input_size)
    assert frame(windows).svg.encode() == frame(again).svg.encode()
    assert animation(windows).svg.encode() == animation(again).svg.encode()


@example
def test_an_animation_shows_each_frame_in_its_turn(windows):
    root = drawn(animation(windows, seconds=0.5))
    groups = [group for group in root.iter(f"{SVG}g") if "animation-delay" in group.get("style", "")]
    singles = list(map(drawn, frames(windows)))
    assert len(groups) == len(singles) == len(windows.positions)
    for turn, (group, single) in enumerate(zip(groups, singles, strict=True)):
        assert group.get("style") == f"animation-delay:{turn * 0.5:g}s"
        assert group.get("visibility") == ("hidden" if turn else "visible")
        for mark in ("read", "covered", "position"):
            assert places(group, "data-mark", mark) == places(single, "data-mark", mark)
    style = root.find(f"{SVG}style").text or ""
    assert re.findall(r"([\d.]+)s step-end infinite", style) == ([f"{len(groups) * 0.5:g}"] if len(groups) > 1 else [])


def test_a_picture_is_saved_and_shown_by_notebooks(tmp_path):
    picture = frame(EXAMPLES["pooling"])
    picture.save(tmp_path / "new" / "pool.svg")
    assert (tmp_path / "new" / "pool.svg").read_text(encoding="utf-8") == picture.svg == picture._repr_svg_()
    picture.save(str(tmp_path / "UPPER.SVG"))


@pytest.mark.parametrize("name", ["pool.png", "pool.pdf", "pool", "svg", "pool.svg.gz"])
def test_a_picture_is_saved_under_no_other_suffix(tmp_path, name):
    with pytest.raises(DomainError, match=r"needs the suffix \.svg: pictures are written as SVG alone"):
        frame(EXAMPLES["pooling"]).save(tmp_path / name)
    assert list(tmp_path.iterdir()) == []


def test_a_text_is_about_as_wide_as_it_is_drawn():
    """The widths are Helvetica's, in thousandths of an em, as its metrics have them; a mean width misses them."""
    metrics = {
        "input": 222 + 556 + 556 + 556 + 278,
        "Wm": 944 + 833,
        "illi": 4 * 222,
        "kernel 3": 500 + 3 * 556 + 333 + 222,
    }
    metrics = {
        "input": 222 + 556 + 556 + 556 + 278,
        "Wm": 944 + 833,
        "illi": 4 * 222,
        "kernel 3": 500 + 556 + 333 + 556 + 556 + 222 + 278 + 556,
    }
    for words, width in metrics.items():
        assert width <= width_of(words, 1000) <= 1.25 * width, words
    assert not all(width <= 560 * len(words) <= 1.25 * width for words, width in metrics.items())
    assert width_of("\N{CJK UNIFIED IDEOGRAPH-5377}" * 4, 10) >= 40


# Refusals


@pytest.mark.parametrize(
    ("action", "sentence"),
    [
        (lambda: Windows(Conv(1, 1, (3,)), (MOST_ALONG + 1,)), "has at most 128 along an axis"),
        (lambda: Windows(Conv(1, 1, (1, 1)), (70, 70)), "70x70 cells"),
        (lambda: Windows(Conv(1, 1, (1, 1), padding=2**40), (3, 3)), "has at most"),
        (lambda: Windows(ConvTranspose(1, 1, (2,), stride=200), (2,)), "203 cells"),
        (lambda: Windows(Conv(1, 1, (1,) * 3), (3, 3, 3)), "needs one or two axes"),
        (lambda: Windows(Conv(1, 1, (3, 3)), (3,)), "needs 1 axes"),
        (lambda: Windows(Conv(1, 1, (5,)), (3,)), "spans 5 elements"),
        (lambda: frame(EXAMPLES["pooling"], 9), "needs 0 <= frame < 9"),
        (lambda: animation(Windows(Conv(1, 1, (5, 5), padding=2), (50, 50))), "62500 cells under its 2500 windows"),
        (lambda: frames(Windows(Conv(1, 1, (5, 5), padding=2), (50, 50))), "2500 frames"),
        (lambda: animation(EXAMPLES["pooling"], seconds=0), "needs 0.02 <= seconds"),
    ],
)
def test_what_cannot_be_drawn_is_refused_in_a_sentence(action, sentence):
    with pytest.raises(DomainError, match=re.escape(sentence)):
        action()
