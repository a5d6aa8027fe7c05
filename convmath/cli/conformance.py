"""``convmath conformance``."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from ..errors import DomainError, unknown
from .check import Mode, keep_no_hypothesis_files, lines_now_and_then, require_suffix
from .documents import write


def conformance(
    backends: Annotated[
        str | None,
        typer.Option("--backends", "-b", metavar="NAME,...", help="Which; all that are installed unless given."),
    ] = None,
    examples: Annotated[
        int, typer.Option("--examples", "-n", min=1, metavar="N", help="Cases for each kind and number of axes.")
    ] = 100,
    kinds: Annotated[
        str | None, typer.Option("--kinds", metavar="KIND,...", help="conv, conv_transpose, ...; all unless given.")
    ] = None,
    ndim: Annotated[str, typer.Option("--ndim", metavar="N,...", help="Spatial axes.")] = "1,2,3",
    dtype: Annotated[str, typer.Option("--dtype", help="float32, float64 or float16.")] = "float32",
    mode: Annotated[
        Mode, typer.Option("--mode", help="Integers without tolerance, or real data with derived bounds.")
    ] = Mode.EXACT,
    seed: Annotated[int, typer.Option("--seed", min=0, help="What the cases are drawn from.")] = 0,
    max_macs: Annotated[
        int, typer.Option("--max-macs", min=1, metavar="N", help="The size of a case in multiply-accumulates.")
    ] = 10_000,
    time_limit: Annotated[float, typer.Option("--time-limit", metavar="SECONDS", help="For one call.")] = 60.0,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="FILE", help="Save the report too (.md, .html, .json).")
    ] = None,
) -> None:
    """Judge frameworks: what do they make of the same convolutions and poolings?

    Every backend gets the same cases, as far as its framework claims to compute them, in a process of its own; a crash
    or a hang is a verdict. A divergence is compared with the list of those that are known, each of which says whether
    the framework breaks its documented rule or has another one.

    \b
    Backends, by the extra to install:
      torch, torch_cuda (torch)      tinygrad, tinygrad_cpu (tinygrad)
      jax (jax)                      onnxruntime (onnxruntime)
      scipy (scipy)                  onnx_reference (onnx)
      tensorflow (tensorflow)        openvino (openvino)

    Exit codes: 0 if no divergence is new, 1 if one is, 2 when the request is wrong.

    \b
    Examples:
      convmath conformance
      convmath conformance -b torch,jax,onnxruntime --examples 500 -o report.html
      convmath conformance -b onnx_reference --kinds max_pool,avg_pool --ndim 2 -o report.md
    """
    keep_no_hypothesis_files()
    from ..oracle.backends import installed
    from ..oracle.conformance import KINDS
    from ..oracle.conformance import conformance as run
    from ..oracle.conformance_report import SUFFIXES
    from .tables import console

    require_suffix(output, SUFFIXES)
    names = installed() if backends is None else _words("backends", backends)
    chosen = list(KINDS) if kinds is None else _words("kinds", kinds)
    for word in chosen:
        if word not in KINDS:
            raise unknown("kinds", word, KINDS, "kind", ", ".join(KINDS))
    axes = _axes(ndim)
    with _progress(len(names) * len(chosen) * len(axes), examples) as watch:
        report = run(
            names,
            kinds=chosen,
            ndims=axes,
            dtype=dtype,
            mode=mode.value,
            examples=examples,
            seed=seed,
            max_macs=max_macs,
            time_limit=time_limit,
            watch=watch,
        )
    console().print(report)
    if output is not None:
        write(report.rendered(output.suffix), output)
    if not report.ok:
        raise typer.Exit(1)


def _words(option: str, text: str) -> list[str]:
    words = [word.strip() for word in text.split(",") if word.strip()]
    if not words:
        raise DomainError(option, text, "needs at least one word, with commas between several")
    return words


def _axes(text: str) -> list[int]:
    words = _words("ndim", text)
    if not {*words} <= {"1", "2", "3"}:
        raise DomainError("ndim", text, "needs some of 1, 2, 3, with commas between them")
    return [int(word) for word in words]


@contextmanager
def _progress(cells: int, examples: int) -> Iterator[Callable[[str, str, int, int], None]]:
    """A progress bar on a terminal, on stderr; elsewhere a line now and then."""
    if not sys.stderr.isatty():
        tell = lines_now_and_then()
        yield lambda backend, kind, ndim, done: tell(f"{backend} {kind} {ndim}: {done} of {examples} cases")
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task("drawing", total=cells * examples)
        seen: list[Sequence[object]] = []

        def watch(backend: str, kind: str, ndim: int, done: int) -> None:
            place = (backend, kind, ndim)
            if place not in seen:
                seen.append(place)
            progress.update(
                task,
                description=f"{backend} {kind} {ndim}",
                completed=(len(seen) - 1) * examples + done,
            )

        yield watch
