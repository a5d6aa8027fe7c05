"""Closed forms of a network in words and as documents: the same cells for every way of showing them."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import inf
from typing import TYPE_CHECKING, Any

from ...calculus.search import NEEDS_SCIPY, can_search
from ...errors import DomainError
from ...latex.printer import latex
from ...latex.printer import text as unicode
from ...notebook import counted, listed, plain, ruled
from ..closed_form.by_symbol import FormBySymbol, FormsBySymbol
from ..closed_form.form import ClosedForm
from ..closed_form.forms import forms_about
from ..closed_form.inputs import InputSizes
from ..closed_form.reading import BY_CONSTRUCTION
from ..closed_form.terms import shown as written
from ..graph import Graph
from .answers import set_latex, set_record, sizes_record
from .documents import Math, template

if TYPE_CHECKING:
    import sympy
    from rich.console import Group

    from ..closed_form.sets import SizeSet

SETS = {
    "valid": "every layer has an output with elements, and branches match",
    "matching": "branches match",
    "lossless": "valid, and no layer leaves elements of its input over after its last window",
}
"""The sets of input sizes, and what they are."""

OUTSIDE = "A set that says where has all sizes there are there; the network may take others, of which nothing is said."
"""What the clause after a set of input sizes means."""

UNSEARCHED = f"Checked by sampling, not proved: {NEEDS_SCIPY}."
"""What is said once where proofs could not be looked for."""


@dataclass(frozen=True)
class Forms:
    """The closed forms of a network, with what they say about each symbol in its input sizes.

    Attributes:
        graph: the network.
        found: its closed forms in these symbols.
    """

    graph: Graph
    found: FormsBySymbol

    @staticmethod
    def of(graph: Graph) -> Forms:
        """The closed forms of a network whose input sizes are symbols.

        Raises:
            DomainError: they are numbers.
        """
        if not graph.symbols:
            raise DomainError("graph", plain(", ".join(graph.inputs)), "the input sizes are numbers; needs a symbol")
        return Forms(graph, FormsBySymbol(tuple(forms_about(graph, symbol) for symbol in graph.symbols)))

    def nodes(self, name: str | None = None) -> Iterator[FormBySymbol]:
        """Every node, or the one of a name.

        Raises:
            DomainError: there is no such node.
        """
        yield from self.found if name is None else (self.found[name],)

    @property
    def read_at(self) -> Mapping[str, tuple[Any, ...]]:
        """The sizes of the inputs at which an importer has read the network; empty where none has."""
        return {} if self.graph.reading is None else _inputs(self.graph.reading)


def _inputs(graph: Graph) -> dict[str, tuple[Any, ...]]:
    return {name: graph[name].operator.sizes()[1:] for name in graph.inputs}


@dataclass(frozen=True)
class Shown:
    """Closed forms as text.

    Attributes:
        title: the nodes and inputs in a line.
        head: the columns.
        rows: the cells of every node.
        sets: the name of each set of input sizes, the set, what it rests on, and what it means.
        notes: why nodes are unknown.
    """

    title: str
    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    sets: tuple[tuple[str, str, str, str], ...]
    notes: tuple[str, ...]


@dataclass(frozen=True)
class Writing:
    """How mathematics is written.

    Attributes:
        term: a size that depends on the input's.
        valid: the sizes of a letter for which there is an output.
        found: the input sizes with the clause that says among which sizes they are complete.
        widest: so many characters the sets of several letters have in a line at most; of more, each has its own.
    """

    term: Callable[[Any], str]
    valid: Callable[[SizeSet, sympy.Symbol], str] = lambda found, symbol: found.text(symbol.name)
    found: Callable[[InputSizes], str] = str
    widest: float = inf


PLAIN = Writing(written)
TERMINAL = Writing(written, widest=24)
UNICODE = Writing(unicode)
LATEX = Writing(latex, lambda found, symbol: f"${found.latex(symbol)}$", set_latex)


def shown(forms: Forms, name: str | None = None, writing: Writing = PLAIN) -> Shown:
    """Closed forms as text.

    Args:
        forms: the closed forms.
        name: the only node to show; None for all.
        writing: how terms and sets are written.

    Raises:
        DomainError: there is no such node.

    >>> from convmath.network.operators import Conv
    >>> net = Graph()
    >>> _ = net.add("stem", Conv(3, 8, (1, 1), stride=2), net.input((3, "n", "n")))
    >>> found = shown(Forms.of(net))
    >>> found.title, found.rows[1]
    ('2 nodes; input 3 x n x n', ('stem', 'conv2d', '8, ceil(n/2), ceil(n/2)', 'n >= 1', 'proved'))
    >>> found.sets[2][:3]
    ('lossless', 'n >= 1 with n mod 2 = 1', 'proved')
    """
    nodes = list(forms.nodes(name))
    rows = tuple(_row(forms.graph, form, writing) for form in nodes)
    sets = tuple((kind, _set(found, writing), found.label, SETS[kind]) for kind, found in forms.found.sets())
    head = ("Node", "Operation", "Output", "Input sizes", "Label")
    return Shown(_title(forms), head, rows, sets, _notes(forms, [form.each[0] for form in nodes]))


def _title(forms: Forms) -> str:
    read = f"; read at {_by_input(forms.read_at)}" if forms.read_at else ""
    outputs = forms.graph.outputs
    several = f"; outputs {plain(listed(outputs))}" if len(outputs) > 1 else ""
    return f"{counted(len(forms.graph), 'node')}; input {_by_input(_inputs(forms.graph))}{read}{several}"


def _by_input(inputs: Mapping[str, tuple[Any, ...]]) -> str:
    return " and ".join(" x ".join(map(str, sizes)) for sizes in inputs.values())


def _row(graph: Graph, form: FormBySymbol, writing: Writing) -> tuple[str, ...]:
    sizes = None if form.output_size is None else ", ".join(_size(size, writing) for size in form.output_size)
    sets = [_valid(one, writing) for one in form.each]
    valid = (",\n" if len(", ".join(sets)) > writing.widest else ", ").join(sets)
    output, several = "?" if sizes is None else sizes or "-", Math if writing is LATEX else str
    return plain(form.name), plain(graph[form.name].op), several(output), several(valid), form.label


def _size(size: Any, writing: Writing) -> str:
    found = str(size) if isinstance(size, int) else writing.term(size)
    return f"${found}$" if writing is LATEX else found


def _valid(form: ClosedForm, writing: Writing) -> str:
    return "?" if form.dimensions is None or form.valid is None else writing.valid(form.valid, form.symbol)


def _set(found: InputSizes, writing: Writing) -> str:
    return "?" if found.sizes is None else writing.found(found)


def _is_unsearched(forms: Forms, nodes: Sequence[ClosedForm]) -> bool:
    """Whether something was not proved, and could have been with SciPy."""
    labels = {*(form.algebra for form in nodes), *(found.label for _, found in forms.found.sets())}
    return "checked by sampling" in labels and not can_search()


def _notes(forms: Forms, nodes: Sequence[ClosedForm]) -> tuple[str, ...]:
    """Why sizes and sets are unknown, and how it is known that the network is the same at other sizes."""
    reasons = [form.reason for form in nodes if form.dimensions is None]
    reasons += [f"where {form.name} has this size" for form in nodes if form.dimensions and form.valid is None]
    reasons += [found.reason for _, found in forms.found.sets() if found.sizes is None]
    readings = [form.reading for form in nodes if form.reading != BY_CONSTRUCTION]
    given = {form.given: form.name for form in reversed(nodes) if form.given}
    return (
        *(f"Unknown: {plain(reason)}" for reason in dict.fromkeys(reasons)),
        *(f"The network was {reading}, and was the same there." for reading in dict.fromkeys(readings)),
        *(f"The sizes from {plain(first)} on are so {clause}." for clause, first in reversed(given.items())),
        *((OUTSIDE,) if any(found.scope for _, found in forms.found.sets()) else ()),
        *((UNSEARCHED,) if _is_unsearched(forms, nodes) else ()),
    )


def view(forms: Forms, name: str | None = None) -> Group:
    """Closed forms on a terminal.

    Raises:
        DomainError: there is no such node.
    """
    from rich.console import Group
    from rich.text import Text

    found = shown(forms, name, TERMINAL)
    rows, sets = ruled(*found.head), ruled("Input sizes", "Which", "Label")
    for cells in found.rows:
        rows.add_row(*(Text(cell, overflow="fold") for cell in cells))
    for cells in found.sets:
        sets.add_row(*(Text(cell, overflow="fold") for cell in cells[:3]))
    words = (*(f"{kind}: {meaning}." for kind, meaning in SETS.items()), *found.notes)
    notes = (Text(note, overflow="fold") for note in words)
    return Group(Text(found.title, "bold"), Text(), rows, Text(), sets, Text(), *notes)


def document(forms: Forms, style: str, name: str | None = None) -> str:
    """Closed forms as the text of a file.

    Args:
        forms: the closed forms.
        style: ``"json"``, ``"csv"``, ``"markdown"``, ``"latex"`` or ``"html"``.
        name: the only node whose row is written; None for all.

    Raises:
        DomainError: the style is unknown, or there is no such node.

    >>> from convmath.network.operators import Conv
    >>> net = Graph()
    >>> _ = net.add("stem", Conv(3, 8, (3, 3), stride=2, padding=1), net.input((3, "n", "n")))
    >>> print(document(Forms.of(net), "csv", "stem"))
    name,op,inputs,output_size,valid,label,unknown,given
    stem,conv2d,input,"8, ceil(n/2), ceil(n/2)",n >= 1,proved,,
    <BLANKLINE>
    """
    if style not in _STYLES:
        raise DomainError("style", style, f"needs one of {', '.join(_STYLES)}")
    return _STYLES[style](forms, name)


def _json(forms: Forms, name: str | None) -> str:
    content = {
        "symbols": [symbol.name for symbol in forms.found.symbols],
        "inputs": {one: [_term(size) for size in sizes] for one, sizes in _inputs(forms.graph).items()},
        "read_at": {one: list(sizes) for one, sizes in forms.read_at.items()} or None,
        "outputs": list(forms.graph.outputs),
        "nodes": [_record(forms.graph, form) for form in forms.nodes(name)],
        "input_sizes": {
            one.symbol.name: {kind: sizes_record(getattr(one, kind)) for kind in SETS} for one in forms.found.each
        },
    }
    return json.dumps(content, indent=2) + "\n"


def _term(size: Any) -> int | str:
    return size if isinstance(size, int) else written(size)


def _record(graph: Graph, form: FormBySymbol) -> dict[str, Any]:
    return {
        "name": form.name,
        "op": graph[form.name].op,
        "inputs": list(graph[form.name].inputs),
        "output_size": None if form.output_size is None else [_term(size) for size in form.output_size],
        "valid": {one.symbol.name: None if one.dimensions is None else set_record(one.valid) for one in form.each},
        "label": form.label,
        "given": form.given or None,
        "reading": form.reading,
        "unknown": form.reason or None,
    }


def _csv(forms: Forms, name: str | None) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(("name", "op", "inputs", "output_size", "valid", "label", "unknown", "given"))
    for form, cells in zip(forms.nodes(name), shown(forms, name).rows, strict=True):
        reads = plain(" ".join(forms.graph[form.name].inputs))
        sizes, valid = (("" if cell == "?" else cell) for cell in cells[2:4])
        writer.writerow((*cells[:2], reads, sizes, valid, cells[4], plain(form.reason), form.given))
    return text.getvalue()


def _written(name: str, writing: Writing = PLAIN) -> Callable[[Forms, str | None], str]:
    return lambda forms, node: template(name).render(shown=shown(forms, node, writing))


_STYLES: Mapping[str, Callable[[Forms, str | None], str]] = {
    "json": _json,
    "csv": _csv,
    "markdown": _written("forms.md"),
    "latex": _written("forms.tex", LATEX),
    "html": _written("forms.html", UNICODE),
}
