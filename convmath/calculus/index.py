"""Integer terms and the formulas about them.

An integer term is a SymPy expression built from integers, symbols that are integers and nothing more, entries of
integer sequences (``IndexedBase(..., integer=True)``), sums, products, natural powers and the inert roundings.
Anything else is refused, above all symbols with further assumptions: SymPy would use them behind the proof's back.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, TypeAlias

import sympy

from ..errors import ProofError
from ..inert import CeilDiv, FloorDiv, Max, Min, Mod, Rounding

Term: TypeAlias = sympy.Expr
Json: TypeAlias = Any
_ROUNDING_NAMES: dict[type[Rounding], str] = {FloorDiv: "div", CeilDiv: "ceil", Mod: "mod", Min: "min", Max: "max"}
_COMPARISONS = frozenset({"<=", "<", "==", "!="})
_CONNECTIVES = frozenset({"and", "or", "not", "=>", "<=>"})
_ARITY = {"not": 1, "=>": 2, "<=>": 2}


def integers(names: str) -> Any:
    """Integer symbols, with no further assumption.

    >>> integers("n k")
    (n, k)
    """
    return sympy.symbols(names, integer=True)


def sequence(name: str) -> sympy.IndexedBase:
    """An integer sequence: ``sequence("s")[l]`` is an integer term."""
    return sympy.IndexedBase(sympy.Symbol(name), integer=True)


def integer_term(value: Any) -> Term:
    """The value as an integer term, or ProofError if it is not one.

    >>> integer_term(3)
    3
    """
    if isinstance(value, int) and not isinstance(value, bool):
        return sympy.Integer(value)
    if not isinstance(value, sympy.Expr):
        raise ProofError(f"not an integer term: {value!r}")
    _check_term(value)
    return value


@lru_cache(maxsize=65536)
def _check_term(term: sympy.Expr) -> None:
    if isinstance(term, sympy.Integer):
        return
    if isinstance(term, sympy.Symbol):
        plain = type(term) is sympy.Symbol and term.name.isidentifier()
        if not plain or term != sympy.Symbol(term.name, integer=True):
            raise ProofError(
                f"the symbol {term} must be an integer with no other assumption, as integers({term.name!r}) makes it"
            )
        return
    if isinstance(term, sympy.Indexed):
        if term.base != sequence(str(term.base.label)):
            raise ProofError(f"{term} is no entry of an integer sequence")
        parts = term.indices
    elif isinstance(term, sympy.Pow):
        if not (isinstance(term.exp, sympy.Integer) and term.exp >= 0):
            raise ProofError(f"an integer term has natural exponents only: {term}")
        parts = (term.base,)
    elif isinstance(term, (sympy.Add, sympy.Mul)) or type(term) in _ROUNDING_NAMES:
        parts = term.args
    else:
        raise ProofError(f"{type(term).__name__} is not allowed in an integer term: {term}")
    for part in parts:
        _check_term(part)


@lru_cache(maxsize=65536)
def expanded(term: sympy.Expr) -> sympy.Expr:
    """The term multiplied out, in the arguments of roundings and sequences too: equal polynomials become the same."""
    return sympy.expand(term)


@lru_cache(maxsize=65536)
def _term_json(term: sympy.Expr) -> Json:
    if isinstance(term, sympy.Integer):
        return int(term)
    if isinstance(term, sympy.Symbol):
        return term.name
    if isinstance(term, sympy.Indexed):
        return ["at", str(term.base.label), *(_term_json(index) for index in term.indices)]
    if isinstance(term, sympy.Pow):
        return ["*", *[_term_json(term.base)] * int(term.exp)]
    name = {sympy.Add: "+", sympy.Mul: "*"}.get(type(term)) or _ROUNDING_NAMES[type(term)]
    args = term.args if isinstance(term, Rounding) else sorted(term.args, key=sympy.default_sort_key)
    return [name, *(_term_json(arg) for arg in args)]


def term_json(term: Term) -> Json:
    """The term in the JSON of :mod:`convmath.calculus.certificate`.

    >>> n, s = integers("n s")
    >>> term_json(FloorDiv(n + 1, s))
    ['div', ['+', 1, 'n'], 's']
    """
    return _term_json(integer_term(term))


@dataclass(frozen=True)
class Formula:
    """A statement about integers: a comparison of two terms, or a combination of formulas.

    ``op`` is one of ``<= < == !=`` (two terms), ``and or`` (any number of formulas), ``not``, ``=>``, ``<=>``.
    """

    op: str
    args: tuple[Any, ...]

    def __post_init__(self) -> None:
        """Refuse what is not a formula."""
        args = tuple(self.args)
        if self.op in _COMPARISONS and len(args) == 2:
            args = tuple(integer_term(arg) for arg in args)
        elif self.op not in _CONNECTIVES or len(args) != _ARITY.get(self.op, len(args)):
            raise ProofError(f"not a formula: {self.op!r} of {args!r}")
        elif not all(type(arg) is Formula for arg in args):
            raise ProofError(f"{self.op!r} combines formulas, not {args!r}")
        object.__setattr__(self, "args", args)

    @property
    def is_comparison(self) -> bool:
        """Whether this compares two terms."""
        return self.op in _COMPARISONS

    @property
    def free_symbols(self) -> frozenset[sympy.Symbol]:
        """The integer variables in it."""
        return frozenset[sympy.Symbol]().union(*(variables(arg) for arg in self.args))

    def substitute(self, mapping: Mapping[Any, Term]) -> Formula:
        """The formula with terms in place of variables, all at once."""
        return Formula(self.op, tuple(substitute(arg, mapping) for arg in self.args))

    def key(self, renaming: Mapping[sympy.Symbol, sympy.Symbol]) -> tuple[Any, ...]:
        """The same for formulas that differ by names or polynomial arithmetic alone; comparisons as ``0 <= p``."""
        if not self.is_comparison:
            return (self.op, *(arg.key(renaming) for arg in self.args))
        left, right = self.args
        difference = expanded((right - left - (1 if self.op == "<" else 0)).xreplace(renaming))
        if self.op in ("==", "!=") and difference.could_extract_minus_sign():
            difference = expanded(-difference)
        return ("<=" if self.op == "<" else self.op, difference)

    def json(self) -> Json:
        """The formula in the JSON of :mod:`convmath.calculus.certificate`."""
        return [self.op, *(arg.json() if isinstance(arg, Formula) else term_json(arg) for arg in self.args)]

    def __str__(self) -> str:
        """Plain text."""
        if self.is_comparison:
            return f"{self.args[0]} {self.op} {self.args[1]}"
        if self.op == "not":
            return f"not ({self.args[0]})"
        return f" {self.op} ".join(str(arg) if arg.is_comparison else f"({arg})" for arg in self.args) or self.op


def le(left: Any, right: Any) -> Formula:
    """``left <= right``."""
    return Formula("<=", (left, right))


def lt(left: Any, right: Any) -> Formula:
    """``left < right``."""
    return Formula("<", (left, right))


def eq(left: Any, right: Any) -> Formula:
    """``left == right``."""
    return Formula("==", (left, right))


def ne(left: Any, right: Any) -> Formula:
    """``left != right``."""
    return Formula("!=", (left, right))


def within(low: Any, value: Any, stop: Any) -> tuple[Formula, Formula]:
    """``low <= value < stop``."""
    return le(low, value), lt(value, stop)


def both(*formulas: Formula) -> Formula:
    """The conjunction, a single formula as it is; of nothing: true."""
    return formulas[0] if len(formulas) == 1 else Formula("and", formulas)


def either(*formulas: Formula) -> Formula:
    """The disjunction; of nothing: false."""
    return Formula("or", formulas)


def negation(formula: Formula) -> Formula:
    """The opposite, a comparison when it is one."""
    if formula.op in ("<=", "<"):
        return Formula("<" if formula.op == "<=" else "<=", formula.args[::-1])
    if formula.op in ("==", "!="):
        return Formula("!=" if formula.op == "==" else "==", formula.args)
    return Formula("not", (formula,))


def implies(premise: Formula, conclusion: Formula) -> Formula:
    """``premise => conclusion``."""
    return Formula("=>", (premise, conclusion))


def equivalent(left: Formula, right: Formula) -> Formula:
    """``left <=> right``."""
    return Formula("<=>", (left, right))


def variables(value: Any) -> frozenset[sympy.Symbol]:
    """The integer variables of a term or of anything else that has ``free_symbols``."""
    free = value.free_symbols
    return frozenset(symbol for symbol in free if isinstance(symbol, sympy.Symbol) and symbol.is_integer)


def substitute(value: Any, mapping: Mapping[Any, Term]) -> Any:
    """Terms in place of variables, all at once, in a term or in anything that has ``substitute``."""
    if isinstance(value, sympy.Basic):
        return value.xreplace({key: integer_term(term) for key, term in mapping.items()})
    return value.substitute(mapping)


def formulas(conditions: Iterable[tuple[str, Any, Any]]) -> tuple[Formula, ...]:
    """Recorded conditions ``(op, left, right)`` as formulas, each once."""
    return tuple(dict.fromkeys(Formula(op, (left, right)) for op, left, right in conditions))
