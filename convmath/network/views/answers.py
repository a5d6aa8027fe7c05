"""Answers to questions read backwards, as cells of a table and as records for programs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

from ...notebook import plain
from ..solving import RoundTrip
from ..solving.field import Change
from ..solving.layers import Window
from ..solving.padding import OutputPaddings
from .cells import alike, digits

if TYPE_CHECKING:
    from ...notebook import Answers
    from ..closed_form.inputs import InputSizes
    from ..closed_form.sets import SizeSet

    Answer: TypeAlias = InputSizes | RoundTrip | Answers[Change] | Answers[Window]

HOLES = {True: "yes", False: "no", None: "perhaps"}


@dataclass(frozen=True)
class Shown:
    """An answer as text.

    Attributes: head: the columns. rows: the cells. record: the same for programs.
    """

    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    record: Any


def shown(answer: Answer) -> Shown:
    """An answer as text.

    >>> from convmath.network import solve
    >>> found = shown(solve(input_size=224, output_size=112, max_kernel_size=2))
    >>> found.head, found.rows[0], found.record[0]["stride"]
    (('Kernel size', 'Stride', 'Padding', 'Dilation', 'Output padding'), ('1', '2', '0', '1', '0'), 2)
    """
    if isinstance(answer, RoundTrip):
        return Shown(("What comes back", "When", "Label"), tuple(_round_trip(answer)), _round_trip_record(answer))
    if not isinstance(answer, tuple):
        return Shown(("Input sizes", "Label"), ((str(answer), answer.label),), sizes_record(answer))
    changes = [one for one in answer if isinstance(one, Change)]
    if changes:
        head = ("Change", "Receptive field", "Holes", "Parameters", "MACs")
        return Shown(head, tuple(map(_change, changes)), [_change_record(one) for one in changes])
    names = ("kernel_size", "stride", "padding", "dilation", "output_padding")
    rows = tuple(tuple(str(getattr(window, name)) for name in names) for window in answer)
    return Shown(
        tuple(name.replace("_", " ").capitalize() for name in names),
        rows,
        [{name: getattr(window, name) for name in names} for window in answer],
    )


def _round_trip(answer: RoundTrip) -> Iterator[tuple[str, str, str]]:
    sizes, paddings = answer.sizes, answer.paddings
    if sizes is None:
        yield "the network as it is", plain(answer.sizes_unknown), "unknown"
    else:
        yield "the network as it is", str(sizes), sizes.label
    if paddings is None:
        yield "with output paddings", plain(answer.paddings_unknown), "unknown"
    else:
        for name, values in paddings.values.items():
            yield f"with output padding of {plain(name)}", alike(values), "checked"


def _round_trip_record(answer: RoundTrip) -> dict[str, Any]:
    paddings: OutputPaddings | None = answer.paddings
    return {
        "input_sizes": None if answer.sizes is None else sizes_record(answer.sizes),
        "input_sizes_unknown": answer.sizes_unknown or None,
        "output_padding": None if paddings is None else {name: list(value) for name, value in paddings.values.items()},
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
    more = {"params": change.params, "macs": change.macs}
    return {"change": change.text, "receptive_field": list(change.size), "holes": list(change.holes), **more}


def _more(number: Any) -> str:
    return f"{'+' if number >= 0 else ''}{digits(number)}"
