"""Integer facts as SMT-LIB 2 files."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from ..errors import ProofError
from .plain import COMPARISONS, Frozen, check_statement, conjuncts, difference, free_variables, statement, text

_WORDS = {"==": "=", "<=>": "=", "!=": "distinct"}


def script(hypotheses: Iterable[Any], goal: Any) -> str:
    """An SMT-LIB 2 file in which ``unsat`` means that the goal follows from the hypotheses for all integers.

    Floor division is ``div`` and the remainder is ``mod`` where the divisor is positive, as in the standard; for other
    divisors they are unknown functions. ``ceil(a / b)`` is ``(a - 1) div b + 1``.

    Args:
        hypotheses: formulas without quantifiers.
        goal: a formula without quantifiers.

    Raises:
        ProofError: a quantified statement or an equation between values is none of these.

    >>> print(script([["<=", 1, "s"]], ["<=", ["*", "s", ["div", "n", "s"]], "n"]))
    ; 1 <= s
    ; |- s*floor(n/s) <= n
    (set-logic QF_UFNIA)
    (declare-const v_n Int)
    (declare-const v_s Int)
    (assert (<= 1 v_s))
    (assert (not (<= (* v_s (div v_n v_s)) v_n)))
    (check-sat)
    <BLANKLINE>
    """
    premises = [_plain_formula(hypothesis) for hypothesis in hypotheses]
    conclusion = _plain_formula(goal)
    writer = _Writer(premises)
    asserted = [f"(assert {writer.formula(premise)})" for premise in premises]
    asserted.append(f"(assert (not {writer.formula(conclusion)}))")
    names = sorted(frozenset[str]().union(*map(free_variables, (*premises, conclusion))))
    lines = [f"; {text(premise)}" for premise in premises]
    lines += [f"; |- {text(conclusion)}", "(set-logic QF_UFNIA)"]
    lines += [f"(declare-const {variable_symbol(name)} Int)" for name in names]
    lines += [f"(declare-fun {name} ({' '.join(['Int'] * arity)}) Int)" for name, arity in sorted(writer.functions)]
    return "\n".join([*lines, *asserted, "(check-sat)", ""])


def smtlib(fact: Mapping[str, Any]) -> str:
    """The SMT-LIB 2 file of a fact, a step of a trace, as :func:`script` writes it."""
    return script(fact["hypotheses"], fact["conclusion"])


def write_smtlib(trace: Sequence[Mapping[str, Any]], folder: Path) -> list[Path]:
    """Write the facts of a trace as SMT-LIB 2 files, named by the numbers of their steps.

    Raises:
        OSError: a file cannot be written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for number, step in enumerate(trace):
        if step["rule"] == "fact":
            written.append(folder / f"{number:04}.smt2")
            written[-1].write_text(smtlib(step), encoding="utf-8")
    return written


def _plain_formula(data: Any) -> Frozen:
    whole = statement(data)
    check_statement(whole)
    _, quantified, _, body = whole
    if quantified or body[0] == "equal":
        raise ProofError(f"not a formula without quantifiers: {text(whole)}")
    return body


def variable_symbol(name: str) -> str:
    """What a variable is called in the file."""
    return _symbol("v", name)


def sequence_symbol(name: str, arity: int) -> str:
    """What a sequence with so many indices is called in the file."""
    return f"{_symbol('s', name)}_{arity}"


def _symbol(kind: str, name: str) -> str:
    """A symbol of SMT-LIB for each identifier, none for two."""
    return f"{kind}_" + "".join(c if c.isascii() and (c.isalnum() or c == "_") else f"!{ord(c)}!" for c in name)


class _Writer:
    """Writes terms and formulas, and collects the functions in them."""

    def __init__(self, premises: Sequence[Frozen]) -> None:
        self.functions: set[tuple[str, int]] = set()
        self.positive = {bounded for premise in conjuncts(premises) for bounded in _at_least_one(premise)}

    def formula(self, formula: Frozen) -> str:
        op, *args = formula
        if op in COMPARISONS:
            return f"({_WORDS.get(op, op)} {self.term(args[0])} {self.term(args[1])})"
        if op in ("and", "or") and len(args) < 2:
            return self.formula(args[0]) if args else {"and": "true", "or": "false"}[op]
        return f"({_WORDS.get(op, op)} {' '.join(map(self.formula, args))})"

    def term(self, term: Frozen) -> str:
        if isinstance(term, int):
            return str(term) if term >= 0 else f"(- {-term})"
        if isinstance(term, str):
            return variable_symbol(term)
        op, *args = term
        if op == "at":
            return self._call(sequence_symbol(args[0], len(args) - 1), args[1:])
        if op in ("+", "*"):
            if len(args) < 2:
                return self.term(args[0] if args else int(op == "*"))
            return f"({op} {' '.join(map(self.term, args))})"
        if op in ("min", "max"):
            a, b = map(self.term, args)
            return f"(ite (<= {a} {b}) {a} {b})" if op == "min" else f"(ite (<= {a} {b}) {b} {a})"
        return self._rounding(op, *args)

    def _rounding(self, op: str, a: Frozen, b: Frozen) -> str:
        divisor = self.term(b)
        if op == "ceil":
            result = f"(+ (div {self.term(('+', a, -1))} {divisor}) 1)"
        else:
            result = f"({op} {self.term(a)} {divisor})"
        if self._is_positive(b):
            return result
        return f"(ite (<= 1 {divisor}) {result} {self._call(f'undefined_{op}', (a, b))})"

    def _is_positive(self, term: Frozen) -> bool:
        if isinstance(term, int):
            return term >= 1
        is_product = isinstance(term, tuple) and term[0] == "*"
        return term in self.positive or (is_product and all(map(self._is_positive, term[1:])))

    def _call(self, name: str, args: Sequence[Frozen]) -> str:
        self.functions.add((name, len(args)))
        return f"({name} {' '.join(map(self.term, args))})"


def _at_least_one(premise: Frozen) -> Iterator[Frozen]:
    """What a premise ``1 <= t`` or ``0 < t`` bounds."""
    if premise[0] in ("<=", "<"):
        p = difference(premise)
        if len(p) <= 2 and p.get((), 0) <= -1:
            for monomial, number in p.items():
                if number == 1 and len(monomial) == 1:
                    yield monomial[0]
