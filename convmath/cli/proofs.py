"""``convmath prove``."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import closing
from dataclasses import asdict
from enum import StrEnum
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from ..proving import Outcome


class ReportFormat(StrEnum):
    """How the outcome is printed."""

    TABLE = "table"
    JSON = "json"


def prove(
    ids: Annotated[list[str] | None, typer.Argument(metavar="[ID]...", help="Entries; all of them by default.")] = None,
    search: Annotated[
        bool, typer.Option("--search", help="Find the certificates anew and write them (needs the search extra).")
    ] = False,
    recheck: Annotated[
        bool, typer.Option("--recheck", help="Also ask Z3, cvc5 and brute force (needs the recheck extra).")
    ] = False,
    jobs: Annotated[
        int | None, typer.Option("--jobs", "-j", min=1, metavar="N", help="Processes; by default one a processor.")
    ] = None,
    style: Annotated[ReportFormat, typer.Option("--format", help="How to print the outcome.")] = ReportFormat.TABLE,
    smtlib: Annotated[
        Path | None, typer.Option("--smtlib", metavar="DIR", help="Write the integer facts there as SMT-LIB 2 files.")
    ] = None,
    no_cache: Annotated[bool, typer.Option("--no-cache", help="Prove everything, and keep nothing.")] = False,
    cache: Annotated[
        Path | None,
        typer.Option(
            "--cache",
            metavar="DIR",
            envvar="CONVMATH_CACHE",
            help="Keep what is proved there, not in the user's cache.",
        ),
    ] = None,
    folder: Annotated[
        Path | None,
        typer.Option(
            "--certificates",
            metavar="DIR",
            exists=True,
            file_okay=False,
            help="Read the certificates there, or write what --search finds.",
        ),
    ] = None,
) -> None:
    """Prove entries again, for every number of axes.

    Each integer fact is checked against its certificate; with --recheck every step is also confirmed by other means.
    Exit code 1 if a proof fails, or if a certificate is missing, wrong or stale.

    What was proved before is not proved again as long as its source, its certificates, the engine and the libraries are
    the same; --no-cache proves it all the same.

    \b
    Examples:
      convmath prove
      convmath prove size.conv grad.input --jobs 1
      convmath prove size.conv --recheck
      convmath prove size.conv --search
      convmath prove --format json > proofs.json
    """
    from ..cache import default_folder
    from ..catalog import entries
    from ..proving import Request, orphans
    from ..proving import prove as run

    start = perf_counter()
    kept = None if no_cache else cache or default_folder()
    request = Request(search=search, folder=folder, recheck=recheck, smtlib=smtlib, cache=kept)
    with closing(run(ids or (), request, jobs=jobs)) as running:
        outcomes = list(_watched(running, len(set(ids)) if ids else len(entries())))
    problems = [f"{outcome.id}: {problem}" for outcome in outcomes for problem in outcome.problems]
    for path in () if ids else orphans(folder):
        if search:
            path.unlink()
        else:
            problems.append(f"{path.name}: belongs to no entry; convmath prove --search removes it")
    report = _report_json if style is ReportFormat.JSON else _report_table
    report(outcomes, problems, perf_counter() - start)
    if problems:
        raise typer.Exit(1)


def _watched(running: Iterator[Outcome], total: int) -> Iterator[Outcome]:
    """The outcomes as they come, with a progress bar on a terminal and a line each elsewhere, on stderr."""
    if not sys.stderr.isatty():
        for outcome in running:
            typer.echo(f"{outcome.id}: {_result(outcome)} {_time(outcome)}", err=True)
            yield outcome
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), TextColumn("{task.description}"))
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task("", total=total)
        for outcome in running:
            progress.update(task, advance=1, description=f"{outcome.id}: {_result(outcome)}")
            yield outcome


def _time(outcome: Outcome) -> str:
    return "before" if outcome.cached else f"in {outcome.seconds + outcome.recheck_seconds:.2f} s"


def _result(outcome: Outcome) -> str:
    return "proved" if outcome.ok else "FAILED"


def _report_json(outcomes: list[Outcome], problems: list[str], seconds: float) -> None:
    rows = [asdict(outcome) | {"ok": outcome.ok} for outcome in outcomes]
    report = {"ok": not problems, "seconds": seconds, "entries": rows, "problems": problems}
    typer.echo(json.dumps(report, indent=2, ensure_ascii=False))


def _report_table(outcomes: list[Outcome], problems: list[str], seconds: float) -> None:
    from ..notebook import ruled
    from .tables import console, word

    shown = ruled("Entry")
    rechecked = any(outcome.answers for outcome in outcomes)
    for name in ("Z3", "cvc5", "Brute", "Time") if rechecked else ("Certificates", "Steps", "Time"):
        shown.add_column(name, justify="right")
    shown.add_column("Rests on")
    shown.add_column("Result")
    for outcome in outcomes:
        counts = _confirmed(outcome) if rechecked else (str(outcome.facts), str(outcome.steps))
        time = "cached" if outcome.cached else f"{outcome.seconds + outcome.recheck_seconds:.2f} s"
        result = word(_result(outcome), "green" if outcome.ok else "bold red")
        shown.add_row(word(outcome.id), *counts, time, word(", ".join(outcome.trust)), result)
    console().print(shown)
    proved = sum(outcome.ok for outcome in outcomes)
    typer.echo(f"{proved} of {len(outcomes)} entries proved in {seconds:.1f} s")
    for problem in problems:
        typer.echo(problem, err=True)


def _confirmed(outcome: Outcome) -> tuple[str, ...]:
    """How many of the facts each solver proves, and of the steps brute force agrees with."""
    good = {"brute force": "agrees"}
    return tuple(
        f"{counts.get(good.get(name, 'proved'), 0)}/{sum(counts.values())}" for name, counts in outcome.answers.items()
    ) or ("", "", "")
