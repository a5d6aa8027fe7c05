"""``convmath worked``: calculations with the user's numbers, step by step."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperGroup

from ..errors import DomainError, unknown
from ..geometry import PADDING_FORMS
from .arrays import (
    Binary,
    CeilMode,
    Dilation,
    Given,
    Input,
    Mode,
    Ndim,
    Padding,
    PoolMode,
    PoolStride,
    WindowSize,
    channels_of,
    integers,
    padding_of,
)
from .documents import SUFFIXES, DocumentFormat, Language, format_of, write
from .spread import spread

if TYPE_CHECKING:
    from ..worked import Calculation, Example


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

Bias = Annotated[str | None, typer.Option("--bias", "-b", metavar="NUMBERS", help="A number for each output channel.")]
GradOutput = Annotated[
    str, typer.Option("--grad-output", metavar="NUMBERS", help="The gradient of the output, in its shape.")
]
Steps = Annotated[str, typer.Option("--steps", metavar="N|all", help="Elements of a result that are written out.")]
Lang = Annotated[Language, typer.Option("--lang", help="The language.")]
Format = Annotated[
    DocumentFormat | None, typer.Option("--format", help="Default: what the suffix of the file says, otherwise text.")
]
Output = Annotated[
    Path | None, typer.Option("--output", "-o", metavar="FILE", help="Write to a file (.tex, .md, .txt).")
]


@dataclass(frozen=True)
class Paper:
    """How a calculation is written, and where."""

    language: Lang = Language.EN
    style: Format = None
    output: Output = None

    def write(self, what: Calculation | Example, steps: str = str(_STEPS)) -> None:
        """Print a calculation, or write it to a file."""
        chosen = format_of(self.output, self.style, SUFFIXES, DocumentFormat.TEXT)
        options: dict[str, Any] = {"style": chosen.value, "steps": _count(steps), "language": self.language.value}
        from ..worked import Example, render

        write(what.render(**options) if isinstance(what, Example) else render(what, **options), self.output)


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
    from ..notebook import ruled
    from ..worked import examples
    from .tables import console, word

    found = ruled("Id", "Title")
    for example in examples():
        found.add_row(word(example.id), example.title)
    console().print(found)


@app.command(_EXAMPLE, hidden=True)
@spread
def named(
    identifier: Annotated[str, typer.Argument(metavar="ID", help="The example, such as ml-24.4.")],
    *,
    steps: Steps = str(_STEPS),
    paper: Paper,
) -> None:
    """Show a named example, step by step; convmath worked --list lists them."""
    from ..worked import examples

    known = {item.id: item for item in examples()}
    if identifier not in known:
        kinds = [command.name for command in app.registered_commands if command.name and not command.hidden]
        raise unknown("name", identifier, [*kinds, *known], "calculation or example", "convmath worked --list")
    paper.write(known[identifier], steps)


@app.command("conv")
@spread
def conv(given: Given, *, bias: Bias = None, steps: Steps = str(_STEPS), paper: Paper) -> None:
    """Calculate a convolution: each window, its products, their sum, the result.

    \b
    Examples:
      convmath worked conv -i "0 1 2; 3 4 5; 6 7 8" -k "0 1; 2 3"
      convmath worked conv -i "1 2 3 | 4 5 6" -k "1 -1 | 1/2 0" --ndim 1 --bias 1
    """
    from ..worked import Conv

    paper.write(Conv(**given.layer(bias)), steps)


@app.command("conv_transpose")
@spread
def conv_transpose(
    given: Given,
    *,
    bias: Bias = None,
    output_padding: Annotated[
        str, typer.Option("--output-padding", "--op", metavar="A", help="Elements added at the end.")
    ] = "0",
    steps: Steps = str(_STEPS),
    paper: Paper,
) -> None:
    """Calculate a transposed convolution: each placed kernel, the sums, the result.

    \b
    Example:
      convmath worked conv_transpose -i "1 2; 3 4" -k "1 2 3; 4 5 6; 7 8 9" --stride 2 --padding 1 --op 1
    """
    if given.padding in PADDING_FORMS:
        raise DomainError("padding", given.padding, "needs integers for a transposed convolution")
    from ..worked import ConvTranspose

    layer = given.layer(bias, transposed=True)
    paper.write(ConvTranspose(**layer, output_padding=integers("output_padding", output_padding)), steps)


@app.command("pool")
@spread
def pool(
    values: Input,
    kernel_size: WindowSize,
    *,
    mode: PoolMode = Mode.MAX,
    stride: PoolStride = None,
    padding: Padding = "0",
    dilation: Dilation = "1",
    ceil_mode: CeilMode = False,
    exclude_pad: Annotated[bool, typer.Option("--exclude-pad", help="Padding does not count in a mean.")] = False,
    ndim: Ndim = 2,
    binary: Binary = False,
    steps: Steps = str(_STEPS),
    paper: Paper,
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
    paper.write(Pool(x, size, mode.value, step, pads, apart, ceil_mode, not exclude_pad), steps)


@app.command("grad")
@spread
def grad(given: Given, *, grad_output: GradOutput, steps: Steps = str(_STEPS), paper: Paper) -> None:
    """Calculate the gradients of a convolution for its kernel, its input and its bias.

    \b
    Example:
      convmath worked grad -i "0 1 2; 3 4 5; 6 7 8" -k "0 1; 2 3" --grad-output "1 0; 0 -1"
    """
    from ..worked import Gradients

    paper.write(Gradients(**given.layer(), grad_output=given.channels("grad_output", grad_output)), steps)


@app.command("matrix")
@spread
def matrix(
    given: Given,
    *,
    grad_output: Annotated[
        str | None,
        typer.Option("--grad-output", metavar="NUMBERS", help="What the transpose is applied to. Default: the output."),
    ] = None,
    bias: Bias = None,
    steps: Steps = str(_STEPS),
    paper: Paper,
) -> None:
    """Write a convolution as a matrix: the matrix, its product with the input, and its transpose.

    \b
    Example:
      convmath worked matrix -i "1 2 3; 4 5 6; 7 8 9" -k "1 2; 3 4"
    """
    from ..worked import Matrix

    dy = None if grad_output is None else given.channels("grad_output", grad_output)
    paper.write(Matrix(**given.layer(bias), grad_output=dy), steps)


@app.command("learn-kernel")
@spread
def learn_kernel(
    given: Given,
    *,
    rate: Annotated[str, typer.Option("--rate", "-r", metavar="NUMBER", help="The learning rate.")] = "3e-2",
    updates: Annotated[int, typer.Option("--updates", "-n", metavar="N", help="How often to update.")] = 10,
    seed: Annotated[int, typer.Option("--seed", min=0, help="What the start is drawn from.")] = 0,
    bias: Bias = None,
    paper: Paper,
) -> None:
    """Learn a kernel from an input and the kernel's output, by gradient descent with the derived gradient.

    \b
    Example:
      convmath worked learn-kernel -i "1 1 0 0 1; 1 1 0 0 1" -k "1 -1" --rate 1/20 --updates 20
    """
    from ..worked import learn_kernel as learn
    from ..worked.numbers import number

    paper.write(learn(**given.layer(bias), seed=seed, rate=number("rate", rate), updates=updates))


def _count(steps: str) -> int | None:
    """How many elements to write out, None for all."""
    if steps == "all":
        return None
    if not re.fullmatch("[0-9]{1,9}", steps):
        raise DomainError("steps", steps, "needs a number of elements, or all")
    return int(steps)
