"""``convmath net``: a whole network."""

from __future__ import annotations

import io
import os
import pkgutil
import re
import sys
from collections.abc import Callable, Mapping
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ..errors import DomainError
from .documents import format_of, write

if TYPE_CHECKING:
    from ..network import Graph, NetworkReport


class ReportFormat(StrEnum):
    """How a report is written."""

    TABLE = "table"
    JSON = "json"
    CSV = "csv"
    MARKDOWN = "markdown"
    LATEX = "latex"
    HTML = "html"


SUFFIXES: Mapping[str, ReportFormat] = {
    ".txt": ReportFormat.TABLE,
    ".json": ReportFormat.JSON,
    ".csv": ReportFormat.CSV,
    ".md": ReportFormat.MARKDOWN,
    ".tex": ReportFormat.LATEX,
    ".html": ReportFormat.HTML,
}
FILE_WIDTH = 100
"""Columns of a table in a file."""

_FACTORY = re.compile(r"[^\W\d]\w*(\.[^\W\d]\w*)*:[^\W\d]\w*(\.[^\W\d]\w*)*")
_SIZES = re.compile(r"(?:([^\W\d][\w.]*)=)?([0-9]{1,18}(?:[,x][0-9]{1,18})*)")


def net(
    model: Annotated[str, typer.Argument(metavar="MODEL", help="MODULE:FACTORY, or a file .onnx, .toml, .yaml.")],
    sizes: Annotated[
        list[str] | None,
        typer.Option("--input", "-i", metavar="[NAME=]C,H,W", help="Sizes of an input without the batch; repeatable."),
    ] = None,
    batch_size: Annotated[int, typer.Option("--batch-size", "-b", min=1, metavar="N", help="Images at once.")] = 1,
    node: Annotated[
        str | None, typer.Option("--node", metavar="NAME", help="Show this node, with all details.")
    ] = None,
    convention: Annotated[
        str, typer.Option("--convention", metavar="NAME", help="What counts as an operation: mac, 2mac, exact, ...")
    ] = "mac",
    pixel: Annotated[
        str | None,
        typer.Option("--pixel", metavar="Y,X", help="Say exactly what this position of --node reads, borders and all."),
    ] = None,
    figure: Annotated[
        Path | None,
        typer.Option("--figure", metavar="FILE.svg", help="Draw what --pixel of --node reads through the layers."),
    ] = None,
    style: Annotated[
        ReportFormat | None,
        typer.Option("--format", help="Default: what the suffix of the file says, otherwise table."),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", metavar="FILE", help=f"Write the report to a file ({', '.join(SUFFIXES)})."),
    ] = None,
) -> None:
    """Analyse a network without running it: sizes, receptive fields, parameters, operations, memory.

    MODULE:FACTORY imports MODULE, with the current folder in the path, which runs its code; FACTORY is a torch module,
    or a class or function that is called without arguments and gives one. Nothing of a file is run.

    What is not understood is listed, and every total says whether it is complete. --convention takes the names of
    tools too: torchinfo, thop, fvcore, ptflops, flop_counter.

    \b
    Examples:
      convmath net torchvision.models:resnet50 --input 3,224,224
      convmath net my_pkg.models:make_model -i image=3,224,224 -i mask=1,224,224 -o report.html
      convmath net model.onnx --node layer2.0.add --pixel 3,20 --figure field.svg
      convmath net lenet.toml --convention exact --format json
    """
    chosen = format_of(output, style, SUFFIXES, ReportFormat.TABLE)
    if figure is not None and figure.suffix.lower() != ".svg":
        raise DomainError("figure", str(figure), "needs the suffix .svg")
    if pixel is not None and figure is None and (node is None or chosen is not ReportFormat.TABLE):
        raise typer.BadParameter("needs --figure, or --node in a table", param_hint="--pixel")
    at = None if pixel is None else _position(pixel)
    report = _graph(model, sizes or [], batch_size).analyze()
    if figure is not None:
        from ..figures import seen, seen_picture

        seen_picture(seen(report, node, at)).save(figure)
    _report(report, chosen, convention, node, at, output)


