"""``convmath solve``: questions read backwards."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ..errors import DomainError, renamed
from .documents import REPORT_SUFFIXES, ReportFormat, format_of, write
from .models import AtNumbers, BatchSize, Dtypes, InputSizes, ReadAt, graph_of
from .spread import spread

if TYPE_CHECKING:
    from ..network import Graph


@dataclass(frozen=True)
class Bounds:
    """Which layers between two sizes are looked for."""

    transposed: Annotated[bool, typer.Option("--transposed", "-t", help="With --from: transposed ones.")] = False
    max_kernel_size: Annotated[
        int | None, typer.Option("--max-kernel-size", "-k", metavar="K", help="With --from; default: 7.")
    ] = None
    max_dilation: Annotated[
        int | None, typer.Option("--max-dilation", "-d", metavar="D", help="With --from; default: 2.")
    ] = None
    max_stride: Annotated[
        int | None, typer.Option("--max-stride", "-s", metavar="S", help="With --from; default: 4.")
    ] = None
    max_padding: Annotated[
        int | None, typer.Option("--max-padding", "-p", metavar="P", help="With --from; default: 3.")
    ] = None

    @property
    def given(self) -> dict[str, Any]:
        """Those that are given."""
        return _given(vars(self) | {"transposed": self.transposed or None})


@spread
def solve(
    *,
    model: Annotated[
        str | None, typer.Argument(metavar="MODEL", help="MODULE:FACTORY, or a file .onnx, .toml, .yaml.")
    ] = None,
    output_size: Annotated[
        str | None, typer.Option("--output-size", metavar="M", help="Which input sizes give this output: 7, or 7x5.")
    ] = None,
    round_trip: Annotated[
        bool, typer.Option("--round-trip", help="Which input sizes MODEL gives back, and with which output paddings.")
    ] = False,
    receptive_field: Annotated[
        str | None, typer.Option("--receptive-field", metavar="R", help="What to change for a field of at least R.")
    ] = None,
    source_size: Annotated[
        str | None, typer.Option("--from", metavar="N", help="With --to, without MODEL: which layers take N to M.")
    ] = None,
    target_size: Annotated[str | None, typer.Option("--to", metavar="M", help="See --from.")] = None,
    node: Annotated[str | None, typer.Option("--node", metavar="NAME", help="Default: the last.")] = None,
    axis: Annotated[
        int | None, typer.Option("--axis", metavar="A", help="The only spatial axis that is asked for, from 0.")
    ] = None,
    source: Annotated[str | None, typer.Option("--source", metavar="NAME", help="The input that is asked for.")] = None,
    layer: Annotated[
        list[str] | None,
        typer.Option("--layer", metavar="NAME", help="With --receptive-field: what may change; repeatable."),
    ] = None,
    bounds: Bounds,
    sizes: InputSizes = None,
    batch_size: BatchSize = 1,
    numbers: AtNumbers = None,
    read_at: ReadAt = None,
    dtypes: Dtypes = None,
    style: Annotated[
        ReportFormat | None,
        typer.Option("--format", help="Default: what the suffix of the file says, otherwise table."),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output", "-o", metavar="FILE", help=f"Write the answer to a file ({', '.join(REPORT_SUFFIXES)})."
        ),
    ] = None,
) -> None:
    """Answer a question read backwards: which inputs, parameters or changes give what is wanted.

    The label says what the answer rests on. Where an answer ends in a clause, "where the network is as it was read",
    "where no size 1 is stretched" or "where no tensor on the way is empty", it has all sizes there are there; the
    network may take others besides. After "where the tables have all rows that are looked up" or "where programs give
    the sizes of the operators' text, which some do not", it holds where that is so.

    Letters in --input, as 3,n,n or 3,h,w, stand for the sizes that are asked for, and each has its answer.

    MODULE:FACTORY imports MODULE, with the current folder in the path, which runs its code; nothing of a file is run.

    \b
    Examples:
      convmath solve my_pkg.models:make_model --output-size 7
      convmath solve my_pkg.models:make_model -i 3,h,w --output-size 7x5 --node layer4
      convmath solve autoencoder.toml --round-trip
      convmath solve model.onnx --receptive-field 200 --node layer3.0.conv2
      convmath solve --from 224 --to 112 --max-kernel-size 3
    """
    chosen = format_of(output, style, REPORT_SUFFIXES, ReportFormat.TABLE)
    wanted = {
        "output_size": None if output_size is None else _sizes("output_size", output_size),
        "round_trip": round_trip or None,
        "receptive_field": None if receptive_field is None else _sizes("receptive_field", receptive_field),
    }
    options = _given({"node": node, "axis": axis, "source": source, "layer": layer}) | bounds.given
    asked = _given(wanted)
    between = source_size is not None and target_size is not None
    if model is None and not asked and (source_size is None) != (target_size is None):
        given, missing = ("--to", "--from") if source_size is None else ("--from", "--to")
        needs = f"{missing} is missing: --from N with --to M asks which layers take N to M"
        raise typer.BadParameter(needs, param_hint=given)
    if (source_size is None) != (target_size is None) or len(asked) + between != 1 or between == (model is not None):
        needs = "ask one question: MODEL with --output-size, --round-trip or --receptive-field, or --from with --to"
        raise typer.BadParameter(needs, param_hint="the question")
    if between and (sizes or numbers or read_at or dtypes or batch_size != 1):
        raise typer.BadParameter("need MODEL", param_hint="--input, --batch-size, --at, --read-at and --dtype")
    _require_options(options, "from" if between else next(iter(asked)))
    if between:
        answer, nothing = _layers(source_size or "", target_size or "", options)
    else:
        graph = graph_of(model or "", sizes or [], batch_size, numbers, read_at, dtypes or [])
        answer, nothing = _about(graph, asked, options), ""
    _print(answer, chosen, output, nothing)


def _layers(source: str, target: str, options: Mapping[str, Any]) -> tuple[Any, str]:
    """The layers that take one size to another, and what is said where there is none."""
    from ..network import solve

    pair = {"input_size": _sizes("from", source), "output_size": _sizes("to", target)}
    with renamed(input_size="from", output_size="to"):
        found = solve(**pair, **options)
        if found:
            return found, ""
        transposed = not options.get("transposed", False)
        others = solve(**pair, **{**options, "transposed": transposed})
    hint = f" {'Transposed' if transposed else 'Other'} ones do: ask {'with' if transposed else 'without'} -t."
    return found, f"No layer within the bounds takes {source} to {target}.{hint if others else ''}"


def _about(graph: Graph, asked: Mapping[str, Any], options: Mapping[str, Any]) -> Any:
    """The answer of a network."""
    from ..network import solve

    if "receptive_field" in asked and graph.symbols:
        letters = ", ".join(map(str, graph.symbols))
        call = ",".join(f"{one}=224" for one in graph.symbols)
        needs = f"the sizes are open, by {letters}; --receptive-field needs numbers for them, such as --at {call}"
        raise DomainError("receptive_field", asked["receptive_field"], needs)
    with renamed(layers="layer"):
        return solve(
            graph, **asked, **{"layers" if name == "layer" else name: value for name, value in options.items()}
        )


_ABOUT_A_NODE = ("node", "axis", "source")
_OPTIONS: Mapping[str, tuple[str, ...]] = {
    "output_size": _ABOUT_A_NODE,
    "round_trip": _ABOUT_A_NODE,
    "receptive_field": (*_ABOUT_A_NODE, "layer"),
    "from": tuple(one.name for one in fields(Bounds)),
}
"""The options that each question takes, by the option that asks it."""


def _require_options(given: Iterable[str], question: str) -> None:
    for name in given:
        if name not in _OPTIONS[question]:
            takes = ", ".join(map(_option, _OPTIONS[question]))
            needs = f"is no option of the question {_option(question)}, which takes {takes}"
            raise typer.BadParameter(needs, param_hint=_option(name))


def _option(name: str) -> str:
    return f"--{name.replace('_', '-')}"


def _given(values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not None}


def _sizes(parameter: str, text: str) -> Any:
    """An int, or a tuple of them."""
    if not re.fullmatch(r"-?[0-9]{1,18}([,x]-?[0-9]{1,18})*", text):
        needs = "needs an integer of at most 18 digits, such as 7, or one for each axis, such as 7x7"
        raise DomainError(parameter, text, needs)
    found = tuple(map(int, re.split("[,x]", text)))
    return found if len(found) > 1 else found[0]


def _print(answer: Any, style: ReportFormat, output: Path | None, nothing: str) -> None:
    from ..network.views.answers import document, view
    from .tables import show

    if style is ReportFormat.TABLE:
        show(view(answer, nothing), output)
    else:
        write(document(answer, style.value, nothing), output)
