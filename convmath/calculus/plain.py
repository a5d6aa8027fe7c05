"""Plain data of terms, formulas, values and statements: free variables, substitution, canonical form, text.

The data are those of :func:`convmath.calculus.trace.trace`. Nothing here is shared with the kernel.
"""

from __future__ import annotations

import operator
from collections import Counter
from collections.abc import Callable, Container, Iterable, Iterator, Mapping, Sequence
from fractions import Fraction
from functools import lru_cache
from typing import Any

from ..errors import ProofError
from .plain_reals import check_real, real_text

Json = Any
Frozen = Any
"""The same data as nested tuples, which can be looked up: a list as a tuple, a sum as ``("sum", bound, guard,
coefficient, factors)``, a statement as ``("forall", variables, conditions, body)``."""
Polynomial = dict[tuple[Frozen, ...], int]
"""A number for each monomial, a sorted tuple of variables and of parts that are no sums or products."""

COMPARISONS = ("<=", "<", "==", "!=")
CONNECTIVES: Mapping[str, int | None] = {"and": None, "or": None, "not": 1, "=>": 2, "<=>": 2}
ROUNDINGS: Mapping[str, Callable[[int, int], int]] = {
    "div": operator.floordiv,
    "ceil": lambda a, b: -(-a // b),
    "mod": operator.mod,
}
"""Roundings of numbers, the second of which is positive."""
_OF_TWO: Mapping[str, Callable[[int, int], int]] = {**ROUNDINGS, "min": min, "max": max}
_NAMED = ("at", "tensor", "apply")
"""What has a name, which is no variable, behind its head."""
_DICTIONARIES = {"sum": ("sum", "guard", "coefficient", "factors"), "forall": ("forall", "if", "then")}


def freeze(data: Json) -> Frozen:
    """The data as nested tuples.

    >>> freeze(["<=", 0, ["+", "n", 1]])
    ('<=', 0, ('+', 'n', 1))
    """
    if isinstance(data, tuple):
        return data
    if isinstance(data, list):
        return tuple(map(freeze, data))
    if isinstance(data, dict):
        for name, keys in _DICTIONARIES.items():
            if set(data) == set(keys):
                return (name, *(freeze(data[key]) for key in keys))
    if isinstance(data, (int, str)) and not isinstance(data, bool):
        return data
    raise ProofError(f"neither a term, a formula, a value nor a statement: {data!r}")


def statement(data: Json) -> Frozen:
    """A formula, an equation or a statement as ``("forall", variables, conditions, body)``."""
    frozen = freeze(data)
    return frozen if frozen[0] == "forall" else ("forall", (), (), frozen)


def check_statement(item: Frozen) -> None:
    """Refuse what is no well-formed statement, as :func:`statement` gives it, with identifiers for names.

    Raises:
        ProofError: it is none.
    """
    if not _is_shape(item, "forall", 4) or not _are_names(item[1]) or not isinstance(item[2], tuple):
        raise ProofError(f"not a statement: {item!r}")
    for condition in item[2]:
        _check_formula(condition)
    if _is_shape(item[3], "equal", 3):
        _check_value(item[3][1])
        _check_value(item[3][2])
    else:
        _check_formula(item[3])


def _is_shape(item: Frozen, head: str, length: int) -> bool:
    return isinstance(item, tuple) and len(item) == length and item[0] == head


def _are_names(names: Frozen) -> bool:
    return isinstance(names, tuple) and len(set(names)) == len(names) and all(map(_is_name, names))


def _is_name(name: Frozen) -> bool:
    """Whether this is an identifier, with the primes that tell renamed variables apart."""
    return isinstance(name, str) and name.rstrip("'").isidentifier()


def _check_formula(formula: Frozen) -> None:
    op, *args = formula if isinstance(formula, tuple) and formula else (None,)
    if op in COMPARISONS and len(args) == 2:
        for arg in args:
            _check_term(arg)
    elif op in CONNECTIVES and len(args) == (CONNECTIVES[op] or len(args)):
        for arg in args:
            _check_formula(arg)
    else:
        raise ProofError(f"not a formula: {formula!r}")


def _check_term(term: Frozen) -> None:
    if isinstance(term, int) or _is_name(term):
        return
    op, *args = term if isinstance(term, tuple) and term else (None,)
    if op == "at" and len(args) >= 2 and _is_name(args[0]):
        del args[0]
    elif op not in ("+", "*") and not (op in ("div", "ceil", "mod", "min", "max") and len(args) == 2):
        raise ProofError(f"not an integer term: {term!r}")
    for arg in args:
        _check_term(arg)


def _check_value(value: Frozen) -> None:
    if _is_shape(value, "real", 2):
        return check_real(value[1])
    for contraction in value if isinstance(value, tuple) else (value,):
        if not _is_shape(contraction, "sum", 5) or not _are_names(contraction[1]):
            raise ProofError(f"not a contraction: {contraction!r}")
        _, _, guard, coefficient, factors = contraction
        if not all(isinstance(part, tuple) for part in (guard, coefficient, factors)) or len(coefficient) != 2:
            raise ProofError(f"not a contraction: {contraction!r}")
        for atom in guard:
            _check_formula(atom)
        _check_number(coefficient[0])
        _check_term(coefficient[1])
        for factor in factors:
            _check_factor(factor)
    return None


def _check_number(number: Frozen) -> None:
    try:
        Fraction(number if isinstance(number, str) else "none")
    except (ValueError, ZeroDivisionError) as error:
        raise ProofError(f"not a rational number: {number!r}") from error


def _check_factor(factor: Frozen) -> None:
    if _is_shape(factor, "apply", 3) and _is_name(factor[1]) and not _is_shape(factor[2], "real", 2):
        return _check_value(factor[2])
    if _is_shape(factor, "gradient", 3):
        _check_value(factor[1])
        factor = factor[2]
    if not isinstance(factor, tuple) or len(factor) < 3 or factor[0] != "tensor" or not _is_name(factor[1]):
        raise ProofError(f"not an entry of a tensor: {factor!r}")
    for index in factor[2:]:
        _check_term(index)
    return None


@lru_cache(maxsize=65536)
def free_variables(item: Frozen) -> frozenset[str]:
    """The variables that are free in frozen data.

    >>> sorted(free_variables(("<=", "n", ("at", "s", "l"))))
    ['l', 'n']
    """
    if isinstance(item, int):
        return frozenset()
    if isinstance(item, str):
        return frozenset({item})
    bound = item[1] if item and item[0] in _DICTIONARIES else ()
    return frozenset[str]().union(*map(free_variables, _parts(item))) - set(bound)


def _parts(item: Frozen) -> Sequence[Frozen]:
    head = item[0] if item else None
    if head == "real":
        return ()
    if head == "sum":
        return (*item[2], item[3][1], *item[4])
    if head == "forall":
        return (*item[2], item[3])
    skipped = 2 if head in _NAMED else 1 if isinstance(head, str) else 0
    return tuple(item[skipped:])


def entries(item: Frozen) -> Iterator[Frozen]:
    """The entries of sequences and tensors in frozen data, also those inside sums."""
    return _headed(item, ("at", "tensor"))


def applications(item: Frozen) -> Iterator[Frozen]:
    """The values of functions in frozen data, also those inside sums and inside each other."""
    return _headed(item, ("apply",))


def _headed(item: Frozen, heads: Container[str]) -> Iterator[Frozen]:
    if isinstance(item, tuple):
        if item and item[0] in heads:
            yield item
        for part in _parts(item):
            yield from _headed(part, heads)


def substitute(item: Frozen, mapping: Mapping[str, Frozen]) -> Frozen:
    """Terms in place of free variables, all at once; bound and quantified variables step aside.

    >>> substitute(("<=", "i", "n"), {"n": ("+", "i", 1)})
    ('<=', 'i', ('+', 'i', 1))
    """
    if isinstance(item, str):
        return mapping.get(item, item)
    if isinstance(item, int) or not item or item[0] == "real":
        return item
    head = item[0]
    if head in _NAMED:
        return (*item[:2], *(substitute(part, mapping) for part in item[2:]))
    if head in _DICTIONARIES:
        free = free_variables(item)
        mapping = {name: term for name, term in mapping.items() if name in free}
        taken = frozenset[str]().union(*map(free_variables, mapping.values()))
        renaming = fresh(item[1], taken, free | taken)
        mapping = mapping | renaming
        bound = tuple(renaming.get(name, name) for name in item[1])
        if head == "forall":
            return (head, bound, *(substitute(part, mapping) for part in item[2:]))
        _, _, guard, (number, coefficient), factors = item
        parts = (substitute(part, mapping) for part in (guard, coefficient, factors))
        new_guard, new_coefficient, new_factors = parts
        return (head, bound, new_guard, (number, new_coefficient), new_factors)
    start = item[:1] if isinstance(head, str) else ()
    return (*start, *(substitute(part, mapping) for part in item[len(start) :]))


def fresh(names: Sequence[str], taken: Iterable[str], avoid: Iterable[str] = ()) -> dict[str, str]:
    """New names for those that are taken, none of which is taken, to be avoided or among the names."""
    taken = set(taken)
    used = {*taken, *avoid, *names}
    renaming: dict[str, str] = {}
    for name in names:
        if name in taken:
            new = name
            while new in used:
                new += "'"
            used.add(new)
            renaming[name] = new
    return renaming


def polynomial(term: Frozen) -> Polynomial:
    """The term multiplied out over its variables and its other parts, which stay as they are but for those of numbers.

    >>> polynomial(("+", "n", ("div", ("+", 2, 3), 2))), polynomial(("div", 5, 0))
    ({('n',): 1, (): 2}, {(('div', 5, 0),): 1})
    """
    if isinstance(term, int):
        return {(): term} if term else {}
    if isinstance(term, tuple) and term and term[0] in _OF_TWO and len(term) == 3:
        first, second = map(polynomial, term[1:])
        a, b = first.get((), 0), second.get((), 0)
        if first.keys() | second.keys() <= {()} and (b > 0 or term[0] not in ROUNDINGS):
            return polynomial(_OF_TWO[term[0]](a, b))
    if not isinstance(term, tuple) or not term or term[0] not in ("+", "*"):
        return {(term,): 1}
    total: Polynomial = {} if term[0] == "+" else {(): 1}
    for part in map(polynomial, term[1:]):
        total = plus(total, part) if term[0] == "+" else times(total, part)
    return total


def plus(p: Mapping[Any, Any], q: Mapping[Any, Any], factor: Any = 1) -> dict[Any, Any]:
    """``p + factor * q``."""
    total = dict(p)
    for monomial, number in q.items():
        total[monomial] = total.get(monomial, 0) + factor * number
    return {monomial: number for monomial, number in total.items() if number}


def times(p: Polynomial, q: Polynomial) -> Polynomial:
    """The product."""
    total: Polynomial = {}
    for monomial, number in q.items():
        shifted = {tuple(sorted((*other, *monomial), key=repr)): value for other, value in p.items()}
        total = plus(total, shifted, number)
    return total


def difference(comparison: Frozen) -> Polynomial:
    """The polynomial p for which ``a <= b`` and ``a < b`` say ``p >= 0``, and ``a == b`` says ``p = 0``."""
    op, a, b = comparison
    p = plus(polynomial(b), polynomial(a), -1)
    return plus(p, {(): -1}) if op == "<" else p


def conjuncts(formulas: Iterable[Frozen]) -> Iterator[Frozen]:
    """The formulas, conjunctions taken apart."""
    for formula in formulas:
        if formula[0] == "and":
            yield from conjuncts(formula[1:])
        else:
            yield formula


@lru_cache(maxsize=65536)
def canonical(item: Frozen) -> Any:
    """The same for data that differ by bound names, the order of factors and conjuncts, and polynomial arithmetic.

    >>> canonical(("<", "i", "n")) == canonical(("<=", ("+", 1, "i"), "n"))
    True
    """
    return _canonical(item, {}, 0)


def _canonical(item: Frozen, names: Mapping[str, str], depth: int) -> Any:
    if isinstance(item, (int, str)):
        return _term(item, names)
    head = item[0] if item else None
    if not isinstance(head, str):
        return _value(item, names, depth)
    if head in _DICTIONARIES:
        inner = {**names, **{name: f"%{depth + i}" for i, name in enumerate(item[1])}}
        deeper = depth + len(item[1])
        if head == "sum":
            guard = frozenset(_canonical(atom, inner, deeper) for atom in conjuncts(item[2]))
            factors = Counter(_canonical(factor, inner, deeper) for factor in item[4])
            return (head, len(item[1]), guard, frozenset(factors.items())), _polynomial(item[3][1], inner)
        conditions = frozenset(_canonical(condition, inner, deeper) for condition in item[2])
        return (head, len(item[1]), conditions, _canonical(item[3], inner, deeper))
    if head in COMPARISONS:
        p = {_monomial(monomial, names): number for monomial, number in difference(item).items()}
        if head in ("==", "!="):
            return (head, frozenset({frozenset(p.items()), frozenset(plus({}, p, -1).items())}))
        return ("<=", frozenset(p.items()))
    if head == "tensor":
        return (*item[:2], *(_term(index, names) for index in item[2:]))
    if head == "apply":
        return (*item[:2], _canonical(item[2], names, depth))
    if head in CONNECTIVES or head in ("equal", "gradient"):
        return (head, *(_canonical(part, names, depth) for part in item[1:]))
    return _term(item, names)


def _value(value: Frozen, names: Mapping[str, str], depth: int) -> Any:
    merged: dict[Any, dict[Any, Fraction]] = {}
    for contraction in value:
        key, coefficient = _canonical(contraction, names, depth)
        merged[key] = plus(merged.get(key, {}), coefficient, Fraction(contraction[3][0]))
    return frozenset((key, frozenset(p.items())) for key, p in merged.items() if p)


def _term(term: Frozen, names: Mapping[str, str]) -> Any:
    return frozenset(_polynomial(term, names).items())


def _polynomial(term: Frozen, names: Mapping[str, str]) -> dict[Any, int]:
    total: dict[Any, int] = {}
    for monomial, number in polynomial(term).items():
        total = plus(total, {_monomial(monomial, names): number})
    return total


def _monomial(monomial: tuple[Frozen, ...], names: Mapping[str, str]) -> Any:
    return frozenset(Counter(_part(part, names) for part in monomial).items())


def _part(part: Frozen, names: Mapping[str, str]) -> Any:
    if isinstance(part, str):
        return names.get(part, part)
    start = 2 if part[0] == "at" else 1
    if part[0] == "integral":
        names = {**names, part[1]: "%"}
    return (*part[:start], *(_term(arg, names) for arg in part[start:]))


def text(item: Frozen) -> str:
    """Frozen data as a person writes them.

    >>> text(("==", ("div", ("+", "n", -1), "s"), ("*", 2, "k")))
    'floor((n - 1)/s) == 2*k'
    """
    if not isinstance(item, tuple):
        return str(item)
    head = item[0] if item else None
    if head == "forall":
        conditions = f" with {_joined(item[2], ', ')}" if item[2] else ""
        return f"for all {', '.join(item[1])}{conditions}: {text(item[3])}" if item[1] else text(item[3])
    if head == "sum":
        return _sum_text(*item[1:])
    if head in ("at", "tensor"):
        return f"{item[1]}[{_joined(item[2:], ', ')}]"
    if head == "apply":
        return f"{item[1]}({text(item[2])})"
    if head == "gradient":
        return f"d({text(item[1])})/d{text(item[2])}"
    if head in ("div", "ceil"):
        a, b = (_bracketed(arg, ("+", "*")) for arg in item[1:])
        return f"{'floor' if head == 'div' else 'ceil'}({a}/{b})"
    if head in ("mod", "min", "max"):
        return f"{head}({_joined(item[1:], ', ')})"
    if head == "equal":
        return f"{text(item[1])} = {text(item[2])}"
    if head == "real":
        return real_text(item[1])
    if not isinstance(head, str):
        return _joined(item, " + ") or "0"
    if head == "not":
        return f"not ({text(item[1])})"
    if head == "*":
        product = "*".join(_bracketed(part, ("+",)) for part in item[1:]) or "1"
        return f"-{product[3:]}" if product.startswith("-1*") else product
    if head == "+":
        return " + ".join(map(text, item[1:])).replace("+ -", "- ") or "0"
    parts = [_bracketed(part, CONNECTIVES) for part in item[1:]]
    return f" {head} ".join(parts) or {"and": "true", "or": "false"}[head]


def _bracketed(part: Frozen, heads: Container[str]) -> str:
    return f"({text(part)})" if isinstance(part, tuple) and part[0] in heads else text(part)


def _sum_text(bound: Frozen, guard: Frozen, coefficient: Frozen, factors: Frozen) -> str:
    number, term = coefficient
    parts = [text(factor) for factor in factors]
    parts = [part for part in (number, text(("*", term))) if part != "1"] + parts
    head = f"sum over {', '.join(bound)} of " if bound else ""
    bracket = f"[{_joined(guard, ', ')}] " if guard else ""
    return f"{head}{bracket}{' '.join(parts) or '1'}"


def _joined(items: Iterable[Frozen], separator: str) -> str:
    return separator.join(map(text, items))