def _position(text: str) -> tuple[int, ...]:
    if not re.fullmatch("[0-9]{1,18}([,x][0-9]{1,18})*", text):
        raise DomainError(
            "pixel", text, "needs an index for each spatial axis, such as 3,20, of at most 18 digits each"
        )
    return tuple(map(int, re.split("[,x]", text)))


# Models


def _graph(model: str, sizes: list[str], batch_size: int) -> Graph:
    """The graph of a file, or of what a factory gives."""
    from .. import network

    suffix = Path(model).suffix.lower()
    if suffix == ".onnx":
        return network.from_onnx(model, _inputs(sizes), batch_size=batch_size)
    if suffix in (".toml", ".yaml", ".yml"):
        _require_own_sizes(model, sizes, batch_size)
        return network.read(model)
    if not _FACTORY.fullmatch(model):
        raise DomainError("model", model, "needs MODULE:FACTORY, or a file .onnx, .toml, .yaml or .yml")
    made = _made(model)
    if isinstance(made, network.Graph):
        _require_own_sizes(model, sizes, batch_size)
        return made
    given = _inputs(sizes)
    return network.from_torch(made, **({} if given is None else {"input_size": given}), batch_size=batch_size)


def _require_own_sizes(model: str, sizes: list[str], batch_size: int) -> None:
    if sizes or batch_size != 1:
        raise DomainError("input", sizes or batch_size, f"{model} says its own sizes; change them there")


def _inputs(sizes: list[str]) -> Any:
    """The sizes of one input, a list of them, or a dictionary by names; None where none are given."""
    found = [_SIZES.fullmatch(text) for text in sizes]
    for text, match in zip(sizes, found, strict=True):
        if match is None:
            raise DomainError(
                "input", text, "needs sizes such as 3,224,224, or NAME=3,224,224, of at most 18 digits each"
            )
    pairs = [(match[1], tuple(map(int, re.split("[,x]", match[2])))) for match in found if match is not None]
    names = [name for name, _ in pairs]
    if any(names):
        if None in names or len(set(names)) != len(names):
            raise DomainError("input", sizes, "needs a name for each input or for none, each name once")
        return dict(pairs)
    return None if not pairs else pairs[0][1] if len(pairs) == 1 else [size for _, size in pairs]


def _made(model: str) -> Any:
    """What a factory gives; importing and calling it runs the user's code, which may do anything."""
    if os.getcwd() not in sys.path:
        sys.path.insert(0, os.getcwd())
    found = _run(model, "cannot be imported", lambda: pkgutil.resolve_name(model))
    if isinstance(found, type) or (callable(found) and not _is_module(found)):
        return _run(model, "fails when it is called without arguments", found)
    return found


def _run(model: str, what: str, action: Callable[[], Any]) -> Any:
    try:
        return action()
    except (Exception, SystemExit) as error:
        sentence = next(iter(str(error).splitlines()), "")
        raise DomainError("model", model, f"{what}: {type(error).__name__}: {sentence}") from None


def _is_module(found: Any) -> bool:
    """Whether it is a torch module, which torch is loaded for."""
    torch = sys.modules.get("torch")
    return torch is not None and isinstance(found, torch.nn.Module)


# Reports


def _report(
    report: NetworkReport,
    style: ReportFormat,
    convention: str,
    node: str | None,
    at: tuple[int, ...] | None,
    output: Path | None,
) -> None:
    """Print a report, or write it to a file."""
    if style is not ReportFormat.TABLE:
        from ..network.show_formats import document

        write(document(report, style.value, convention, node), output)
        return
    from ..network.report_view import node_view, view
    from .tables import console

    found = view(report, convention) if node is None else node_view(report, node, convention, at)
    if output is None:
        console().print(found)
        return
    from rich.console import Console

    paper = Console(file=io.StringIO(), width=FILE_WIDTH)
    with paper.capture() as captured:
        paper.print(found)
    write(captured.get(), output)
