"""``convmath draw``: figures of layers, and of kernels and feature maps."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ..errors import DomainError
from ..geometry import PADDING_FORMS
from .arrays import CeilMode, Mode, PoolMode, PoolStride, WindowSize
from .documents import write
from .sizes import numbers, padding_of
from .spread import spread

if TYPE_CHECKING:
    from ..figures.windows import Layer


class Colors(StrEnum):
    """How values become colours."""

    GREY = "grey"
    DIVERGING = "diverging"
    RGB = "rgb"


class Scale(StrEnum):
    """Which values the ends of the colours are."""

    EACH = "each"
    TOGETHER = "together"


app = typer.Typer(rich_markup_mode=None, no_args_is_help=True, help="Draw layers, kernels and feature maps as SVG.")

Size = Annotated[str, typer.Argument(metavar="N", help="Input size: 5x5, or 16 with one axis.")]
Kernel = Annotated[str, typer.Option("--kernel-size", "-k", metavar="K", help="Taps of the kernel.")]
Stride = Annotated[str, typer.Option("--stride", "-s", metavar="S", help="Distance of the windows.")]
Padding = Annotated[
    str, typer.Option("--padding", "-p", metavar="P", help=f"Both sides, LO:HI, or {', '.join(PADDING_FORMS)}.")
]
Dilation = Annotated[str, typer.Option("--dilation", "-d", metavar="D", help="Distance of the taps.")]
Frame = Annotated[
    int | None, typer.Option("--frame", metavar="I", help="Only output I, counted row by row from 0; no animation.")
]
Frames = Annotated[bool, typer.Option("--frames", help="A file for every output, in the folder --output.")]
Seconds = Annotated[float, typer.Option("--seconds", metavar="T", help="How long the animation shows each output.")]
Output = Annotated[
    Path | None, typer.Option("--output", "-o", metavar="FILE", help="Write to a file. Default: standard output.")
]


@dataclass(frozen=True)
class Taps:
    """How the windows of a convolution lie."""

    kernel_size: Kernel
    stride: Stride = "1"
    padding: Padding = "0"
    dilation: Dilation = "1"

    def options(self, axes: int) -> dict[str, Any]:
        """The arguments of the layer."""
        return _options(axes, self.kernel_size, self.stride, self.padding, self.dilation)


@dataclass(frozen=True)
class Showing:
    """Which outputs of a layer are drawn, and where to."""

    frame: Frame = None
    frames: Frames = False
    seconds: Seconds = 1.0
    output: Output = None

    def draw(self, layer: Layer, size: tuple[int, ...]) -> None:
        """One output, a file for each, or an animation of all."""
        if self.frames and (self.frame is not None or self.output is None):
            raise typer.BadParameter("needs --output, a folder, and no --frame", param_hint="--frames")
        if self.frames and self.output is not None and self.output.exists() and not self.output.is_dir():
            raise DomainError("output", str(self.output), "is a file, and --frames needs a folder")
        from .. import figures

        if not self.frames and self.output is not None:
            figures.require_svg("output", self.output)
        windows = figures.Windows(layer, size)
        if self.frames and self.output is not None:
            digits = len(str(len(windows.positions) - 1))
            for number, picture in enumerate(figures.frames(windows)):
                picture.save(self.output / f"frame-{number:0{digits}}.svg")
            typer.echo(f"{len(windows.positions)} files in {self.output}")
        elif self.frame is not None:
            write(figures.frame(windows, self.frame).svg, self.output)
        else:
            write(figures.animation(windows, seconds=self.seconds).svg, self.output)


@app.command("conv")
@spread
def conv(input_size: Size, taps: Taps, showing: Showing) -> None:
    """Draw a convolution: the input with its padding, the window of each output, the output.

    \b
    Examples:
      convmath draw conv 5x5 -k 3 -s 2 -p 1 -o conv.svg
      convmath draw conv 7x7 -k 3 -d 2 --frame 0 -o first.svg
      convmath draw conv 16 -k 3 -p causal -d 4 --frames -o frames/
    """
    from ..network.operators import Conv

    size = _sizes("input_size", input_size)
    showing.draw(Conv(1, 1, **taps.options(len(size))), size)


@app.command("conv-transpose")
@spread
def conv_transpose(
    input_size: Size,
    taps: Taps,
    *,
    output_padding: Annotated[
        str, typer.Option("--output-padding", "--op", metavar="A", help="Positions added at the end.")
    ] = "0",
    showing: Showing,
) -> None:
    """Draw a transposed convolution, as the convolution of the input with zeros between and around its elements.

    \b
    Example:
      convmath draw conv-transpose 3x3 -k 3 -s 2 -p 1 --op 1 -o up.svg
    """
    from ..network.operators import ConvTranspose

    size = _sizes("input_size", input_size)
    added = _integers("output_padding", output_padding)
    showing.draw(ConvTranspose(1, 1, **taps.options(len(size)), output_padding=added), size)


@app.command("pool")
@spread
def pool(
    input_size: Size,
    kernel_size: WindowSize,
    *,
    mode: PoolMode = Mode.MAX,
    stride: PoolStride = None,
    padding: Padding = "0",
    dilation: Dilation = "1",
    ceil_mode: CeilMode = False,
    showing: Showing,
) -> None:
    """Draw pooling: the windows on the input, and the output.

    \b
    Example:
      convmath draw pool 5x5 -k 2 --ceil-mode -o pool.svg
    """
    from ..network.operators import Pool

    size = _sizes("input_size", input_size)
    options = _options(len(size), kernel_size, kernel_size if stride is None else stride, padding, dilation)
    showing.draw(Pool(mode.value, **options, ceil_mode=ceil_mode), size)


@app.command("grid")
def grid(
    array: Annotated[
        Path,
        typer.Argument(metavar="FILE.npy", help="An image (H, W), feature maps (C, H, W) or kernels (F, C, H, W)."),
    ],
    colors: Annotated[
        Colors, typer.Option("--colors", "-c", help="Black to white; blue, white at 0, red; or three channels.")
    ] = Colors.GREY,
    scale: Annotated[
        Scale, typer.Option("--scale", "-s", help="The ends of the colours: those of each image, or of all together.")
    ] = Scale.EACH,
    columns: Annotated[int | None, typer.Option("--columns", metavar="N", help="Images in a row.")] = None,
    zoom: Annotated[int | None, typer.Option("--zoom", metavar="N", help="Pixels along an element.")] = None,
    title: Annotated[str | None, typer.Option("--title", help="Default: the name of the file.")] = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="FILE", help="Write to a file (.svg, .png).")
    ] = None,
) -> None:
    """Draw kernels or feature maps as a grid of images.

    Nothing in the file is unpickled. A PNG file has the images alone.

    \b
    Examples:
      convmath draw grid kernels.npy --colors diverging -o kernels.svg
      convmath draw grid conv1.npy --colors rgb -o conv1.png
      convmath draw grid features.npy --scale together --columns 8 -o features.svg
    """
    if output is not None and output.suffix.lower() not in (".svg", ".png"):
        raise DomainError("output", str(output), "needs one of the suffixes .svg, .png")
    from ..figures import image_grid
    from ..npy import load

    found = image_grid(load("array", array), coloring=colors.value, scaling=scale.value, columns=columns, zoom=zoom)
    if output is None or output.suffix.lower() == ".svg":
        write(found.picture(array.stem if title is None else title).svg, output)
    else:
        output.parent.mkdir(parents=True, exist_ok=True)
        output.write_bytes(found.png())


_INTEGERS = re.compile("(?:[-0-9,:]|(?<=[0-9])x(?=[0-9]))+")


def _integers(parameter: str, text: str) -> Any:
    """An int, or a tuple of them; a figure has no letters."""
    if not _INTEGERS.fullmatch(text):
        raise DomainError(parameter, text, "needs integers, such as 3, 5x5 or 3,5")
    return numbers(parameter, text)


def _sizes(parameter: str, text: str) -> tuple[int, ...]:
    """One integer an axis."""
    found = _integers(parameter, text)
    return found if isinstance(found, tuple) else (found,)


def _options(axes: int, kernel_size: str, stride: str, padding: str, dilation: str) -> dict[str, Any]:
    """What all layers have."""
    taps = _sizes("kernel_size", kernel_size)
    if padding not in PADDING_FORMS and not _INTEGERS.fullmatch(padding):
        forms = ", ".join(PADDING_FORMS)
        raise DomainError("padding", padding, f"needs integers such as 1 or 1,2, LO:HI, or one of {forms}")
    return {
        "kernel_size": taps * axes if len(taps) == 1 else taps,
        "stride": _integers("stride", stride),
        "padding": padding_of(padding, axes),
        "dilation": _integers("dilation", dilation),
    }
