"""Answers to questions read backwards, as cells of a table and as records for programs."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, TypeAlias

from ...errors import DomainError
from ...notebook import plain, ruled
from ..solving.field import Change, Changes
from ..solving.layers import Window, Windows
from ..solving.round_trip import RoundTrip
from ..solving.sizes import SizesBySymbol
from .cells import alike, digits
from .documents import Math, template

if TYPE_CHECKING:
    from rich.console import Group

    from ..closed_form.inputs import InputSizes
    from ..closed_form.sets import SizeSet

    Answer: TypeAlias = InputSizes | SizesBySymbol | RoundTrip | Changes | Windows

NOTHING = "none"
"""What is read where there is no answer, and nobody says why."""

HOLES = {True: "yes", False: "no", None: "perhaps"}


@dataclass(frozen=True)
class Shown:
    """An answer as text.

    Attributes:
        title: what was asked for.
        head: the columns.
        rows: the cells.
        notes: what there is to say besides.
        record: the same for programs.
    """

    title: str
    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    notes: tuple[str, ...]
    record: Any


def shown(answer: Answer, sets: Callable[[InputSizes], str] = str) -> Shown:
    """An answer as text.

    Args:
        answer: what was found.
        sets: how sets of input sizes are written.

    >>> from convmath.network import solve
    >>> found = shown(solve(input_size=224, output_size=112, max_kernel_size=2))
    >>> found.head, found.rows[0], found.record[0]["stride"]
    (('Kernel size', 'Stride', 'Padding', 'Dilation', 'Output padding'), ('1', '2', '0', '1', '0'), 2)
    """
    match answer:
        case RoundTrip():
            return _round_trip(answer, sets)
        case Changes():
            record = [_change_record(one) for one in answer]
            notes = () if answer else (answer.nothing,)
            return Shown("Changes for a larger receptive field", _CHANGE, tuple(map(_change, answer)), notes, record)
        case Windows():
            head = tuple(name.replace("_", " ").capitalize() for name in _WINDOW)
            record = [{name: getattr(one, name) for name in _WINDOW} for one in answer]
            return Shown("Layers from one size to another", head, tuple(map(_window, answer)), (), record)
    each = answer if isinstance(answer, SizesBySymbol) else (answer,)
    records = [sizes_record(one) for one in each]
    cells = tuple((sets(one), one.label) for one in each)
    return Shown("Input sizes", ("Input sizes", "Label"), cells, (), records if len(each) > 1 else records[0])


_CHANGE = ("Change", "Receptive field", "Holes", "Parameters", "MACs")
_WINDOW = ("kernel_size", "stride", "padding", "dilation", "output_padding")


def _window(window: Window) -> tuple[str, ...]:
    return tuple(str(getattr(window, name)) for name in _WINDOW)


def _round_trip(answer: RoundTrip, sets: Callable[[InputSizes], str]) -> Shown:
    """The input sizes and output paddings that are known, and why others are not."""
    rows: list[tuple[str, ...]] = [("the network as it is", sets(found), found.label) for found in answer.each]
    if answer.paddings is not None:
        each = (f"{alike(values)} in layer {plain(name)}" for name, values in answer.paddings.values.items())
        rows.append((f"with output padding {', '.join(each)}", "the size that the input has", "computed at that size"))
    unknown = (
        ("Input sizes that are given back", answer.sizes_unknown),
        ("For the input as it is", answer.paddings_unknown),
    )
    notes = tuple(f"{what}: {plain(why)}." for what, why in unknown if why)
    head = ("Round trip", "When", "Label")
    return Shown("Round trip", head, tuple(rows), notes, _round_trip_record(answer))


def _round_trip_record(answer: RoundTrip) -> dict[str, Any]:
    records = [sizes_record(found) for found in answer.each]
    paddings = None if answer.paddings is None else answer.paddings.values
    return {
        "input_sizes": records[0] if len(records) == 1 else records or None,
        "input_sizes_unknown": answer.sizes_unknown or None,
        "output_padding": None if paddings is None else {name: list(value) for name, value in paddings.items()},
        "output_padding_unknown": answer.paddings_unknown or None,
    }


def sizes_record(found: InputSizes) -> dict[str, Any]:
    """A set of input sizes for programs, and the scope in which it is complete, which is None where that is all."""
    words = {"symbol": found.symbol.name, "label": found.label, "unknown": found.reason or None}
    scope = {"sizes": set_record(found.scope.sizes), "where": list(found.scope.clauses)} if found.scope else None
    return {"sizes": set_record(found.sizes), **words, "scope": scope}


def set_record(found: SizeSet | None) -> dict[str, Any] | None:
    """A set of sizes for programs: the bounds that belong to it, and the remainders; None where it is unknown."""
    if found is None:
        return None
    bounds = {"least": found.least if found else None, "greatest": found.greatest}
    return {**bounds, "modulus": found.modulus, "remainders": list(found.remainders)}


def _change(change: Change) -> tuple[str, ...]:
    holes = alike([HOLES[one] for one in change.holes])
    return plain(change.text), alike(change.size), holes, _more(change.params), _more(change.macs)


def _change_record(change: Change) -> dict[str, Any]:
    return {
        "change": change.text,
        "receptive_field": list(change.size),
        "holes": list(change.holes),
        "padding": change.padding and [list(sides) for sides in change.padding],
        "params": change.params,
        "macs": change.macs,
    }


def _more(number: Any) -> str:
    return f"{'+' if number >= 0 else ''}{digits(number)}"


def told(answer: Answer, nothing: str, sets: Callable[[InputSizes], str] = str) -> Shown:
    """An answer as text; where there is none and nothing says why, with a note that says so."""
    found = shown(answer, sets)
    return found if found.rows or found.notes else replace(found, notes=(nothing,))


def view(answer: Answer, nothing: str = NOTHING) -> Group:
    """An answer on a terminal, or the sentence that there is none."""
    from rich.console import Group
    from rich.text import Text

    found = told(answer, nothing)
    rows = ruled(*found.head)
    for cells in found.rows:
        rows.add_row(*(Text(cell, overflow="fold") for cell in cells))
    notes = (Text(note, overflow="fold") for note in found.notes)
    parts = (*((rows,) if found.rows else ()), *((Text(),) if found.rows and found.notes else ()), *notes)
    return Group(*parts)


def table(answer: Any) -> str:
    """An answer in HTML to stand inside a page."""
    return template("answer_fragment.html").render(shown=told(answer, NOTHING))


def document(answer: Answer, style: str, nothing: str = NOTHING) -> str:
    """An answer as the text of a file; ``docs/networks.md`` says what the keys of JSON hold.

    Args:
        answer: what was found.
        style: ``"json"``, ``"csv"``, ``"markdown"``, ``"latex"`` or ``"html"``.
        nothing: what people read where there is no answer.

    Raises:
        DomainError: the style is unknown.

    >>> from convmath.network import solve
    >>> print(document(solve(input_size=9, output_size=4, max_kernel_size=2, max_padding=0), "csv"))
    Kernel size,Stride,Padding,Dilation,Output padding
    2,2,0,1,0
    2,2,0,2,0
    <BLANKLINE>
    """
    if style not in _STYLES:
        raise DomainError("style", style, f"needs one of {', '.join(_STYLES)}")
    return _STYLES[style](answer, nothing)


def _json(answer: Answer, nothing: str) -> str:
    return json.dumps(shown(answer).record, indent=2) + "\n"


def _csv(answer: Answer, nothing: str) -> str:
    found, text = shown(answer), io.StringIO()
    csv.writer(text, lineterminator="\n").writerows((found.head, *found.rows))
    return text.getvalue()


def _written(name: str, sets: Callable[[InputSizes], str] = str) -> Callable[[Answer, str], str]:
    return lambda answer, nothing: template(name).render(shown=told(answer, nothing, sets))


def set_latex(found: InputSizes) -> str:
    """A set of input sizes in LaTeX's mathematics, with the clause that says among which sizes it is complete."""
    if found.sizes is None:
        return str(found)
    return Math(f"${found.sizes.latex(found.symbol)}{found.scope.latex(found.sizes, found.symbol)}$")


_STYLES: Mapping[str, Callable[[Answer, str], str]] = {
    "json": _json,
    "csv": _csv,
    "markdown": _written("answer.md"),
    "latex": _written("answer.tex", set_latex),
    "html": _written("answer.html"),
}
