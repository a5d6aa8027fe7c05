"""Grids of images: every pixel has the colour of its value, and a file from anywhere is read safely."""

from __future__ import annotations

import base64
import re
import struct
import zlib
from xml.etree import ElementTree

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from convmath.errors import DomainError
from convmath.figures import image_grid
from convmath.figures.grid import MOST_ELEMENTS
from convmath.figures.png import png
from convmath.npy import load

SVG = "{http://www.w3.org/2000/svg}"
YELLOW = [240, 228, 66]


def pixels(data):
    """The colours of a PNG file, read chunk by chunk with its check sums."""
    assert data[:8] == b"\x89PNG\r\n\x1a\n"
    chunks, at = {}, 8
    while at < len(data):
        length, kind = struct.unpack(">I4s", data[at : at + 8])
        body = data[at + 8 : at + 8 + length]
        (check,) = struct.unpack(">I", data[at + 8 + length : at + 12 + length])
        assert check == zlib.crc32(kind + body)
        chunks[kind] = body
        at += 12 + length
    assert list(chunks) == [b"IHDR", b"IDAT", b"IEND"]
    width, height, depth, color, *others = struct.unpack(">IIBBBBB", chunks[b"IHDR"])
    assert (depth, color, others) == (8, 2, [0, 0, 0])
    rows = np.frombuffer(zlib.decompress(chunks[b"IDAT"]), np.uint8).reshape(height, 1 + 3 * width)
    assert not rows[:, 0].any()
    return rows[:, 1:].reshape(height, width, 3)


def embedded(picture):
    """The images of a picture by their index."""
    root = ElementTree.fromstring(picture.svg)  # noqa: S314 - our own output
    found = {}
    for group in root.iter(f"{SVG}g"):
        for image in group.iter(f"{SVG}image"):
            data = image.get("href").removeprefix("data:image/png;base64,")
            found[group.get("data-image")] = pixels(base64.b64decode(data, validate=True))
    return found


COLORS = arrays(np.uint8, st.tuples(st.integers(1, 5), st.integers(1, 5), st.just(3)))


@given(COLORS)
def test_a_png_file_holds_its_pixels(colors):
    assert np.array_equal(pixels(png(colors)), colors)


def test_a_png_file_with_a_wrong_byte_is_caught():
    data = bytearray(png(np.zeros((2, 2, 3), np.uint8)))
    data[45] ^= 1
    with pytest.raises((AssertionError, zlib.error)):
        pixels(bytes(data))


def test_every_pixel_is_the_square_of_its_value():
    values = np.arange(12.0).reshape(2, 2, 3)
    grid = image_grid(values, zoom=4, scaling="together")
    found = embedded(grid.picture())
    assert set(found) == {"0", "1"}
    for index, image in found.items():
        wanted = np.rint(values[int(index)] / 11 * 255).repeat(4, 0).repeat(4, 1)
        assert np.array_equal(image, np.repeat(wanted[..., None], 3, -1))
        assert not np.array_equal(image, np.repeat(wanted.T.reshape(8, 12)[..., None], 3, -1))


def test_the_ends_of_grey_are_the_least_and_greatest_value_of_each_image_or_of_all():
    values = np.array([[[0.0, 1.0]], [[1.0, 4.0]]])
    each = [image.colors[0, :, 0].tolist() for image in image_grid(values).images]
    together = [image.colors[0, :, 0].tolist() for image in image_grid(values, scaling="together").images]
    assert each == [[0, 255], [0, 255]]
    assert together == [[0, 64], [64, 255]]


def test_diverging_colours_have_0_in_the_middle_and_both_signs_alike():
    (image,) = image_grid([[-2.0, -1.0, 0.0, 1.0, 2.0]], coloring="diverging").images
    blue, light_blue, white, light_red, red = image.colors[0].astype(int).tolist()
    assert white == [247, 247, 247]
    assert (blue[2] > blue[0], red[0] > red[2]) == (True, True)
    assert (light_blue, light_red) == ([146, 197, 222], [244, 165, 130])
    (shifted,) = image_grid([[0.0, 2.0]], coloring="diverging").images
    assert shifted.colors[0].tolist() == [white, red]


def test_three_channels_are_red_green_and_blue():
    values = np.zeros((2, 3, 1, 2))
    values[0, 0, 0, 0] = values[1, 2, 0, 1] = 1
    first, second = (image.colors.tolist() for image in image_grid(values, coloring="rgb").images)
    assert (first, second) == ([[[255, 0, 0], [0, 0, 0]]], [[[0, 0, 0], [0, 0, 255]]])


@pytest.mark.parametrize("coloring", ["grey", "diverging", "rgb"])
def test_what_is_not_finite_is_yellow_and_is_said(coloring):
    values = np.zeros((1, 3, 2, 2), np.float32)
    values[..., 0, 0], values[..., 1, 1] = np.nan, -np.inf
    grid = image_grid(values, coloring=coloring)
    assert grid.images[0].colors[0, 0].tolist() == grid.images[0].colors[1, 1].tolist() == YELLOW
    assert YELLOW not in grid.images[0].colors[0, 1:].tolist()
    assert "Yellow" in grid.picture().svg


FLOATS = st.floats(allow_nan=True, allow_infinity=True, width=64)


