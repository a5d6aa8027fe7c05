"""``convmath worked``: calculations with the user's numbers, step by step."""

from __future__ import annotations

import re
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperGroup

from ..errors import DomainError, unknown
from ..geometry import PADDING_FORMS
from .arrays import channels_of, integers, layer, padding_of
from .documents import SUFFIXES, DocumentFormat, Language, format_of, write

if TYPE_CHECKING:
    from ..worked import Calculation, Example


class Mode(StrEnum):
    """What pooling takes of a window."""

    MAX = "max"
    AVG = "avg"


_STEPS = 16


class Named(TyperGroup):
    """The kinds of calculations; any other name is that of an example."""

    def invoke(self, ctx: Any) -> Any:
        """Run a calculation; an error about its arrays names the options that they were given with."""
        try:
            return super().invoke(ctx)
        except DomainError as error:
            if error.parameter not in _OPTIONS:
                raise
            option = _OPTIONS[error.parameter]
            raise DomainError(option, error.value, error.condition, error.detail, error.axis) from None

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """A kind, or the example of that name."""
        if args and args[0] not in self.commands and not args[0].startswith("-"):
            args = [_EXAMPLE, *args]
        return super().resolve_command(ctx, args)


_EXAMPLE = "example"
_OPTIONS = {
    "x": "--input",
    "input": "--input",
    "w": "--kernel",
    "kernel": "--kernel",
    "bias": "--bias",
    "grad_output": "--grad-output",
}
"""The options of arrays by the names that the library has for them."""
app = typer.Typer(cls=Named, no_args_is_help=True, invoke_without_command=True, rich_markup_mode=None)

Input = Annotated[
    str, typer.Option("--input", "-i", metavar="NUMBERS", help='Such as "3 2 0; 0 2 1", or a .csv or .npy file.')
]
Kernel = Annotated[str, typer.Option("--kernel", "-k", metavar="NUMBERS", help="The kernel, written likewise.")]
Bias = Annotated[str | None, typer.Option("--bias", "-b", metavar="NUMBERS", help="A number for each output channel.")]
GradOutput = Annotated[
    str, typer.Option("--grad-output", metavar="NUMBERS", help="The gradient of the output, in its shape.")
]
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
Steps = Annotated[str, typer.Option("--steps", metavar="N|all", help="Elements of a result that are written out.")]
Lang = Annotated[Language, typer.Option("--lang", help="The language.")]
Format = Annotated[
    DocumentFormat | None, typer.Option("--format", help="Default: what the suffix of the file says, otherwise text.")
]
Output = Annotated[
    Path | None, typer.Option("--output", "-o", metavar="FILE", help="Write to a file (.tex, .md, .txt).")
]


@app.callback()
def worked(
    ctx: typer.Context,
    listed: Annotated[bool, typer.Option("--list", help="List the named examples.")] = False,
) -> None:
    """Calculate with numbers, step by step and exactly.

    A kind of calculation takes your numbers; the id of a named example shows that example.

    Numbers are integers, decimals or fractions such as 2/3. Spaces or commas separate the numbers of a row, ; the rows,
    | the channels, and || what stands before the channels of a kernel: its output channels, or with conv_transpose its
    input channels. A .csv file has a row on each line, and lines | and || where they are needed. A .npy file has the
    axes themselves: channels and size, for a kernel also what stands before. A float in it stands for the shortest
    decimal that is rounded to it, such as 0.1; with --exact-binary for the binary fraction that it holds.

    \b
    Examples:
      convmath worked --list
      convmath worked ml-24.4
      convmath worked conv --input "3 2 0 1; 0 2 1 2; 2 0 0 3" --kernel "1 0; 0 1/2" --padding 1
      convmath worked conv -i image.npy -k "1 2; 3 4 | 0 1; 1 0" --stride 2 --steps 4 -o steps.tex
      convmath worked pool -i "3 2 0 1; 0 2 1 2" --kernel-size 2 --mode avg
    """
    if ctx.invoked_subcommand is not None:
        return
    if not listed:
        raise typer.BadParameter("give a kind of calculation, the id of an example, or --list", param_hint="NAME")
    from ..worked import examples
    from .tables import console, table, word

    found = table("Id", "Title")
    for example in examples():
        found.add_row(word(example.id), example.title)
    console().print(found)


