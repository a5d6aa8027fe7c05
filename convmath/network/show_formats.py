"""A report as a document: JSON and CSV for programs, Markdown, LaTeX and HTML for people."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Mapping
from functools import cache
from typing import TYPE_CHECKING, Any

from ..errors import DomainError
from .conventions import CONVENTIONS, flops
from .report import NetworkReport, Row, Total
from .show import exact, plain, record, shown

if TYPE_CHECKING:
    import jinja2


def document(report: NetworkReport, style: str, convention: str = "mac", name: str | None = None) -> str:
    """A report as the text of a file.

    Args:
        report: the network.
        style: ``"json"``, ``"csv"``, ``"markdown"``, ``"latex"`` or ``"html"``.
        convention: what counts as an operation.
        name: the only node whose row is written; None for all.

    Raises:
        DomainError: the style or the convention is unknown, or there is no such node.

    >>> from convmath.network import Graph
    >>> from convmath.network.operators import Conv
    >>> net = Graph()
    >>> _ = net.add("stem", Conv(3, 8, (3, 3), stride=2), net.input((3, 9, 9)))
    >>> print(document(net.analyze(), "csv", name="stem"))
    name,op,inputs,output_size,params,macs,operations,field_size,field_stride,field_padding,field_center,holes,unknown
    stem,conv2d,input,8x4x4,224,3456,3456,3x3,2x2,0x0,3/2x3/2,no,
    <BLANKLINE>
    """
    if style not in _STYLES:
        raise DomainError("style", style, f"needs one of {', '.join(_STYLES)}")
    return _STYLES[style](report, convention, name)


def fragment(report: NetworkReport, convention: str = "mac") -> str:
    """A report in HTML to stand inside a page."""
    return _template("fragment.html").render(shown=shown(report, convention))


def _rows(report: NetworkReport, name: str | None) -> tuple[Row, ...]:
    return report.rows if name is None else (report[name],)


def _json(report: NetworkReport, convention: str, name: str | None) -> str:
    operations = flops(convention)
    backward = CONVENTIONS[convention].backward
    totals = {
        "params": _total(report.total("params")),
        "macs": _total(report.total("macs")),
        "operations": _total(report.total(operations)),
        "backward_operations": None if backward is None else _total(report.total(backward)),
        "activations": _total(report.total("elements")),
    }
    content = {
        "status": report.status,
        "inputs": {one: list(report[one].sizes or ()) for one in report.graph.inputs},
        "outputs": list(report.graph.outputs),
        "convention": convention,
        "convention_why": CONVENTIONS[convention].why,
        "nodes": [record(row, operations, report.graph[row.name].inputs) for row in _rows(report, name)],
        "totals": totals,
        "activation_bytes": report.activation_bytes(),
        "peak_bytes": report.peak_bytes(),
        "misaligned": [
            {
                "node": one.node,
                "paths": list(one.paths),
                "input": one.source[0],
                "axis": one.source[1],
                "strides": [exact(field.stride) for field in one.fields],
                "centers": [exact(field.offset) for field in one.fields],
            }
            for one in report.misaligned
        ],
    }
    return json.dumps(content, indent=2, default=str) + "\n"


def _total(total: Total) -> dict[str, Any]:
    return {"value": total.value, "status": total.status, "missing": list(total.missing)}


_CSV = (
    *("name", "op", "inputs", "output_size", "params", "macs", "operations"),
    *("field_size", "field_stride", "field_padding", "field_center", "holes", "unknown"),
)


def _csv(report: NetworkReport, convention: str, name: str | None) -> str:
    text = io.StringIO()
    writer = csv.DictWriter(text, _CSV, lineterminator="\n")
    writer.writeheader()
    for row in _rows(report, name):
        found = record(row, flops(convention), report.graph[row.name].inputs)
        writer.writerow({key: value for key, value in _flat(found).items() if key in _CSV})
    return text.getvalue()


def _flat(found: Mapping[str, Any]) -> dict[str, Any]:
    """A record in one line, with the field in the first input; what is unknown stays empty."""

    def column(key: str) -> str:
        return "x".join("-" if axis[key] is None else str(axis[key]) for axis in axes)

    axes: list[dict[str, Any]] = next(iter(found["receptive_fields"].values()), [])
    holes = {axis["holes"] for axis in axes}
    told = "yes" if True in holes else "perhaps" if None in holes else "no" if holes else ""
    output = found["output_size"]
    names = {key: plain(found[key] or "") for key in ("name", "op", "unknown")}
    return {
        **found,
        **names,
        "inputs": plain(" ".join(found["inputs"])),
        "output_size": "" if output is None else "x".join(map(str, output)),
        **{f"field_{key}": column(key) for key in ("size", "stride", "padding", "center")},
        "holes": told,
    }


def _written(template: str) -> Callable[[NetworkReport, str, str | None], str]:
    return lambda report, convention, name: _template(template).render(shown=shown(report, convention, name))


_STYLES: Mapping[str, Callable[[NetworkReport, str, str | None], str]] = {
    "json": _json,
    "csv": _csv,
    "markdown": _written("report.md"),
    "latex": _written("report.tex"),
    "html": _written("report.html"),
}


@cache
def _template(name: str) -> jinja2.Template:
    import jinja2

    options: dict[str, Any] = {"trim_blocks": True, "lstrip_blocks": True, "keep_trailing_newline": True}
    if name.endswith(".tex"):
        options |= {"block_start_string": "<%", "block_end_string": "%>"}
        options |= {"variable_start_string": "<<", "variable_end_string": ">>"}
        options |= {"comment_start_string": "<#", "comment_end_string": "#>"}
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("convmath.network"),
        undefined=jinja2.StrictUndefined,
        autoescape=name.endswith(".html"),
        **options,
    )
    environment.filters |= {"tex": _tex, "cell": _cell}
    return environment.get_template(name)


def _tex(text: str) -> str:
    """Text in LaTeX, which may be broken after the points and lines in names; what is not ASCII is written out."""
    from ..latex.tex import escape

    written = escape(text.encode("ascii", "backslashreplace").decode())
    for mark in (".", r"\_", "/", ":"):
        written = written.replace(mark, rf"{mark}\allowbreak{{}}")
    return written


def _cell(text: str) -> str:
    """Text in a cell of a Markdown table, in which nothing is markup."""
    return "".join(f"\\{c}" if c in "\\`*_{}[]<>()#|!~" else c for c in text)
