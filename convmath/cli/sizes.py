"""``convmath size``: output sizes on numbers and on letters."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Annotated, Any

import typer

from ..errors import DomainError
from ..geometry import PADDING_FORMS, axes_of, each_axis

_NUMBER = re.compile(r"-?[0-9]{1,18}")
_LETTER = re.compile(r"[A-Za-z][0-9]*(_[A-Za-z0-9]+)?")
_BY = re.compile(r"[0-9]+(x[0-9]+)+")

Numbers = Any
"""An int or a letter, or a tuple of them."""


def size(
    input_size: Annotated[str, typer.Argument(metavar="N", help="Input size: 224, or 224x320 with several axes.")],
    kernel_size: Annotated[str, typer.Option("--kernel-size", "-k", metavar="K", help="Taps of the kernel.")],
    stride: Annotated[
        str | None, typer.Option("--stride", "-s", metavar="S", help="Default: 1; with --pool, the kernel size.")
    ] = None,
    padding: Annotated[
        str,
        typer.Option("--padding", "-p", metavar="P", help=f"Both sides, LO:HI, or {', '.join(PADDING_FORMS)}."),
    ] = "0",
    dilation: Annotated[str, typer.Option("--dilation", "-d", metavar="D", help="Distance of the taps.")] = "1",
    output_padding: Annotated[
        str | None, typer.Option("--output-padding", "--op", metavar="A", help="With --transposed; default: 0.")
    ] = None,
    transposed: Annotated[bool, typer.Option("--transposed", "-t", help="A transposed convolution.")] = False,
    pool: Annotated[bool, typer.Option("--pool", help="A pooling layer.")] = False,
    ceil_mode: Annotated[bool, typer.Option("--ceil-mode", help="With --pool: round up.")] = False,
    show: Annotated[bool, typer.Option("--show", help="Also print the formula and its values, per axis.")] = False,
) -> None:
    """Print the output size of a layer.

    The layer is a convolution unless an option says otherwise. Each value holds for every axis, or is given per axis:
    3x5 or 3,5. Padding per axis is 1,2 or 1:2,0:3, with LO:HI for the elements before and after. A letter, such as n
    or p_l, stands for any integer and gives the formula.

    \b
    Examples:
      convmath size 224 -k 7 -s 2 -p 3
      convmath size 1080x1920 -k 3x5 -s 2 -p same_upper
      convmath size 112 -k 7 -s 2 -p 3 --transposed --op 1
      convmath size 112 -k 3 -s 2 --pool --ceil-mode
      convmath size n -k 3 -s 2 -p 1
    """
    if transposed and pool:
        raise typer.BadParameter("choose one", param_hint="--transposed and --pool")
    if output_padding is not None and not transposed:
        raise typer.BadParameter("needs --transposed", param_hint="--output-padding")
    if ceil_mode and not pool:
        raise typer.BadParameter("needs --pool", param_hint="--ceil-mode")
    n = numbers("input_size", input_size)
    k = numbers("kernel_size", kernel_size)
    s = k if pool and stride is None else numbers("stride", "1" if stride is None else stride)
    values = {"kernel_size": k, "stride": s, "dilation": numbers("dilation", dilation)}
    if transposed:
        values["output_padding"] = numbers("output_padding", "0" if output_padding is None else output_padding)
    pads = padding_of(padding, axes_of(n))
    helper, entry = _layer(transposed, pool, ceil_mode)
    typer.echo(_written(helper(input_size=n, **values, padding=pads)))
    if show:
        for line in explained(helper, entry, {"input_size": n, **values}, pads):
            typer.echo(line)


def _layer(transposed: bool, pool: bool, ceil_mode: bool) -> tuple[Callable[..., Any], str]:
    """The helper of a layer, and the entry that proves it."""
    from functools import partial

    from ..formulas.pooling import pool_output_size
    from ..formulas.size import conv_output_size, conv_transpose_output_size

    if transposed:
        return conv_transpose_output_size, "size.conv_transpose"
    if pool:
        return partial(pool_output_size, ceil_mode=ceil_mode), "size.pool_ceil" if ceil_mode else "size.conv"
    return conv_output_size, "size.conv"


def numbers(parameter: str, text: str) -> Numbers:
    """An int or a letter, or a tuple of them: ``224``, ``n``, ``224x320``, ``n,m``.

    Raises:
        DomainError: the text is none of these.

    >>> numbers("stride", "2"), numbers("input_size", "224x320"), numbers("input_size", "7,")
    (2, (224, 320), (7,))
    >>> numbers("stride", "2.5")
    Traceback (most recent call last):
    convmath.errors.DomainError: stride='2.5': needs integers of at most 18 digits, as 5x7, or letters, as n or p_l
    """
    parts = text.split("x") if _BY.fullmatch(text) else text.removesuffix(",").split(",")
    values = tuple(_number(parameter, text, part.strip()) for part in parts)
    return values if len(values) > 1 or text.endswith(",") else values[0]


def _number(parameter: str, whole: str, text: str) -> Any:
    if _NUMBER.fullmatch(text):
        return int(text)
    if _LETTER.fullmatch(text):
        from ..calculus.index import integers

        return integers(text)
    pads = parameter == "padding"
    example, forms = ("1,2 or 0:1,2:0", f", or one of {', '.join(PADDING_FORMS)}") if pads else ("5x7", "")
    needs = f"needs integers of at most 18 digits, as {example}, or letters, as n or p_l{forms}"
    raise DomainError(parameter, whole, needs)


def padding_of(text: str, axes: int | None) -> Any:
    """A form, an integer, or pairs and integers per axis; a single pair holds for every axis.

    Raises:
        DomainError: the text is none of these.

    >>> padding_of("same", None), padding_of("1:2", None), padding_of("1:2", 2), padding_of("1,0:3", 2)
    ('same', (1, 2), ((1, 2), (1, 2)), (1, (0, 3)))
    """
    if text in PADDING_FORMS:
        return text
    if ":" not in text:
        return numbers("padding", text)
    pads = [tuple(_number("padding", text, side) for side in part.split(":")) for part in text.split(",")]
    pads = [pad[0] if len(pad) == 1 else pad for pad in pads]
    return tuple(pads) if len(pads) > 1 else pads[0] if axes is None else tuple(pads * axes)


def _written(sizes: Any) -> str:
    """``112`` or ``112x96``, as the input is; formulas are separated by commas."""
    parts = sizes if isinstance(sizes, tuple) else (sizes,)
    if all(isinstance(part, int) for part in parts):
        return "x".join(map(str, parts))
    from ..latex.printer import text

    return ", ".join(str(part) if isinstance(part, int) else text(part) for part in parts)


_LETTERS = {"input_size": "n", "kernel_size": "k", "stride": "s", "dilation": "d", "output_padding": "a"}


def explained(helper: Callable[..., Any], entry: str, values: dict[str, Numbers], padding: Any) -> tuple[str, ...]:
    """A line per axis: the formula, which is the helper on symbols, and what each symbol is."""
    from ..assumptions import collect
    from ..calculus.index import formulas, integers
    from ..latex.printer import text

    letters = {name: integers(_LETTERS[name]) for name in values}
    p_l, p_r = integers("p_l p_r")
    formula = text(helper(**letters, padding=(p_l, p_r)))

    def line(axis: int | None, padding: Any, **numbers: Any) -> str:
        with collect() as conditions:
            helper(**numbers, padding=padding)
        lo, hi = _pads(padding, numbers) if isinstance(padding, str) else padding
        known = {letters[name]: number for name, number in numbers.items()} | {p_l: lo, p_r: hi}
        named = [f"{letter} = {_written(number)}" for letter, number in known.items() if letter != number]
        parts = [
            formula if axis is None else f"axis {axis}: {formula}",
            f"with {', '.join(named)}" if named else "",
            f"where {', '.join(map(text, formulas(conditions)))}" if conditions else "",
            f"(entry {entry})",
        ]
        return " ".join(filter(None, parts))

    lines = each_axis(line, axes_of(values["input_size"]), values, padding)
    return lines if isinstance(lines, tuple) else (lines,)


def _pads(form: str, numbers: dict[str, Any]) -> tuple[Any, Any]:
    """What a form adds before and after one axis, or takes away from it."""
    from ..formulas.padding import axis_padding
    from ..formulas.size import transposed_padding

    k, s, d = numbers["kernel_size"], numbers["stride"], numbers["dilation"]
    if "output_padding" in numbers:
        return transposed_padding(None, form, k, s, numbers["output_padding"], d)
    return axis_padding(form, numbers["input_size"], k, s, d)
