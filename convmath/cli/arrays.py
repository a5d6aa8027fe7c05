"""What the calculations of ``convmath worked`` are given: arrays, integers and padding from text."""

from __future__ import annotations

import re
from typing import Any

import typer

from ..errors import DomainError
from ..geometry import PADDING_FORMS

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


def layer(
    values: str,
    kernel: str,
    bias: str | None,
    stride: str,
    padding: str,
    dilation: str,
    groups: int,
    ndim: int,
    binary: bool,
    *,
    transposed: bool = False,
) -> dict[str, Any]:
    """The arguments that every calculation with a kernel has."""
    from ..worked.reading import kernel as read_kernel
    from ..worked.reading import vector

    x = channels_of("input", values, ndim, binary)
    w = _noted(kernel, read_kernel("kernel", kernel, ndim, binary=binary), binary)
    _require_channels(values, x.shape[0], w.shape, groups, transposed)
    options = {"stride": integers("stride", stride), "dilation": integers("dilation", dilation)}
    return {
        "x": x,
        "w": w,
        "bias": None if bias is None else _noted(bias, vector("bias", bias, binary=binary), binary),
        "padding": padding_of(padding, x.shape[1:], w.shape[2:], **options),
        "groups": groups,
        **options,
    }


def _require_channels(values: str, channels: int, kernel: tuple[int, ...], groups: int, transposed: bool) -> None:
    """Raise DomainError unless the kernel and the groups fit the channels of the input."""
    from ..worked.numbers import counted
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
