"""The usual mistakes in a formula, as replacements in a statement; a test shows that each is caught."""

from __future__ import annotations

from dataclasses import replace

from .cases import names
from .claims import Claim, Frozen

Changes = dict[Frozen, Frozen]

SIZE_MISTAKES: dict[str, Changes] = {
    "dilation dropped": {"d": 1},
    "stride dropped": {"s": 1},
    "stride and dilation exchanged": {"s": "d", "d": "s"},
    "off by one": {-1: 0},
    "padding on one side only": {"p_r": 0},
    "padding of one side twice": {"p_r": "p_l"},
}
"""In a size, or in the windows that it counts."""


def wrong_parameters(ndim: int, *, channels: bool = True, flip: bool = False) -> dict[str, Changes]:
    """Stride, dilation, padding, groups and the flip, each wrong in the usual way on every axis."""
    s, d, p = (names(ndim, part) for part in "sdp")
    mistakes: dict[str, Changes] = {
        "dilation dropped": dict.fromkeys(d, 1),
        "stride dropped": dict.fromkeys(s, 1),
        "stride and dilation exchanged": dict(zip((*s, *d), (*d, *s), strict=True)),
        "padding off by one": {one: ("+", one, 1) for one in p},
        "padding sides exchanged": {one: f"{one}_right" for one in p},
    }
    if channels:
        group = ("div", "f", "F_g")
        mistakes["the first group for all"] = {group: 0}
        mistakes["groups of as many outputs as inputs"] = {group: ("div", "f", "C_g")}
    if flip:
        mistakes["kernel not flipped"] = unflipped(ndim)
    return mistakes


def unflipped(ndim: int) -> Changes:
    """Tap m in place of tap M - 1 - m."""
    taps, sizes = names(ndim, "m"), names(ndim, "M")
    return {("+", -1, size, ("*", -1, tap)): tap for tap, size in zip(taps, sizes, strict=True)}


def rounded(claim: Claim, old: str, new: str, *, side: int) -> Claim:
    """The claim with another rounding on one side, ``"div"``, ``"ceil"`` or ``"mod"``."""

    def changed(part: Frozen) -> Frozen:
        if not isinstance(part, tuple):
            return part
        inner = tuple(map(changed, part))
        return (new, *inner[1:]) if part and part[0] == old else inner

    body = tuple(changed(part) if position == 1 + side else part for position, part in enumerate(claim.body))
    wrong = replace(claim, conclusion=(*claim.conclusion[:3], body))
    assert wrong != claim, f"there is no {old} on that side"
    return wrong
