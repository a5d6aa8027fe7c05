"""Kernels and feature maps as images in a grid."""

from __future__ import annotations

from base64 import b64encode
from dataclasses import dataclass, field
from math import ceil, prod, sqrt
from typing import Any, Literal, TypeAlias

import numpy as np
import numpy.typing as npt

from ..errors import DomainError
from ..notebook import brief, counted
from .png import Colors, magnified, png
from .svg import FAINT, Drawing, Picture, by, elements, width_of

Values: TypeAlias = npt.NDArray[Any]
Coloring: TypeAlias = Literal["grey", "diverging", "rgb"]
Scaling: TypeAlias = Literal["each", "together"]

MOST_IMAGES = 4096
MOST_ELEMENTS = 4_000_000
MOST_PIXELS = 64_000_000

MARGIN, GAP, LABEL, HEAD = 16, 6, 13, 66
ACROSS, SMALLEST, LARGEST = 640, 64, 256
"""About how many pixels all images take, and at least and at most one of few elements, along the longer side."""

_STOPS = {
    "grey": np.array([[0, 0, 0], [255, 255, 255]]),
    "diverging": np.array([[33, 102, 172], [146, 197, 222], [247, 247, 247], [244, 165, 130], [178, 24, 43]]),
}
"""Colours from the least value to the greatest; the diverging ones are ColorBrewer's RdBu, backwards."""

_NOT_FINITE = np.array([240, 228, 66], np.uint8)


@dataclass(frozen=True)
class Image:
    """One image of a grid.

    Attributes: index: its place in the array's first axes. colors: its pixels. least, most: its finite values' ends.
    """

    index: tuple[int, ...]
    colors: Colors = field(repr=False)
    least: float
    most: float


