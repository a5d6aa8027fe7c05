"""A report as a document: JSON and CSV for programs, Markdown, LaTeX and HTML for people."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterable, Mapping
from functools import cache
from typing import TYPE_CHECKING, Any

from ...errors import DomainError
from ...notebook import plain
from ..report import NetworkReport
from .cells import SEVERAL, shown
from .records import content, records

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
    >>> head, stem = document(net.analyze(), "csv", name="stem").splitlines()
    >>> for pair in zip(head.split(","), stem.split(",")): print(*filter(None, pair))
    name stem
    op conv2d
    inputs input
    batch_size 1
    output_size 8x4x4
    params 224
    macs 3456
    backward_macs 3456
    operations 3456
    backward_operations 3456
    activations 128
    activation_bytes 512
    field_inputs input
    field_size 3x3
    field_stride 2x2
    field_padding 0x0
    field_center 3/2x3/2
    field_phases 1x1
    holes no
    field_unknown
    unknown
    """
    if style not in _STYLES:
        raise DomainError("style", style, f"needs one of {', '.join(_STYLES)}")
    return _STYLES[style](report, convention, name)


def fragment(report: NetworkReport, convention: str = "mac") -> str:
    """A report in HTML to stand inside a page."""
    return template("fragment.html").render(shown=shown(report, convention))


def _json(report: NetworkReport, convention: str, name: str | None) -> str:
    return json.dumps(content(report, convention, name), indent=2, default=str) + "\n"


_CSV = (
    *("name", "op", "inputs", "batch_size", "output_size", "params", "macs", "backward_macs", "operations"),
    *("backward_operations", "activations", "activation_bytes", "field_inputs", "field_size", "field_stride"),
    *("field_padding", "field_center", "field_phases", "holes", "field_unknown", "unknown"),
)


def _csv(report: NetworkReport, convention: str, name: str | None) -> str:
    text = io.StringIO()
    writer = csv.DictWriter(text, _CSV, extrasaction="ignore", lineterminator="\n")
    writer.writeheader()
    writer.writerows(map(_flat, records(report, convention, name)))
    return text.getvalue()


def _flat(found: Mapping[str, Any]) -> dict[str, Any]:
    """A record in one line.

    Sizes and axes are joined by "x", the inputs of a node and its fields in several inputs by spaces; what is unknown
    stays empty.
    """
    fields: Mapping[str, list[dict[str, Any]]] = found["receptive_fields"]
    each = fields.values()

    def column(key: str) -> str:
        return " ".join("x".join("-" if axis[key] is None else str(axis[key]) for axis in axes) for axes in each)

    output = found["output_size"]
    return {
        **found,
        **{key: plain(found[key] or "") for key in ("name", "op", "unknown")},
        "inputs": _names(found["inputs"]),
        "output_size": "" if output is None else "x".join(map(str, output)),
        "field_inputs": _names(fields),
        **{f"field_{key}": column(key) for key in ("size", "stride", "padding", "center", "phases")},
        "holes": " ".join(map(_holes, each)),
        "field_unknown": plain(found["receptive_field_unknown"] or ""),
    }


def _holes(axes: Iterable[Mapping[str, Any]]) -> str:
    """Whether there are holes on any axis."""
    found = {axis["holes"] for axis in axes}
    return "yes" if True in found else "perhaps" if None in found else "no"


def _names(names: Iterable[str]) -> str:
    """Names with spaces between them, and none in them."""
    return " ".join(plain(name).replace(" ", r"\x20") for name in names)


def _written(file: str) -> Callable[[NetworkReport, str, str | None], str]:
    return lambda report, convention, name: template(file).render(shown=shown(report, convention, name, wide=True))


_STYLES: Mapping[str, Callable[[NetworkReport, str, str | None], str]] = {
    "json": _json,
    "csv": _csv,
    "markdown": _written("report.md"),
    "latex": _written("report.tex"),
    "html": _written("report.html"),
}


@cache
def template(name: str) -> jinja2.Template:
    """A template of this folder, in which everything that is put in is text."""
    import jinja2

    options: dict[str, Any] = {"trim_blocks": True, "lstrip_blocks": True, "keep_trailing_newline": True}
    if name.endswith(".tex"):
        options |= {"block_start_string": "<%", "block_end_string": "%>"}
        options |= {"variable_start_string": "<<", "variable_end_string": ">>"}
        options |= {"comment_start_string": "<#", "comment_end_string": "#>"}
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("convmath.network.views"),
        undefined=jinja2.StrictUndefined,
        autoescape=name.endswith(".html"),
        **options,
    )
    environment.filters |= {"tex": _tex, "cell": cell}
    environment.tests["several"] = lambda text: SEVERAL in text
    return environment.get_template(name)


def _tex(text: str) -> str:
    """Text in LaTeX, which may be broken after the points and lines in names; what is not ASCII is written out."""
    from ...latex.tex import escape

    written = escape(text.encode("ascii", "backslashreplace").decode())
    for mark in (".", r"\_", "/", ":"):
        written = written.replace(mark, rf"{mark}\allowbreak{{}}")
    return written


def cell(text: str) -> str:
    """Text in a cell of a Markdown table, in which nothing is markup."""
    return "".join(f"\\{c}" if c in "\\`*_{}[]<>()#|!~" else c for c in text)
