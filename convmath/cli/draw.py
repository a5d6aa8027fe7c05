"""``convmath draw``: figures of layers, and of kernels and feature maps."""

from __future__ import annotations

import re
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ..errors import DomainError
from ..geometry import PADDING_FORMS
from .documents import write
from .sizes import numbers, padding_of

if TYPE_CHECKING:
    from ..figures.windows import Layer


class Mode(StrEnum):
    """What pooling takes of a window."""

    MAX = "max"
    AVG = "avg"


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


@app.command("conv")
def conv(
    input_size: Size,
    kernel_size: Kernel,
    stride: Stride = "1",
    padding: Padding = "0",
    dilation: Dilation = "1",
    frame: Frame = None,
    frames: Frames = False,
    seconds: Seconds = 1.0,
    output: Output = None,
) -> None:
    """Draw a convolution: the input with its padding, the window of each output, the output.

    \b
    Examples:
      convmath draw conv 5x5 -k 3 -s 2 -p 1 -o conv.svg
      convmath draw conv 7x7 -k 3 -d 2 --frame 0 -o first.svg
      convmath draw conv 16 -k 3 -p causal -d 4 --frames -o frames/
    """
    from ..network.operators import Conv

    size = _sizes("input_size", input_size)
    options = _options(len(size), kernel_size, stride, padding, dilation)
    _draw(Conv(1, 1, **options), size, frame, frames, seconds, output)


@app.command("conv-transpose")
def conv_transpose(
    input_size: Size,
    kernel_size: Kernel,
    stride: Stride = "1",
    padding: Padding = "0",
    output_padding: Annotated[
        str, typer.Option("--output-padding", "--op", metavar="A", help="Positions added at the end.")
    ] = "0",
    dilation: Dilation = "1",
    frame: Frame = None,
    frames: Frames = False,
    seconds: Seconds = 1.0,
    output: Output = None,
) -> None:
    """Draw a transposed convolution, as the convolution of the input with zeros between and around its elements.

    \b
    Example:
      convmath draw conv-transpose 3x3 -k 3 -s 2 -p 1 --op 1 -o up.svg
    """
    from ..network.operators import ConvTranspose

    size = _sizes("input_size", input_size)
    options = _options(len(size), kernel_size, stride, padding, dilation)
    added = _integers("output_padding", output_padding)
    _draw(ConvTranspose(1, 1, **options, output_padding=added), size, frame, frames, seconds, output)


@app.command("pool")
def pool(
    input_size: Size,
    kernel_size: Annotated[str, typer.Option("--kernel-size", "-k", metavar="K", help="Elements of a window.")],
    mode: Annotated[Mode, typer.Option("--mode", "-m", help="The largest element or the mean.")] = Mode.MAX,
    stride: Annotated[
        str | None,
        typer.Option("--stride", "-s", metavar="S", help="Distance of the windows. Default: the kernel size."),
    ] = None,
    padding: Padding = "0",
    dilation: Dilation = "1",
    ceil_mode: Annotated[bool, typer.Option("--ceil-mode", help="A last window may hang over the end.")] = False,
    frame: Frame = None,
    frames: Frames = False,
    seconds: Seconds = 1.0,
    output: Output = None,
) -> None:
    """Draw pooling: the windows on the input, and the output.

    \b
    Example:
      convmath draw pool 5x5 -k 2 --ceil-mode -o pool.svg
    """
    from ..network.operators import Pool

    size = _sizes("input_size", input_size)
    options = _options(len(size), kernel_size, kernel_size if stride is None else stride, padding, dilation)
    _draw(Pool(mode.value, **options, ceil_mode=ceil_mode), size, frame, frames, seconds, output)


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
    from ..figures.grid import image_grid, load

    found = image_grid(load(array), coloring=colors.value, scaling=scale.value, columns=columns, zoom=zoom)
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


def _draw(
    layer: Layer, size: tuple[int, ...], frame: int | None, frames: bool, seconds: float, output: Path | None
) -> None:
    """One output, a file for each, or an animation of all."""
    if frames and (frame is not None or output is None):
        raise typer.BadParameter("needs --output, a folder, and no --frame", param_hint="--frames")
    if not frames and output is not None and output.suffix.lower() != ".svg":
        raise DomainError("output", str(output), "needs the suffix .svg")
    from .. import figures

    windows = figures.Windows(layer, size)
    if not frames or output is None:
        picture = figures.animation(windows, seconds=seconds) if frame is None else figures.frame(windows, frame)
        write(picture.svg, output)
        return
    digits = len(str(len(windows.positions) - 1))
    for number, picture in enumerate(figures.frames(windows)):
        picture.save(output / f"frame-{number:0{digits}}.svg")
    typer.echo(f"{len(windows.positions)} files in {output}")