@dataclass(frozen=True)
class ImageGrid:
    """Images of equal sizes in rows.

    Attributes:
        images: the images, row by row.
        columns: images in a row.
        zoom: pixels along an element.
        coloring: how values become colours.
        scaling: which values the ends of the colours are.
        ends: the values at both ends of the colours, where all images have the same.
        not_finite: elements that are infinite or no number; they are yellow.

    >>> grid = image_grid([[[0, 1], [2, 4]], [[1, 1], [3, 0]]])
    >>> grid.columns, grid.rows, grid.ends, grid.not_finite
    (2, 1, None, 0)
    """

    images: tuple[Image, ...]
    columns: int
    zoom: int
    coloring: Coloring
    scaling: Scaling
    ends: tuple[float, float] | None
    not_finite: int

    def __repr__(self) -> str:
        """How many images of which sizes, and in how many columns."""
        height, width, _ = self.images[0].colors.shape
        images = f"{counted(len(self.images), 'image')} of {by((height, width))} elements"
        return brief(self, images, counted(self.columns, "column"), self.coloring)

    @property
    def rows(self) -> int:
        """The number of rows.

        >>> image_grid(np.zeros((5, 2, 2)), columns=2).rows
        3
        """
        return -(-len(self.images) // self.columns)

    def png(self) -> bytes:
        """A PNG file of the images alone, with white between them.

        >>> image_grid([[[0, 1], [2, 4]]]).png()[1:4]
        b'PNG'
        """
        height, width, _ = self.images[0].colors.shape
        high, wide = height * self.zoom + GAP, width * self.zoom + GAP
        canvas = np.full((self.rows * high + GAP, self.columns * wide + GAP, 3), 255, np.uint8)
        for place, image in enumerate(self.images):
            row, column = divmod(place, self.columns)
            top, left = row * high + GAP, column * wide + GAP
            canvas[top : top + high - GAP, left : left + wide - GAP] = magnified(image.colors, self.zoom)
        return png(canvas)

    def picture(self, title: str = "Images") -> Picture:
        """The grid in SVG, each image with its index, and what the colours mean.

        >>> image_grid([[[0, 1], [2, 4]]]).picture("Kernel").svg.count("<image")
        1
        """
        height, width, _ = self.images[0].colors.shape
        high, wide = height * self.zoom, width * self.zoom
        label = LABEL if len(self.images) > 1 and wide >= 24 else 0
        below = HEAD + self.rows * (high + GAP + label)
        told = self._meaning()
        words = max(width_of(title, 15, bold=True), *(width_of(line, 11) for line in told), 200)
        total = 2 * MARGIN + max(self.columns * (wide + GAP), words)
        description = f"{len(self.images)} images of {height} by {width} elements. {' '.join(told)}"
        drawing = Drawing(total, below + 16 * len(told) + MARGIN + 8, title, description)
        drawing.text(drawing.root, MARGIN, 32, title, 15, font_weight="bold")
        count = f"{len(self.images)} images of" if len(self.images) > 1 else "1 image of"
        drawing.text(drawing.root, MARGIN, 52, f"{count} {by((height, width))} elements", fill=FAINT)
        for place, image in enumerate(self.images):
            row, column = divmod(place, self.columns)
            x, y = MARGIN + column * (wide + GAP), HEAD + row * (high + GAP + label)
            self._image(drawing, image, (x, y, wide, high), label)
        self._legend(drawing, below + 12, told)
        return drawing.picture()

    def _repr_svg_(self) -> str:
        """What a notebook shows."""
        return self.picture().svg

    def _image(self, drawing: Drawing, image: Image, place: tuple[int, int, int, int], label: int) -> None:
        x, y, wide, high = place
        index = ",".join(map(str, image.index))
        group = drawing.group(data_image=index)
        drawing.add(group, "title", f"{index}: from {image.least:.4g} to {image.most:.4g}".removeprefix(": "))
        data = f"data:image/png;base64,{b64encode(png(magnified(image.colors, self.zoom))).decode()}"
        size: dict[str, Any] = {"x": x, "y": y, "width": wide, "height": high}
        drawing.add(group, "image", **size, href=data, style="image-rendering:pixelated")
        drawing.add(group, "rect", **size, fill="none", stroke=FAINT, stroke_width=0.5)
        if label:
            room = {"text_anchor": "middle", "fill": FAINT}
            drawing.text(group, x + wide / 2, y + high + LABEL - 2, index, min(10, wide / width_of(index, 1)), **room)

    def _meaning(self) -> list[str]:
        """What the colours mean, in sentences."""
        sentences = []
        whose = "of each image" if self.ends is None else "of all images" if len(self.images) > 1 else "of the image"
        if self.coloring == "diverging":
            sentences.append(f"Blue is negative, white 0, red positive; the ends are ± the greatest size {whose}.")
        elif self.coloring == "rgb":
            sentences.append(f"The channels are red, green and blue, from the least value to the greatest {whose}.")
        else:
            sentences.append(f"Black is the least value {whose}, white the greatest.")
        if self.ends is not None:
            sentences.append(f"The ends are {self.ends[0]:.4g} and {self.ends[1]:.4g}.")
        if self.not_finite:
            sentences.append(f"Yellow is infinite or no number, {elements(self.not_finite)}.")
        return sentences

    def _legend(self, drawing: Drawing, y: float, told: list[str]) -> None:
        for row, sentence in enumerate(told):
            drawing.text(drawing.root, MARGIN, y + 16 * row + 4, sentence, 11)


def image_grid(
    values: Any,
    *,
    coloring: Coloring = "grey",
    scaling: Scaling = "each",
    columns: int | None = None,
    zoom: int | None = None,
) -> ImageGrid:
    """Kernels or feature maps as images.

    Args:
        values: an array of real numbers: one image ``(H, W)``, feature maps ``(C, H, W)``, or the kernels of a layer
            ``(F, C, H, W)``, a row of images for each first index.
        coloring: ``"grey"``; ``"diverging"`` with 0 in the middle; ``"rgb"``, which takes three channels together.
        scaling: whether the colours' ends are those of ``"each"`` image or of all ``"together"``.
        columns: images in a row.
        zoom: pixels along an element.

    Raises:
        DomainError: the values are no such array, or too many.

    >>> image_grid([[[0, 1], [2, 4]]]).images[0].colors[..., 0].tolist()
    [[0, 64], [128, 255]]
    """
    array = np.asarray(values)
    _require(array, coloring)
    with np.errstate(all="ignore"):  # a wider float may not fit; then it is shown as infinite
        images = _images(array.astype(np.float64), coloring)
    height, width = images[0][1].shape[:2]
    columns = _at_least_one("columns", columns, _columns(array.shape, len(images), coloring))
    side = min(LARGEST, max(SMALLEST, ACROSS // max(columns, -(-len(images) // columns))))
    zoom = _at_least_one("zoom", zoom, max(1, round(side / max(height, width))))
    if len(images) * height * width * zoom**2 > MOST_PIXELS:
        raise DomainError("zoom", zoom, f"leads to more than {MOST_PIXELS} pixels")
    everything = [_ends(image, coloring) for _, image in images]
    common = (min(low for low, _ in everything), max(high for _, high in everything))
    drawn = []
    for (index, image), own in zip(images, everything, strict=True):
        finite = image[np.isfinite(image)]
        least, most = (finite.min(), finite.max()) if finite.size else (np.nan, np.nan)
        colors = _colored(image, own if scaling == "each" else common, coloring)
        drawn.append(Image(index, colors, float(least), float(most)))
    lost = sum(int((~np.isfinite(image)).sum()) for _, image in images)
    ends = common if scaling == "together" or len(images) == 1 else None
    return ImageGrid(tuple(drawn), min(columns, len(drawn)), zoom, coloring, scaling, ends, lost)


def _require(array: Values, coloring: Coloring) -> None:
    if array.dtype.kind not in "biuf":
        raise DomainError("values", str(array.dtype), "needs an array of real numbers")
    if not 2 <= array.ndim <= 4 or not array.size:
        raise DomainError("values", array.shape, "needs a shape (H, W), (C, H, W) or (F, C, H, W), none of them 0")
    if coloring == "rgb" and (array.ndim < 3 or array.shape[-3] != 3):
        raise DomainError("values", array.shape, "needs three channels for the colours: (3, H, W) or (F, 3, H, W)")
    if array.size > MOST_ELEMENTS:
        raise DomainError("values", array.shape, f"has {array.size} elements, and a grid shows at most {MOST_ELEMENTS}")
    if prod(array.shape[:-2]) > MOST_IMAGES:
        raise DomainError("values", array.shape, f"has more images than a grid shows, at most {MOST_IMAGES}")


def _at_least_one(name: str, value: int | None, usual: int) -> int:
    if value is not None and value < 1:
        raise DomainError(name, value, f"needs {name} >= 1")
    return usual if value is None else value


def _columns(shape: tuple[int, ...], images: int, coloring: Coloring) -> int:
    """A row for each kernel, or about a square."""
    return shape[1] if len(shape) == 4 and coloring != "rgb" and shape[1] > 1 else ceil(sqrt(images))


def _images(array: Values, coloring: Coloring) -> list[tuple[tuple[int, ...], Values]]:
    """Every image with its index; of three channels the last axis is the colour."""
    if coloring == "rgb":
        array = np.moveaxis(array, -3, -1)
    first = array.shape[: array.ndim - (3 if coloring == "rgb" else 2)]
    return [(index, array[index]) for index in np.ndindex(*first)]


def _ends(image: Values, coloring: Coloring) -> tuple[float, float]:
    """The values at the ends of the colours; without any finite value, 0."""
    finite = image[np.isfinite(image)]
    if not finite.size:
        return 0.0, 0.0
    least, most = float(finite.min()), float(finite.max())
    return (-max(-least, most), max(-least, most)) if coloring == "diverging" else (least, most)


def _colored(image: Values, ends: tuple[float, float], coloring: Coloring) -> Colors:
    """Pixels; where both ends are the same, the middle of the colours."""
    size = max(map(abs, ends)) or 1.0
    low, high = (end / size for end in ends)  # so that no difference overflows
    finite = np.isfinite(image)
    places = (np.where(finite, image, 0) / size - low) / (high - low) if high > low else np.full(image.shape, 0.5)
    stops = _STOPS["grey" if coloring == "rgb" else coloring]
    at = np.linspace(0, 1, len(stops))
    if coloring == "rgb":
        colors = np.rint(255 * np.clip(places, 0, 1)).astype(np.uint8)
    else:
        colors = np.rint(np.stack([np.interp(places, at, stop) for stop in stops.T], -1)).astype(np.uint8)
    colors[~(finite.all(axis=-1) if coloring == "rgb" else finite)] = _NOT_FINITE
    return colors