@app.command(_EXAMPLE, hidden=True)
def named(
    identifier: Annotated[str, typer.Argument(metavar="ID", help="The example, such as ml-24.4.")],
    steps: Steps = str(_STEPS),
    language: Lang = Language.EN,
    style: Format = None,
    output: Output = None,
) -> None:
    """Show a named example, step by step; convmath worked --list lists them."""
    from ..worked import examples

    known = {item.id: item for item in examples()}
    if identifier not in known:
        kinds = [command.name for command in app.registered_commands if command.name and not command.hidden]
        raise unknown("name", identifier, [*kinds, *known], "calculation or example", "convmath worked --list")
    _write(known[identifier], steps, language, style, output)


@app.command("conv")
def conv(
    values: Input,
    kernel: Kernel,
    bias: Bias = None,
    stride: Stride = "1",
    padding: Padding = "0",
    dilation: Dilation = "1",
    groups: Groups = 1,
    ndim: Ndim = 2,
    binary: Binary = False,
    steps: Steps = str(_STEPS),
    language: Lang = Language.EN,
    style: Format = None,
    output: Output = None,
) -> None:
    """Calculate a convolution: each window, its products, their sum, the result.

    \b
    Examples:
      convmath worked conv -i "0 1 2; 3 4 5; 6 7 8" -k "0 1; 2 3"
      convmath worked conv -i "1 2 3 | 4 5 6" -k "1 -1 | 1/2 0" --ndim 1 --bias 1
    """
    from ..worked import Conv

    _write(
        Conv(**layer(values, kernel, bias, stride, padding, dilation, groups, ndim, binary)),
        steps,
        language,
        style,
        output,
    )


@app.command("conv_transpose")
def conv_transpose(
    values: Input,
    kernel: Kernel,
    bias: Bias = None,
    stride: Stride = "1",
    padding: Padding = "0",
    output_padding: Annotated[
        str, typer.Option("--output-padding", "--op", metavar="A", help="Elements added at the end.")
    ] = "0",
    dilation: Dilation = "1",
    groups: Groups = 1,
    ndim: Ndim = 2,
    binary: Binary = False,
    steps: Steps = str(_STEPS),
    language: Lang = Language.EN,
    style: Format = None,
    output: Output = None,
) -> None:
    """Calculate a transposed convolution: each placed kernel, the sums, the result.

    \b
    Example:
      convmath worked conv_transpose -i "1 2; 3 4" -k "1 2 3; 4 5 6; 7 8 9" --stride 2 --padding 1 --op 1
    """
    if padding in PADDING_FORMS:
        raise DomainError("padding", padding, "needs integers for a transposed convolution")
    from ..worked import ConvTranspose

    given = layer(values, kernel, bias, stride, padding, dilation, groups, ndim, binary, transposed=True)
    _write(
        ConvTranspose(**given, output_padding=integers("output_padding", output_padding)),
        steps,
        language,
        style,
        output,
    )


@app.command("pool")
def pool(
    values: Input,
    kernel_size: Annotated[str, typer.Option("--kernel-size", "-k", metavar="K", help="Elements of a window.")],
    mode: Annotated[Mode, typer.Option("--mode", "-m", help="The largest element or the mean.")] = Mode.MAX,
    stride: Annotated[
        str | None,
        typer.Option("--stride", "-s", metavar="S", help="Distance of the windows. Default: the kernel size."),
    ] = None,
    padding: Padding = "0",
    dilation: Dilation = "1",
    ceil_mode: Annotated[bool, typer.Option("--ceil-mode", help="A last window may hang over the end.")] = False,
    exclude_pad: Annotated[bool, typer.Option("--exclude-pad", help="Padding does not count in a mean.")] = False,
    ndim: Ndim = 2,
    binary: Binary = False,
    steps: Steps = str(_STEPS),
    language: Lang = Language.EN,
    style: Format = None,
    output: Output = None,
) -> None:
    """Calculate maximum or average pooling: each window and what it gives.

    \b
    Examples:
      convmath worked pool -i "3 2 0 1; 0 2 1 2; 2 0 0 3; 2 3 1 2" -k 2
      convmath worked pool -i "3 2 0 1; 0 2 1 2" -k 2 --mode avg --stride 1 --padding 1 --exclude-pad
    """
    from ..worked import Pool

    x, size = channels_of("input", values, ndim, binary), integers("kernel_size", kernel_size)
    step = size if stride is None else integers("stride", stride)
    apart = integers("dilation", dilation)
    pads = padding_of(padding, x.shape[1:], size, step, apart)
    found = Pool(x, size, mode.value, step, pads, apart, ceil_mode, not exclude_pad)
    _write(found, steps, language, style, output)


