"""Theorems and contractions made by hand, beside those of the kernel."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable
from typing import Any

from convmath.calculus import kernel
from convmath.calculus.index import (
    both,
    eq,
    le,
)
from convmath.calculus.kernel import Theorem, assume

from .case import proved
from .parts import (
    FOR_ALL,
    FOR_EVERY_J,
    PLAIN,
    REFLEXIVE,
    TRIVIAL,
    UNBOUNDED,
    guarded,
    j,
    k,
    rule,
)


class Counterfeit:
    """Has all that a rule asks of a finite sum, but stands for another one."""

    bound, guard, coefficient, factors = PLAIN.bound, PLAIN.guard, PLAIN.coefficient, PLAIN.factors
    free_symbols, value = PLAIN.free_symbols, UNBOUNDED.value

    def is_bounded(self) -> bool:
        """Always."""
        return True

    def _substituted(self, mapping: Any) -> Any:
        """What the finite sum does."""
        return PLAIN._substituted(mapping)


COUNTERFEIT = Counterfeit()
IMITATIONS: dict[str, Callable[[Any], Theorem]] = {
    "guard": lambda c: guarded(contraction=c),
    "index": lambda c: kernel.index(c, PLAIN, proved([], both()), ()),
    "index: the new one": lambda c: kernel.index(PLAIN, c, proved([], both()), ()),
    "swap": lambda c: kernel.swap(c, (j,)),
    "reindex": lambda c: kernel.reindex(c, {j: k}, {k: j}),
    "split": lambda c: kernel.split(c, le(j, 3)),
    "unfold": lambda c: kernel.unfold(c, 0, FOR_EVERY_J),
}
COUNTERFEITS = [
    rule(f"{name}: a counterfeit contraction", lambda call=call: call(COUNTERFEIT), lambda call=call: call(PLAIN), "")
    for name, call in IMITATIONS.items()
]
THEOREMS = [
    rule(
        "a theorem made by hand",
        lambda: Theorem(object(), "fact", (), eq(0, 1)),
        lambda: assume(eq(0, 1)),
        "only the rules of the kernel",
    ),
    rule(
        "a theorem of a subclass made by hand",
        lambda: type("Mine", (Theorem,), {})(None, "fact", (), eq(0, 1)),
        lambda: assume(eq(0, 1)),
        "only the rules of the kernel",
    ),
    *(
        rule(
            f"a theorem whose {name} is set",
            lambda name=name: setattr(TRIVIAL, name, ()),
            lambda: TRIVIAL,
            "not change",
        )
        for name in (*Theorem.__slots__, "__class__", "other")
    ),
    rule("a theorem whose trust is deleted", lambda: delattr(TRIVIAL, "trust"), lambda: TRIVIAL.trust, "not change"),
    rule("a theorem initialised again", lambda: TRIVIAL.__init__(None, "", (), eq(0, 1)), lambda: TRIVIAL, "only the"),
    rule("a copied theorem", lambda: copy.copy(TRIVIAL), lambda: copy.copy(TRIVIAL.conclusion), "pickled or copied"),
    rule("a deep copy", lambda: copy.deepcopy([TRIVIAL]), lambda: copy.deepcopy([TRIVIAL.conclusion]), "or copied"),
    *(
        rule(
            f"a theorem pickled by protocol {protocol}",
            lambda protocol=protocol: pickle.dumps(TRIVIAL, protocol),
            lambda protocol=protocol: pickle.dumps(TRIVIAL.trust, protocol),
            "pickled or copied",
        )
        for protocol in range(pickle.HIGHEST_PROTOCOL + 1)
    ),
    rule(
        "an equation read as a formula", lambda: REFLEXIVE.formula, lambda: TRIVIAL.formula, "a plain integer formula"
    ),
    rule("a formula read as an equation", lambda: TRIVIAL.equation, lambda: REFLEXIVE.equation, "a plain equation"),
    rule(
        "a quantified formula read as a plain one", lambda: FOR_ALL.formula, lambda: TRIVIAL.formula, "a plain integer"
    ),
]
