"""What calculations with a layer are given: arrays, integers and padding from text, and the options of pooling."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, Any

import typer

from ..errors import DomainError
from ..geometry import PADDING_FORMS
from ..notebook import counted


class Mode(StrEnum):
    """What pooling takes of a window."""

    MAX = "max"
    AVG = "avg"


Input = Annotated[
    str, typer.Option("--input", "-i", metavar="NUMBERS", help='Such as "3 2 0; 0 2 1", or a .csv or .npy file.')
]
Kernel = Annotated[str, typer.Option("--kernel", "-k", metavar="NUMBERS", help="The kernel, written likewise.")]
Stride = Annotated[str, typer.Option("--stride", "-s", metavar="S", help="Distance of neighbouring windows.")]
Padding = Annotated[
    str, typer.Option("--padding", "-p", metavar="P", help="Both sides, LO:HI, or a form such as same.")
]
Dilation = Annotated[str, typer.Option("--dilation", "-d", metavar="D", help="Distance of the taps.")]
Groups = Annotated[int, typer.Option("--groups", "-g", metavar="G", help="Groups of channels.")]
Ndim = Annotated[int, typer.Option("--ndim", min=1, max=2, help="Axes; with 1, each channel is one row of numbers.")]
Binary = Annotated[
    bool, typer.Option("--exact-binary", help="Take floats of .npy files as the binary fractions that they hold.")
]
WindowSize = Annotated[str, typer.Option("--kernel-size", "-k", metavar="K", help="Elements of a window.")]
PoolMode = Annotated[Mode, typer.Option("--mode", "-m", help="The largest element or the mean.")]
PoolStride = Annotated[
    str | None, typer.Option("--stride", "-s", metavar="S", help="Distance of the windows. Default: the kernel size.")
]
CeilMode = Annotated[bool, typer.Option("--ceil-mode", help="A last window may hang over the end.")]

_INTEGER = re.compile(r"-?[0-9]{1,9}")


def integers(parameter: str, text: str) -> Any:
    """An integer for every axis, or one per axis: "2", "2x1" or "2,1"."""
    parts = re.split("[x,]", text)
    if not all(map(_INTEGER.fullmatch, parts)):
        raise DomainError(parameter, text, "needs an integer, or one per axis such as 2,1")
    return int(parts[0]) if len(parts) == 1 else tuple(map(int, parts))


def padding_of(text: str, input_size: Any, kernel_size: Any, stride: Any, dilation: Any) -> Any:
    """Pairs from a form, an integer or a pair for every axis, or one per axis: "same", "1", "0:1" or "1,0:2"."""
    if text in PADDING_FORMS:
        from ..formulas.padding import resolve_padding

        return resolve_padding(text, input_size, kernel_size, stride=stride, dilation=dilation)
    parts = [part.split(":") for part in text.split(",")]
    if not all(len(part) <= 2 and all(map(_INTEGER.fullmatch, part)) for part in parts):
        raise DomainError(
            "padding", text, f"needs integers such as 1 or 1,2, LO:HI, or one of {', '.join(PADDING_FORMS)}"
        )
    pairs = [(int(part[0]), int(part[-1])) for part in parts]
    return tuple(pairs * len(input_size) if len(pairs) == 1 else pairs)


@dataclass(frozen=True)
class Given:
    """The options of every calculation with a kernel: its arrays, and how the windows lie."""

    values: Input
    kernel: Kernel
    stride: Stride = "1"
    padding: Padding = "0"
    dilation: Dilation = "1"
    groups: Groups = 1
    ndim: Ndim = 2
    binary: Binary = False

    def layer(self, bias: str | None = None, *, transposed: bool = False) -> dict[str, Any]:
        """The arguments of a calculation."""
        from ..worked.reading import kernel as read_kernel
        from ..worked.reading import vector

        x = self.channels("input", self.values)
        w = _noted(self.kernel, read_kernel("kernel", self.kernel, self.ndim, binary=self.binary), self.binary)
        _require_channels(self.values, x.shape[0], w.shape, self.groups, transposed)
        options = {"stride": integers("stride", self.stride), "dilation": integers("dilation", self.dilation)}
        return {
            "x": x,
            "w": w,
            "bias": None if bias is None else _noted(bias, vector("bias", bias, binary=self.binary), self.binary),
            "padding": padding_of(self.padding, x.shape[1:], w.shape[2:], **options),
            "groups": self.groups,
            **options,
        }

    def channels(self, parameter: str, text: str) -> Any:
        """The channels of an input or of an output's gradient."""
        return channels_of(parameter, text, self.ndim, self.binary)


def _require_channels(values: str, channels: int, kernel: tuple[int, ...], groups: int, transposed: bool) -> None:
    """Raise DomainError unless the kernel and the groups fit the channels of the input."""
    from ..worked.reading import brief

    if groups < 1:
        raise DomainError("groups", groups, "needs groups >= 1")
    wanted = kernel[0] if transposed else kernel[1] * groups
    if channels != wanted:
        sign = "||" if transposed else "|"
        within = f" in {groups} groups" if groups > 1 else ""
        condition = (
            f"has {counted(channels, 'channel')}, and --kernel{within} is for {wanted} ({sign} separates them there)"
        )
        raise DomainError("input", brief(values), condition)
    if kernel[0] % groups:
        side = "input" if transposed else "output"
        condition = f"needs to divide the number of {side} channels of --kernel, which is {kernel[0]}"
        raise DomainError("groups", groups, condition)


def channels_of(parameter: str, text: str, ndim: int, binary: bool) -> Any:
    """The channels of an input or of an output's gradient."""
    from ..worked.reading import signal

    return _noted(text, signal(parameter, text, ndim, binary=binary), binary)


def _noted(text: str, found: Any, binary: bool) -> Any:
    """What was read; a note says so where it is not what the floats of a file hold."""
    from ..worked.reading import holds_other_floats

    if not binary and holds_other_floats(text, found):
        typer.echo(
            f"Note: the floats in {text} are taken as the decimals that they print as, such as 0.1; "
            "--exact-binary takes the binary fractions that they hold.",
            err=True,
        )
    return found
