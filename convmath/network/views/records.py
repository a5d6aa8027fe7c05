"""A report for programs: plain numbers, lists and texts, under names that stay."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from typing import Any

from ..conventions import CONVENTIONS, flops
from ..fields.field import Field
from ..report import NetworkReport, Total
from ..row import Row

DTYPE = "float32"
"""The dtype in which bytes are counted."""


def content(report: NetworkReport, convention: str, name: str | None = None) -> dict[str, Any]:
    """A whole report, or of its rows only that of a node.

    Raises:
        DomainError: the convention is unknown, or there is no such node.
    """
    operations = flops(convention)
    found = CONVENTIONS[convention]
    return {
        "status": report.status,
        "inputs": {one: list(report[one].sizes or ()) for one in report.graph.inputs},
        "outputs": list(report.graph.outputs),
        "convention": convention,
        "convention_version": found.version or None,
        "convention_why": found.why,
        "dtype": DTYPE,
        "nodes": list(records(report, convention, name)),
        "totals": {
            "params": _total(report.total("params")),
            "macs": _total(report.total("macs")),
            "backward_macs": _total(report.total("backward_macs")),
            "operations": _total(report.total(operations)),
            "backward_operations": None if found.backward is None else _total(report.total(found.backward)),
            "activations": _total(report.total("elements")),
        },
        "activation_bytes": report.activation_bytes(DTYPE),
        "peak_bytes": report.peak_bytes(DTYPE),
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


def records(report: NetworkReport, convention: str, name: str | None = None) -> Iterator[dict[str, Any]]:
    """A record for every row, or for that of a node.

    Raises:
        DomainError: the convention is unknown, or there is no such node.
    """
    for row in report.rows if name is None else (report[name],):
        yield record(row, convention, list(report.graph[row.name].inputs))


def record(row: Row, convention: str, inputs: list[str]) -> dict[str, Any]:
    """A row: None where a number is unknown; fractions that are no integers are texts such as "1/2"."""
    known = not row.lacks("macs")
    counts_backward = CONVENTIONS[convention].backward is not None
    return {
        "name": row.name,
        "op": row.op,
        "inputs": inputs,
        "batch_size": row.sizes[0] if row.sizes else None,
        "output_size": None if row.output_size is None else list(row.output_size),
        "params": None if row.lacks("params") else row.params,
        "macs": row.macs if known else None,
        "backward_macs": row.backward_macs if known else None,
        "operations": row.flops(convention),
        "backward_operations": row.flops(convention, backward=True) if counts_backward else None,
        "activations": None if row.sizes is None else row.elements,
        "activation_bytes": row.activation_bytes(DTYPE),
        "receptive_fields": {name: [_axis(axis) for axis in fields.axes] for name, fields in row.fields.items()},
        "receptive_field_unknown": row.field_unknown or None,
        "unknown": row.reason or None,
    }


def _total(total: Total) -> dict[str, Any]:
    return {"value": total.value, "status": total.status, "missing": list(total.missing)}


def _axis(axis: Field) -> dict[str, Any]:
    center = axis.center(0)
    return {
        "size": axis.size,
        "stride": exact(axis.stride),
        "padding": axis.padding,
        "center": None if center is None else exact(center),
        "holes": axis.holes,
        "phases": axis.period,
    }


def exact(value: Fraction) -> int | str:
    """An int, or the text of a fraction."""
    return value.numerator if value.denominator == 1 else str(value)
