"""Plain data of real terms, as :func:`convmath.calculus.reals.RealTerm.json` gives them: shape, names and text.

A real term is an int, the name of a real variable, ``("positive", name)``, ``("/", p, q)``, ``("pi",)``, ``("+",
...)``, ``("*", ...)``, ``("^", base, p, q)`` for the power p/q, ``("exp" | "erf", a)``, ``("apply", function, a)`` or
``("integral", variable, low, high, integrand)``, where a limit may be ``"oo"`` or ``"-oo"``.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ..errors import ProofError

Frozen = Any
ENDS = ("-oo", "oo")
_ARITY = {"/": 2, "pi": 0, "^": 3, "exp": 1, "erf": 1, "apply": 2, "positive": 1, "integral": 4}


def check_real(term: Frozen) -> None:
    """Refuse what is no well-formed real term.

    Raises:
        ProofError: it is none.
    """
    if isinstance(term, int) or _is_name(term):
        return
    op, *args = term if isinstance(term, tuple) and term else (None,)
    if op not in ("+", "*") and _ARITY.get(op) != len(args):
        raise ProofError(f"not a real term: {term!r}")
    named = op in ("positive", "apply", "integral") and _is_name(args[0])
    numbers = args if op == "/" else args[1:] if op == "^" else ()
    if (op in ("positive", "apply", "integral")) != named or not all(isinstance(number, int) for number in numbers):
        raise ProofError(f"not a real term: {term!r}")
    if op in ("/", "^") and args[-1] < 1:
        raise ProofError(f"a denominator is positive: {term!r}")
    for arg in inner(term):
        check_real(arg)


def _is_name(name: Frozen) -> bool:
    return isinstance(name, str) and name.isidentifier()


def inner(term: Frozen) -> tuple[Frozen, ...]:
    """The real terms of which a real term is made."""
    if not isinstance(term, tuple):
        return ()
    op, *args = term
    if op == "integral":
        return tuple(arg for arg in args[1:] if arg not in ENDS)
    return () if op in ("/", "pi", "positive") else (args[0],) if op == "^" else (*args[op == "apply" :],)


def occurring(term: Frozen, bound: frozenset[str] = frozenset()) -> Iterator[tuple[str, str]]:
    """Free variables and functions, as ``("real" | "positive" | "apply", name)``."""
    if isinstance(term, str) and term not in bound:
        yield ("real", term)
    if isinstance(term, tuple):
        if term[0] in ("positive", "apply"):
            yield (term[0], term[1])
        bound = bound | {term[1]} if term[0] == "integral" else bound
        for part in inner(term):
            yield from occurring(part, bound)


def replaced(term: Frozen, name: str, by: Frozen) -> Frozen:
    """A term in place of a real variable that no integral inside binds."""
    if term == name:
        return by
    if not isinstance(term, tuple) or term[0] in ("/", "pi", "positive"):
        return term
    kept = 2 if term[0] == "apply" else 1
    stop = 2 if term[0] == "^" else len(term)
    return (*term[:kept], *(replaced(part, name, by) for part in term[kept:stop]), *term[stop:])


def real_text(term: Frozen) -> str:
    """A real term as a person writes it.

    >>> real_text(("integral", "u", "-oo", "oo", ("*", ("apply", "f", "u"), ("exp", ("*", -1, "u", "u")))))
    'integral of f(u)*exp(-u*u) over u from -oo to oo'
    """
    if not isinstance(term, tuple):
        return str(term)
    op, *args = term
    if op == "/":
        return f"{args[0]}/{args[1]}"
    if op in ("pi", "positive"):
        return str(args[0] if args else op)
    if op == "integral":
        low, high, body = map(real_text, args[1:])
        return f"integral of {body} over {args[0]} from {low} to {high}"
    if op == "apply":
        return f"{args[0]}({real_text(args[1])})"
    parts = [real_text(part) for part in inner(term)]
    if op in ("exp", "erf"):
        return f"{op}({parts[0]})"
    if op == "+":
        return " + ".join(parts).replace("+ -", "- ") or "0"
    factors = [
        f"({text})" if isinstance(part, tuple) and part[0] in ("+", "integral") else text
        for part, text in zip(inner(term), parts, strict=True)
    ]
    if op == "^":
        base = f"({parts[0]})" if isinstance(args[0], tuple) and args[0][0] in ("+", "*", "/") else parts[0]
        return f"{base}^({args[1]}/{args[2]})" if args[2] != 1 else f"{base}^({args[1]})"
    product = "*".join(factors) or "1"
    return f"-{product[3:]}" if product.startswith("-1*") else product
