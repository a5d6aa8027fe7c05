"""Bad inputs of the trusted modules, each with the nearest good one, as plain data.

``python -O -m tests.calculus.refusals`` checks them all without pytest.
"""

from __future__ import annotations

from . import certificate, equations, guards, index, integrals, logic, sums, terms, theorems
from .case import Refusal

REFUSALS: dict[str, tuple[Refusal, ...]] = {
    "certificate": tuple(certificate.REFUSALS),
    "index": tuple(index.REFUSALS),
    "kernel": (
        *logic.LOGIC,
        *equations.EQUATIONS,
        *guards.GUARDS,
        *sums.SUMS,
        *integrals.INTEGRALS,
        *theorems.COUNTERFEITS,
        *theorems.THEOREMS,
    ),
    "reals": tuple(integrals.REALS),
    "terms": tuple(terms.REFUSALS),
}
"""By the trusted module that refuses."""
