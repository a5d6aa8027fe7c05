"""``convmath net``: a whole network."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ..errors import DomainError, renamed
from .documents import REPORT_SUFFIXES, ReportFormat, format_of, write
from .models import AtNumbers, BatchSize, Dtypes, InputSizes, ReadAt, graph_of

if TYPE_CHECKING:
    from ..network import Graph, NetworkReport
    from ..network.views.details import Position


def net(
    model: Annotated[str, typer.Argument(metavar="MODEL", help="MODULE:FACTORY, or a file .onnx, .toml, .yaml.")],
    sizes: InputSizes = None,
    batch_size: BatchSize = 1,
    numbers: AtNumbers = None,
    read_at: ReadAt = None,
    dtypes: Dtypes = None,
    node: Annotated[
        str | None, typer.Option("--node", metavar="NAME", help="Show this node, with all details.")
    ] = None,
    convention: Annotated[
        str, typer.Option("--convention", metavar="NAME", help="What counts as an operation: mac, 2mac, exact, ...")
    ] = "mac",
    activation_dtype: Annotated[
        str | None,
        typer.Option(
            "--activation-dtype",
            metavar="DTYPE",
            help="The type whose bytes activations take; default: that of the weights, or float32.",
        ),
    ] = None,
    pixel: Annotated[
        str | None,
        typer.Option(
            "--pixel",
            metavar="Y,X",
            help="Say exactly what this position reads, borders and all: of --node, or of the last node that has such.",
        ),
    ] = None,
    figure: Annotated[
        Path | None,
        typer.Option(
            "--figure",
            metavar="FILE.svg",
            help="Draw it through the layers, too; without --pixel, the position in the middle.",
        ),
    ] = None,
    style: Annotated[
        ReportFormat | None,
        typer.Option("--format", help="Default: what the suffix of the file says, otherwise table."),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output", "-o", metavar="FILE", help=f"Write the report to a file ({', '.join(REPORT_SUFFIXES)})."
        ),
    ] = None,
) -> None:
    """Analyse a network without running it: sizes, receptive fields, parameters, operations, memory.

    MODULE:FACTORY imports MODULE, with the current folder in the path, which runs its code; FACTORY is a torch module,
    or a class or function that is called without arguments and gives one. Nothing of a file is run.

    What is not understood is listed, and every total says whether it is complete. --convention takes the names of
    tools too: torchinfo, thop, fvcore, ptflops, flop_counter. The folder of a file is made if need be.

    Letters in --input, as 3,n,n or 3,h,w, or n for a sequence, ask for closed forms: every size as a term in them, the
    input sizes for which there is an output, where these are known to be all, and what of that is proved. A file that
    has letters for its own sizes needs no --input for them. --at gives the network at numbers for its letters;
    --read-at says at which a model is read that does not take the usual ones.

    --pixel has an index for each axis after the channels, as 3,20; where axes of the inputs run along other dimensions,
    as along the tokens of a sequence, it has one for each of those, and what is printed says which these are.

    --dtype is for modules of torch that take something else than the type of their weights, as token ids or masks:
    one for all inputs, or one for each in the order or by the names of --input.

    \b
    Examples:
      convmath net torchvision.models:resnet50 --input 3,224,224
      convmath net my_pkg.models:make_model -i image=3,224,224 -i mask=1,224,224 -o report.html
      convmath net my_pkg.models:tagger -i ids=128 -i mask=128 --dtype ids=int64 --dtype mask=bool
      convmath net model.onnx --node layer2.0.add --pixel 3,20 --figure field.svg
      convmath net transformer.toml --node tokens --pixel 3
      convmath net lenet.toml --convention exact --format json
      convmath net my_pkg.models:make_model -i 3,n,n --read-at 72
      convmath net model.onnx --at h=100,w=60
    """
    chosen = format_of(output, style, REPORT_SUFFIXES, ReportFormat.TABLE)
    if figure is not None:
        from ..figures.svg import require_svg

        require_svg("figure", figure)
    if pixel is not None and figure is None and chosen is ReportFormat.CSV:
        raise typer.BadParameter("is told in all formats but csv, which has a line for each node", param_hint="--pixel")
    at = None if pixel is None else _position(pixel)
    from ..network.conventions import flops
    from ..network.memory import itemsize

    flops(convention)
    if activation_dtype is not None:
        with renamed(dtype="activation_dtype"):
            itemsize(activation_dtype)
    graph = graph_of(model, sizes or [], batch_size, numbers, read_at, dtypes or [])
    if graph.symbols:
        if pixel is not None or figure is not None or convention != "mac" or activation_dtype is not None:
            letters = ",".join(f"{letter}=64" for letter in graph.symbols)
            needs = f"need sizes in numbers; letters ask for closed forms, and --at {letters} puts numbers for them"
            raise typer.BadParameter(needs, param_hint="--pixel, --figure, --convention and --activation-dtype")
        _closed_forms(graph, chosen, node, output)
        return
    report = graph.analyze()
    with renamed(position="pixel"):
        position = _drawn(report, node, at, figure) if figure is not None else _asked(report, node, at)
        _report(report, chosen, convention, node, position, activation_dtype, output)


def _drawn(report: NetworkReport, node: str | None, at: tuple[int, ...] | None, figure: Path) -> Position:
    """The position of which a figure has been drawn."""
    from ..figures import seen, seen_picture
    from ..network.views.details import Position

    found = seen(report, node, at)
    seen_picture(found).save(figure)
    return Position(found.name, found.position)


def _asked(report: NetworkReport, node: str | None, at: tuple[int, ...] | None) -> Position | None:
    """The position that --pixel asks for, if it does."""
    from ..network.views.details import position_of

    return None if at is None else position_of(report, node, at)


def _position(text: str) -> tuple[int, ...]:
    if not re.fullmatch("[0-9]{1,18}([,x][0-9]{1,18})*", text):
        raise DomainError("pixel", text, "needs an index for each axis, such as 3,20, of at most 18 digits each")
    return tuple(map(int, re.split("[,x]", text)))


# Reports


def _report(
    report: NetworkReport,
    style: ReportFormat,
    convention: str,
    node: str | None,
    position: Position | None,
    dtype: str | None,
    output: Path | None,
) -> None:
    """Print a report, or write it to a file."""
    if style is not ReportFormat.TABLE:
        from ..network.views.documents import document

        told = None if style is ReportFormat.CSV else position
        write(document(report, style.value, convention, node, dtype, told), output)
        return
    from ..network.views.terminal import node_view, view
    from .tables import show

    if node is None:
        show(view(report, convention, dtype, position), output)
    else:
        show(node_view(report, node, convention, dtype, position), output)


def _closed_forms(graph: Graph, style: ReportFormat, node: str | None, output: Path | None) -> None:
    """Print closed forms, or write them to a file."""
    from ..network.views.forms import Forms, document, view
    from .tables import show

    forms = Forms.of(graph)
    if style is ReportFormat.TABLE:
        show(view(forms, node), output)
    else:
        write(document(forms, style.value, node), output)
