"""Hypothesis strategies of cases, built so that no draw is thrown away and every corner is common.

Each draw picks a corner in which convolutions go wrong, or none, and builds the axes towards it. An axis is built from
its windows: their number and span give the padded length, which is then divided into padding and input.
"""

from __future__ import annotations

from .conv import CONV_OPTIONS, conv_cases
from .pool import POOL_OPTIONS, pool_cases

__all__ = ["CONV_OPTIONS", "POOL_OPTIONS", "conv_cases", "pool_cases"]