@given(arrays(np.float64, st.tuples(st.just(3), st.integers(1, 3), st.integers(1, 3)), elements=FLOATS))
@pytest.mark.parametrize("coloring", ["grey", "diverging", "rgb"])
def test_no_value_breaks_a_picture_and_larger_values_are_not_darker(coloring, values):
    grid = image_grid(values, coloring=coloring)
    ElementTree.fromstring(grid.picture().svg)  # noqa: S314 - our own output
    if coloring == "grey":
        for image, one in zip(grid.images, values, strict=True):
            order = np.argsort(one[np.isfinite(one)], kind="stable")
            grey = image.colors[np.isfinite(one)][:, 0].astype(int)[order]
            assert (np.diff(grey) >= 0).all()


def test_few_images_are_drawn_large_and_many_small():
    sides = [image_grid(np.zeros((count, 8, 8))).zoom * 8 for count in (1, 4, 16, 49, 400)]
    assert sides == sorted(sides, reverse=True)
    assert (sides[0], sides[-1]) == (256, 64)
    assert image_grid(np.zeros((1, 300, 300))).zoom == 1


@pytest.mark.parametrize("dtype", [np.bool_, np.uint8, np.int64, np.float16, ">f4", np.longdouble])
def test_every_real_dtype_is_drawn(dtype):
    (image,) = image_grid(np.array([[0, 1], [1, 0]], dtype)).images
    assert image.colors[..., 0].tolist() == [[0, 255], [255, 0]]


def test_a_kernel_is_a_row_of_images_and_feature_maps_are_about_a_square():
    assert image_grid(np.zeros((4, 3, 2, 2))).columns == 3
    assert image_grid(np.zeros((10, 2, 2))).columns == 4
    assert image_grid(np.zeros((6, 3, 2, 2)), coloring="rgb").columns == 3
    assert image_grid(np.zeros((10, 2, 2)), columns=5).rows == 2


def test_a_png_file_of_a_grid_has_the_images_with_white_between_them():
    grid = image_grid(np.arange(8.0).reshape(2, 2, 2), zoom=3, columns=2)
    found = pixels(grid.png())
    assert found.shape == (6 + 6 + 6, 2 * (6 + 6) + 6, 3)
    assert (found[:6] == 255).all()
    assert found[6, 6].tolist() == [0, 0, 0]
    assert (found[:, 12:18] == 255).all()


def test_equal_arrays_are_equal_bytes():
    values = np.random.default_rng(0).normal(size=(2, 2, 3, 3))
    assert image_grid(values).picture().svg == image_grid(values.copy()).picture().svg
    assert image_grid(values).png() == image_grid(values.copy()).png()
    assert image_grid(values)._repr_svg_() == image_grid(values).picture().svg


# Refusals


class Trap:
    def __reduce__(self):
        return (print, ("unpickled",))


def header(text):
    data = text.encode()
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(data)) + data


HOSTILE = {
    "empty": b"",
    "cut off": header("{'descr': '<f8', 'fortran_order': False, 'shape': (9, 9), }\n") + b"\0" * 8,
    "absurd": header("{'descr': '<f8', 'fortran_order': False, 'shape': (4611686018427387904, 9), }\n"),
    "negative": header("{'descr': '<f8', 'fortran_order': False, 'shape': (-1, 9), }\n"),
    "no header": header("print('run')\n"),
    "archive": b"PK\x03\x04" + b"\0" * 30,
}


@pytest.mark.parametrize("data", HOSTILE.values(), ids=HOSTILE)
def test_a_hostile_file_is_refused_in_a_sentence(tmp_path, data):
    (tmp_path / "array.npy").write_bytes(data)
    with pytest.raises(DomainError, match="of plain numbers"):
        load("array", tmp_path / "array.npy")


def test_objects_are_not_unpickled(tmp_path, capsys):
    np.save(tmp_path / "trap.npy", np.array([Trap()], dtype=object), allow_pickle=True)
    with pytest.raises(DomainError, match="of plain numbers"):
        load("array", tmp_path / "trap.npy")
    assert "unpickled" not in capsys.readouterr().out
    np.load(tmp_path / "trap.npy", allow_pickle=True)
    assert "unpickled" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("values", "options", "sentence"),
    [
        (np.zeros(3), {}, "needs a shape (H, W)"),
        (np.zeros((0, 3)), {}, "none of them 0"),
        (np.zeros((1,) * 5), {}, "needs a shape (H, W)"),
        (np.zeros((2, 2), complex), {}, "real numbers"),
        (np.array([["a", "b"]]), {}, "real numbers"),
        (np.zeros((2, 2, 2)), {"coloring": "rgb"}, "needs three channels"),
        (np.broadcast_to(np.zeros(()), (2, MOST_ELEMENTS)), {}, "elements"),
        (np.zeros((5000, 1, 1)), {}, "more images"),
        (np.zeros((2, 2)), {"zoom": 10**6}, "pixels"),
        (np.zeros((2, 2)), {"zoom": 0}, "needs zoom >= 1"),
        (np.zeros((2, 2)), {"columns": -1}, "needs columns >= 1"),
    ],
)
def test_what_cannot_be_drawn_is_refused_in_a_sentence(values, options, sentence):
    with pytest.raises(DomainError, match=re.escape(sentence)):
        image_grid(values, **options)
