"""``convmath check``."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from time import monotonic
from typing import Annotated, Any

import typer

from ..errors import DomainError
from .documents import write


class Kind(StrEnum):
    """What a function computes."""

    CONV = "conv"
    CONV_TRANSPOSE = "conv_transpose"
    GRAD_INPUT = "grad_input"
    GRAD_WEIGHT = "grad_weight"
    GRAD_BIAS = "grad_bias"
    MAX_POOL = "max_pool"
    AVG_POOL = "avg_pool"
    MAX_POOL_GRAD_INPUT = "max_pool_grad_input"
    AVG_POOL_GRAD_INPUT = "avg_pool_grad_input"


class Mode(StrEnum):
    """How it is judged."""

    EXACT = "exact"
    BOUNDED = "bounded"


class Algorithm(StrEnum):
    """How it computes its sums, for bounds."""

    DIRECT = "direct"
    FFT = "fft"
    WINOGRAD = "winograd"


def _option(name: str, help_text: str) -> Any:
    return typer.Option(name, help=help_text)


def check(
    target: Annotated[str, typer.Argument(metavar="MODULE:FUNCTION", help="The function, such as my_pkg.ops:conv2d.")],
    kind: Annotated[Kind | None, typer.Option("--kind", show_default="conv", help="What it computes.")] = None,
    ndim: Annotated[int | None, typer.Option("--ndim", min=1, max=3, show_default="2", help="Spatial axes.")] = None,
    examples: Annotated[int, typer.Option("--examples", "-n", min=1, metavar="N", help="Cases to draw.")] = 200,
    dtype: Annotated[str, typer.Option("--dtype", help="float64, float32, float16, bfloat16, int8, ...")] = "float64",
    accumulator: Annotated[
        str | None, typer.Option("--accumulator", metavar="DTYPE", help="What sums are kept in, if not --dtype.")
    ] = None,
    inputs: Annotated[
        str | None, typer.Option("--inputs", metavar="DTYPE", help="What factors are rounded to, such as tf32.")
    ] = None,
    result: Annotated[
        str | None, typer.Option("--result", metavar="DTYPE", help="What is returned, if not --dtype.")
    ] = None,
    mode: Annotated[
        Mode, typer.Option("--mode", help="Integers without tolerance, or real data with derived bounds.")
    ] = Mode.EXACT,
    algorithm: Annotated[
        Algorithm, typer.Option("--algorithm", help="How sums are computed, for --mode bounded.")
    ] = Algorithm.DIRECT,
    no_groups: Annotated[bool, _option("--no-groups", "Only groups=1.")] = False,
    no_stride: Annotated[bool, _option("--no-stride", "Only stride=1; in pooling the kernel size.")] = False,
    no_dilation: Annotated[bool, _option("--no-dilation", "Only dilation=1.")] = False,
    no_padding: Annotated[bool, _option("--no-padding", "Only padding=0.")] = False,
    no_asymmetric_padding: Annotated[
        bool, _option("--no-asymmetric-padding", "Padding is one int per axis, and not a pair.")
    ] = False,
    no_output_padding: Annotated[bool, _option("--no-output-padding", "Only output_padding=0.")] = False,
    no_bias: Annotated[bool, _option("--no-bias", "No bias.")] = False,
    no_batch: Annotated[bool, _option("--no-batch", "Only a batch of one.")] = False,
    no_ceil_mode: Annotated[bool, _option("--no-ceil-mode", "Only ceil_mode=False.")] = False,
    no_exclude_pad: Annotated[bool, _option("--no-exclude-pad", "Only count_include_pad=True.")] = False,
    no_divisor_override: Annotated[bool, _option("--no-divisor-override", "Only divisor_override=None.")] = False,
    negative_padding: Annotated[bool, _option("--negative-padding", "Negative padding too, which crops.")] = False,
    dilated_average: Annotated[bool, _option("--dilated-average", "Average pooling with dilation too.")] = False,
    seed: Annotated[int, typer.Option("--seed", min=0, help="What the cases are drawn from.")] = 0,
    time_limit: Annotated[float, typer.Option("--time-limit", metavar="SECONDS", help="For one call.")] = 10.0,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="FILE", help="Save the report too (.json, or .xml: JUnit).")
    ] = None,
    case: Annotated[
        str | None, typer.Option("--case", metavar="DESCRIPTOR", help="Judge one case, as a report names it.")
    ] = None,
) -> None:
    """Judge a function: is it the convolution or pooling that it is said to be?

    MODULE is imported, with the current folder in the path, and nothing else of yours; the function runs in a process
    of its own, and what it prints is dropped unless --case is given. It is called with NumPy arrays and keywords, one
    entry per axis:

    \b
      conv            fn(x, w, bias, *, stride, padding, dilation, groups)
      conv_transpose  fn(x, w, bias, *, stride, padding, output_padding, dilation, groups)
      grad_input      fn(grad_output, w, *, input_size, stride, padding, dilation, groups)
      grad_weight     fn(x, grad_output, *, kernel_size, stride, padding, dilation, groups)
      grad_bias       fn(grad_output)
      max_pool        fn(x, *, kernel_size, stride, padding, dilation, ceil_mode)
      avg_pool        fn(x, *, kernel_size, stride, padding, ceil_mode, count_include_pad, divisor_override)

    padding is a pair (lo, hi) per axis. What is turned off by a --no- option need not be a parameter.
    Exit codes: 0 if every case passes, 1 if not, 2 when the request is wrong.

    \b
    Examples:
      convmath check my_pkg.kernels:conv2d --examples 500
      convmath check my_pkg.kernels:conv1d_weight --kind grad_weight --ndim 1 --no-groups -o report.xml
      convmath check my_pkg.kernels:conv2d --dtype float16 --accumulator float32 --mode bounded
      convmath check my_pkg.kernels:conv2d --case "conv n1 c1 o1 i3x1 k2x1 d2x1 #0"
    """
    given = locals()
    supports = {name.removeprefix("no_"): not name.startswith("no_") for name in _SWITCHES if given[name]}
    keep_no_hypothesis_files()
    from ..oracle import check as run
    from ..oracle import check_case as run_case
    from ..oracle import parse_case
    from ..oracle.formats import arithmetic
    from ..oracle.report import SUFFIXES
    from .tables import console

    require_suffix(output, SUFFIXES)
    judged = None if case is None else parse_case(case)
    for name, option, own in (("kind", kind, judged and judged.kind), ("ndim", ndim, judged and judged.ndim)):
        if own is not None and option is not None and option != own:
            raise DomainError(name, str(option), f"contradicts --case, which is of {name} {own}: leave --{name} out")
    kind_name = judged.kind if judged else (kind or Kind.CONV).value
    _require_switches(kind_name, [name for name in _SWITCHES if given[name]])
    settings: dict[str, Any] = {
        "dtype": arithmetic(dtype, inputs=inputs, accumulator=accumulator, output=result),
        "mode": mode.value,
        "algorithm": algorithm.value,
        "supports": supports,
        "time_limit": time_limit,
    }
    if os.getcwd() not in sys.path:
        sys.path.insert(0, os.getcwd())
    if judged is not None:
        report = run_case(target, judged, **settings)
    else:
        with _progress(examples) as watch:
            report = run(target, kind_name, ndim or 2, examples=examples, seed=seed, watch=watch, **settings)
    console().print(report)
    if output is not None:
        write(report.rendered(output.suffix), output)
    if not report.ok:
        raise typer.Exit(1)


_SECONDS_BETWEEN_LINES = 10

_SWITCHES = (
    "no_groups",
    "no_stride",
    "no_dilation",
    "no_padding",
    "no_asymmetric_padding",
    "no_output_padding",
    "no_bias",
    "no_batch",
    "no_ceil_mode",
    "no_exclude_pad",
    "no_divisor_override",
    "negative_padding",
    "dilated_average",
)


def _require_switches(kind: str, switches: Sequence[str]) -> None:
    """Raise DomainError for a switch of what this kind does not have."""
    from ..oracle.supports import options_of

    for name in switches:
        if name.removeprefix("no_") not in options_of(kind):
            raise DomainError("kind", kind, f"has no such option, so that --{name.replace('_', '-')} does not apply")


def require_suffix(output: Path | None, suffixes: Sequence[str]) -> None:
    """Raise DomainError for a file whose suffix names no format, before anything is judged."""
    if output is not None and output.suffix.lower() not in suffixes:
        raise DomainError("output", str(output), f"needs one of the suffixes {', '.join(suffixes)}")


def keep_no_hypothesis_files() -> None:
    """Let Hypothesis, unless it is in use already, leave no .hypothesis folder: no draw depends on earlier ones."""
    if "hypothesis" not in sys.modules:
        os.environ.setdefault("HYPOTHESIS_STORAGE_DIRECTORY", os.devnull)


def lines_now_and_then() -> Callable[[str], None]:
    """What prints a line on stderr if the last one, or the start, is ten seconds ago."""
    last = monotonic()

    def tell(line: str) -> None:
        nonlocal last
        if monotonic() - last >= _SECONDS_BETWEEN_LINES:
            last = monotonic()
            typer.echo(line, err=True)

    return tell


@contextmanager
def _progress(examples: int) -> Iterator[Callable[[str, int], None]]:
    """A progress bar on a terminal, on stderr; elsewhere a line now and then."""
    if not sys.stderr.isatty():
        tell = lines_now_and_then()
        yield lambda stage, done: tell(f"{stage}: {done}{f' of {examples}' if stage == 'checking' else ''} cases")
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task("checking", total=examples)

        def watch(stage: str, done: int) -> None:
            progress.update(task, description=stage, completed=done, total=examples if stage == "checking" else None)

        yield watch