@app.command("grad")
def grad(
    values: Input,
    kernel: Kernel,
    grad_output: GradOutput,
    stride: Stride = "1",
    padding: Padding = "0",
    dilation: Dilation = "1",
    groups: Groups = 1,
    ndim: Ndim = 2,
    binary: Binary = False,
    steps: Steps = str(_STEPS),
    language: Lang = Language.EN,
    style: Format = None,
    output: Output = None,
) -> None:
    """Calculate the gradients of a convolution for its kernel, its input and its bias.

    \b
    Example:
      convmath worked grad -i "0 1 2; 3 4 5; 6 7 8" -k "0 1; 2 3" --grad-output "1 0; 0 -1"
    """
    from ..worked import Gradients

    given = layer(values, kernel, None, stride, padding, dilation, groups, ndim, binary)
    _write(
        Gradients(**given, grad_output=channels_of("grad_output", grad_output, ndim, binary)),
        steps,
        language,
        style,
        output,
    )


@app.command("matrix")
def matrix(
    values: Input,
    kernel: Kernel,
    grad_output: Annotated[
        str | None,
        typer.Option("--grad-output", metavar="NUMBERS", help="What the transpose is applied to. Default: the output."),
    ] = None,
    bias: Bias = None,
    stride: Stride = "1",
    padding: Padding = "0",
    dilation: Dilation = "1",
    groups: Groups = 1,
    ndim: Ndim = 2,
    binary: Binary = False,
    steps: Steps = str(_STEPS),
    language: Lang = Language.EN,
    style: Format = None,
    output: Output = None,
) -> None:
    """Write a convolution as a matrix: the matrix, its product with the input, and its transpose.

    \b
    Example:
      convmath worked matrix -i "1 2 3; 4 5 6; 7 8 9" -k "1 2; 3 4"
    """
    from ..worked import Matrix

    given = layer(values, kernel, bias, stride, padding, dilation, groups, ndim, binary)
    dy = None if grad_output is None else channels_of("grad_output", grad_output, ndim, binary)
    _write(Matrix(**given, grad_output=dy), steps, language, style, output)


@app.command("learn-kernel")
def learn_kernel(
    values: Input,
    kernel: Kernel,
    rate: Annotated[str, typer.Option("--rate", "-r", metavar="NUMBER", help="The learning rate.")] = "3e-2",
    updates: Annotated[int, typer.Option("--updates", "-n", metavar="N", help="How often to update.")] = 10,
    seed: Annotated[int, typer.Option("--seed", min=0, help="What the start is drawn from.")] = 0,
    bias: Bias = None,
    stride: Stride = "1",
    padding: Padding = "0",
    dilation: Dilation = "1",
    groups: Groups = 1,
    ndim: Ndim = 2,
    binary: Binary = False,
    language: Lang = Language.EN,
    style: Format = None,
    output: Output = None,
) -> None:
    """Learn a kernel from an input and the kernel's output, by gradient descent with the derived gradient.

    \b
    Example:
      convmath worked learn-kernel -i "1 1 0 0 1; 1 1 0 0 1" -k "1 -1" --rate 1/20 --updates 20
    """
    from ..worked import learn_kernel as learn
    from ..worked.numbers import number

    given = layer(values, kernel, bias, stride, padding, dilation, groups, ndim, binary)
    learnt = learn(**given, seed=seed, rate=number("rate", rate), updates=updates)
    _write(learnt, str(_STEPS), language, style, output)


def _write(
    what: Calculation | Example, steps: str, language: Language, style: DocumentFormat | None, output: Path | None
) -> None:
    """Print it, or write it to a file."""
    chosen = format_of(output, style, SUFFIXES, DocumentFormat.TEXT)
    options: dict[str, Any] = {"style": chosen.value, "steps": _count(steps), "language": language.value}
    from ..worked import Example, render

    write(what.render(**options) if isinstance(what, Example) else render(what, **options), output)


def _count(steps: str) -> int | None:
    """How many elements to write out, None for all."""
    if steps == "all":
        return None
    if not re.fullmatch("[0-9]{1,9}", steps):
        raise DomainError("steps", steps, "needs a number of elements, or all")
    return int(steps)
