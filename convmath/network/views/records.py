"""A report for programs: plain numbers, lists and texts, under names that stay."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import fields, is_dataclass
from fractions import Fraction
from typing import Any

from ..conventions import CONVENTIONS, flops
from ..fields.exact import indexed
from ..fields.field import Field
from ..fields.pieces import Followed, Pieces
from ..fields.spans import Spans
from ..operators import Sizes
from ..report import NetworkReport
from ..row import Row
from ..totals import Total
from .cells import notes
from .details import Position

MOST_INTERVALS = 64
"""Intervals of a field that are written out on an axis; of one that has more, its hull is."""


def content(
    report: NetworkReport,
    convention: str,
    name: str | None = None,
    dtype: Any = None,
    position: Position | None = None,
) -> dict[str, Any]:
    """A whole report, or of its rows only that of a node; ``docs/networks.md`` says what each key holds.

    Raises:
        DomainError: the convention or the dtype is unknown, there is no such node, or what the position reads is
            unknown.
    """
    operations = flops(convention)
    found = CONVENTIONS[convention]
    return {
        "status": report.status,
        "missing": list(report.missing),
        "inputs": {one: list(report[one].sizes or ()) for one in report.graph.inputs},
        "outputs": list(report.graph.outputs),
        "convention": convention,
        "convention_version": found.version or None,
        "convention_why": found.why,
        "dtype": report.dtype if dtype is None else str(dtype),
        "nodes": list(records(report, convention, name, dtype)),
        "totals": {
            "params": _total(report.total("params")),
            "macs": _total(report.total("macs")),
            "backward_macs": _total(report.total("backward_macs")),
            "operations": _total(report.total(operations)),
            "backward_operations": None if found.backward is None else _total(report.total(found.backward)),
            "activations": _total(report.total("elements")),
            "saved_bytes": _total(report.saved(dtype)),
        },
        "activation_bytes": report.activation_bytes(dtype),
        "peak_bytes": report.peak_bytes(dtype),
        "unused": dict(report.graph.unused),
        "misaligned": [
            {
                "node": one.node,
                "paths": list(one.paths),
                "input": one.source[0],
                "axis": one.source[1],
                "strides": [exact(field.stride) for field in one.fields],
                "position": one.position,
                "centers": [exact(center) for center in one.centers],
            }
            for one in report.misaligned
        ],
        "position": None if position is None else _position(report, position),
        "notes": {heading: list(sentences) for heading, sentences in notes(report, convention, wide=True)},
    }


def records(
    report: NetworkReport, convention: str, name: str | None = None, dtype: Any = None
) -> Iterator[dict[str, Any]]:
    """A record for every row, or for that of a node.

    Raises:
        DomainError: the convention or the dtype is unknown, or there is no such node.
    """
    for row in report.rows if name is None else (report[name],):
        saved = report.saved_tensors(row.name)
        yield {
            **record(row, convention, list(report.graph[row.name].inputs), dtype),
            "saved_bytes": saved.nbytes(dtype),
            "saved_tensors": [_jsonable(one) for one in saved.tensors],
            "saved_unknown": saved.unknown or None,
        }


def record(row: Row, convention: str, inputs: list[str], dtype: Any = None) -> dict[str, Any]:
    """A row: None where a number is unknown; fractions that are no integers are texts such as "1/2"."""
    known = not row.lacks("macs")
    counts_backward = CONVENTIONS[convention].backward is not None
    return {
        "name": row.name,
        "op": row.op,
        "operator": {"type": type(row.operator).__name__, **_jsonable(row.operator)},
        "inputs": inputs,
        "input_sizes": _several(row.inputs),
        "batch_size": row.batch_size,
        "batch_dimension": row.batch,
        "input_batch_dimensions": list(row.batches),
        "output_size": None if row.output_size is None else list(row.output_size),
        "params": None if row.lacks("params") else row.params,
        "macs": row.macs,
        "backward_macs": row.backward_macs,
        "operations": row.flops(convention),
        "backward_operations": row.flops(convention, backward=True) if counts_backward else None,
        "work": _jsonable(row.work) if known else None,
        "activations": row.elements,
        "activation_bytes": row.activation_bytes(dtype),
        "dtype": row.dtype,
        "own_dtype": row.placement.dtype or None,
        "learned_inputs": list(row.learned),
        "receptive_fields": {
            name: [_axis(axis, along) for axis, along in zip(found.axes, found.dimensions, strict=True)]
            for name, found in row.fields.items()
        },
        "receptive_field_unknown": row.field_unknown or None,
        "unknown": row.reason or None,
        "remarks": list(row.remarks),
        "origin": _jsonable(row.origin),
        "given_sizes": _several(row.given),
    }


def _jsonable(value: Any) -> Any:
    """A value object as a dictionary, and what is in it as lists, numbers and texts."""
    if is_dataclass(value):
        return {one.name: _jsonable(getattr(value, one.name)) for one in fields(value)}
    if isinstance(value, Mapping):
        return {str(key): _jsonable(one) for key, one in value.items()}
    if isinstance(value, tuple | list):
        return [_jsonable(one) for one in value]
    if isinstance(value, Fraction):
        return exact(value)
    return value if value is None or isinstance(value, bool | int | float | str) else str(value)


def _position(report: NetworkReport, position: Position) -> dict[str, Any]:
    """What a position reads of each input: sets of elements, and whether all of them are read."""
    found = report.reads(position.node, *position.at)
    return {
        "node": position.node,
        "index": list(position.at),
        "dimensions": list(indexed(report, report[position.node])),
        "reads": {name: [[list(part) for part in axis.parts] for axis in axes] for name, axes in found.items()},
        "exact": all(axis.exact for axes in found.values() for axis in axes),
    }


def _several(inputs: tuple[Sizes | None, ...]) -> list[list[Any] | None]:
    return [None if sizes is None else list(sizes) for sizes in inputs]


def _total(total: Total) -> dict[str, Any]:
    return {"value": total.value, "status": total.status, "missing": list(total.missing)}


def _axis(axis: Followed, along: int | None) -> dict[str, Any]:
    return {
        "size": axis.size,
        "stride": exact(axis.stride),
        "padding": axis.padding,
        "center": exact(axis.center(0)),
        "holes": axis.holes,
        "phases": axis.period if isinstance(axis, Field) else None,
        "dimension": along,
        "reads": _intervals(axis.phases) if isinstance(axis, Field) else None,
        "pieces": _pieces(axis) if isinstance(axis, Pieces) else None,
        "exact": all(reads.exact for reads in (axis.phases if isinstance(axis, Field) else axis.each())),
    }


def _pieces(axis: Pieces) -> list[dict[str, Any]] | None:
    """The positions of every piece, their stride and what its first ones read; None if there are too many."""
    if len(axis.stops) > MOST_INTERVALS:
        return None
    return [
        {
            "start": start,
            "stop": stop,
            "stride": exact(field.stride),
            "phases": field.period,
            "reads": _intervals([field.reads(start + phase) for phase in range(field.period)]),
        }
        for start, stop, field in axis
    ]


def _intervals(found: Sequence[Spans]) -> list[list[list[int]]] | None:
    """Intervals as pairs; None if there are too many."""
    short = sum(len(reads.parts) for reads in found) <= MOST_INTERVALS
    return [[list(part) for part in reads.parts] for reads in found] if short else None


def exact(value: Fraction | None) -> int | str | None:
    """An int, or the text of a fraction; None stays None."""
    if value is None:
        return None
    return value.numerator if value.denominator == 1 else str(value)
