"""Sizes as terms in the size of the input, each proved or labelled, and the sets of sizes that a network takes."""

from __future__ import annotations

from .forms import closed_forms

__all__ = ["closed_forms"]
