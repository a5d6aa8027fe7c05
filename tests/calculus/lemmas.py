"""Integer facts of the field, from which certificates are made: hypotheses, goal and the cuts that the search needs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from convmath.calculus.index import Formula, both, eq, equivalent, integers, le, lt, ne, within
from convmath.inert import CeilDiv, FloorDiv, Max, Min, Mod

n, k, s, d, p, o, q, r, i, j, m, a, b, g, c, K, N, out = integers("n k s d p o q r i j m a b g c K N out")


@dataclass(frozen=True)
class Lemma:
    """``hypotheses |- goal``."""

    name: str
    hypotheses: tuple[Formula, ...]
    goal: Formula
    cuts: tuple[Formula, ...] = ()

    @property
    def plain(self) -> tuple[list[Any], Any, list[Any]]:
        """Hypotheses, goal and cuts as plain data."""
        return [h.json() for h in self.hypotheses], self.goal.json(), [cut.json() for cut in self.cuts]


STRIDE = le(1, s)
EXTENT = d * (k - 1) + 1
SIZES = (le(1, k), le(1, s), le(1, d), le(0, p), le(EXTENT, n + 2 * p))
WINDOWS = FloorDiv(n + 2 * p - EXTENT, s)
NESTED = FloorDiv(FloorDiv(n, a), b)
TOTAL = Max((CeilDiv(n, s) - 1) * s + EXTENT - n, 0)
LEMMAS = (
    Lemma("window.fits", (STRIDE, le(0, n)), equivalent(le(s * o, n), le(o, FloorDiv(n, s))), (le(o, FloorDiv(n, s)),)),
    Lemma("size.positive", SIZES, le(1, WINDOWS + 1)),
    Lemma("window.last", SIZES, le(s * WINDOWS - p + d * (k - 1), n + p - 1)),
    Lemma("window.next", SIZES, le(n + p, s * (WINDOWS + 1) - p + d * (k - 1))),
    Lemma("size.unit.stride", (le(1, k),), eq(FloorDiv(n - k, 1) + 1, n - k + 1)),
    Lemma(
        "ceil.by.floor",
        (STRIDE,),
        eq(CeilDiv(n, s), FloorDiv(n + s - 1, s)),
        (le(CeilDiv(n, s), FloorDiv(n + s - 1, s)),),
    ),
    Lemma(
        "ceil.shifted", (STRIDE,), eq(CeilDiv(n, s), FloorDiv(n - 1, s) + 1), (le(CeilDiv(n, s), FloorDiv(n - 1, s)),)
    ),
    Lemma("mod.range", (STRIDE,), both(*within(0, Mod(n, s), s))),
    Lemma("mod.splits", (STRIDE,), eq(n, s * FloorDiv(n, s) + Mod(n, s))),
    Lemma(
        "floor.shift",
        (STRIDE,),
        eq(FloorDiv(n + s * a, s), FloorDiv(n, s) + a),
        (le(FloorDiv(n + s * a, s), FloorDiv(n, s) + a),),
    ),
    Lemma(
        "floor.nested.low",
        (le(1, a), le(1, b)),
        le(NESTED, FloorDiv(n, a * b)),
    ),
    Lemma(
        "transposed.size",
        (STRIDE, le(1, o)),
        eq(FloorDiv(s * (o - 1), s) + 1, o),
        (le(FloorDiv(s * (o - 1), s), o - 1),),
    ),
    Lemma(
        "transposed.fibre",
        (STRIDE, *within(0, r, s)),
        eq(FloorDiv(s * (o - 1) + r, s), o - 1),
        (le(FloorDiv(s * (o - 1) + r, s), o - 1),),
    ),
    Lemma("same.covers", (STRIDE, le(1, n)), lt((CeilDiv(n, s) - 1) * s, n)),
    Lemma("same.reaches", SIZES, le((CeilDiv(n, s) - 1) * s + EXTENT, n + TOTAL)),
    Lemma("same.least", (*SIZES, lt((CeilDiv(n, s) - 1) * s + EXTENT, n)), eq(TOTAL, 0)),
    Lemma("ceil.mode.clamp", (STRIDE, le(0, p), le(1, n), lt((o - 1) * s, n + p)), le(o * s, n + p + s - 1)),
    Lemma(
        "zero.insertion", (), equivalent(eq(i, s * o + d * c - p), eq(s * o, i + d * (K - 1 - c) - (d * (K - 1) - p)))
    ),
    Lemma("rot180.bounds", (eq(c, K - 1 - m),), equivalent(both(*within(0, c, K)), both(*within(0, m, K)))),
    Lemma(
        "groups.block",
        (le(1, g), *within(0, r, g)),
        eq(FloorDiv(g * q + r, g), q),
        (le(FloorDiv(g * q + r, g), q),),
    ),
    Lemma(
        "groups.offset",
        (le(1, g), *within(0, r, g)),
        eq(Mod(g * q + r, g), r),
        (le(FloorDiv(g * q + r, g), q), le(q, FloorDiv(g * q + r, g))),
    ),
    Lemma("field.low", (STRIDE, le(0, o), le(0, p)), le(-p, s * o - p)),
    Lemma(
        "field.high",
        (STRIDE, le(o, out - 1), le(0, d), le(j, k - 1)),
        le(s * o + d * j - p, s * (out - 1) + d * (k - 1) - p),
    ),
    Lemma("clip.range", (le(0, n),), both(le(0, Min(Max(i, 0), n)), le(Min(Max(i, 0), n), n))),
    Lemma("even.or.odd", (), ne(2 * a, 2 * b + 1), (le(a, b),)),
    Lemma("full.padding", (le(1, k), le(1, n)), eq(n + 2 * (k - 1) - (k - 1), n + k - 1)),
)
