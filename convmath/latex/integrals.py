"""Real terms: functions, exponentials, roots and integrals, as pieces between which a line may break."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import sympy
from sympy.core.function import AppliedUndef

if TYPE_CHECKING:
    from .dialect import Dialect

_HALF = sympy.Rational(1, 2)
Powers = list[tuple[sympy.Expr, sympy.Expr]]
_BEHIND = (AppliedUndef, sympy.exp, sympy.erf, sympy.Integral)


class RealWriter:
    """Writes real terms in one dialect."""

    def __init__(self, dialect: Dialect) -> None:
        """See the class."""
        self.dialect = dialect

    def terms(self, expr: sympy.Expr) -> Iterator[tuple[bool, list[str]]]:
        """The summands: whether each is subtracted, and the parts of its product, at which a line may break."""
        parted = [(_parted(part), sympy.default_sort_key(part)) for part in sympy.Add.make_args(expr)]
        for (number, *powers), _ in sorted(parted, key=lambda item: (bool(item[0][0] < 0), item[1])):
            yield bool(number < 0), self._product(abs(number), *powers)

    def sum(self, expr: sympy.Expr) -> str:
        """A term on one line."""
        written = ""
        for negative, parts in self.terms(expr):
            sign = self.dialect.minus if negative else "+"
            written += (f" {sign} " if written else sign if negative else "") + self._joined(parts)
        return written or "0"

    def _joined(self, parts: list[str]) -> str:
        joined = parts[0]
        for part in parts[1:]:
            joined += self.dialect.beside("", part) + part
        return joined

    def _product(self, number: sympy.Rational, above: Powers, below: Powers, behind: Powers) -> list[str]:
        """A quotient of simple factors, and the functions and integrals behind it."""
        low = [str(number.q)] * (number.q != 1) + [self._power(*part) for part in below]
        high = [str(number.p)] * (number.p != 1) + [self._power(*part) for part in above]
        if low and len(high) == 1 and self.dialect.stacked and above and above[0][1] == 1:
            high = [self.sum(above[0][0])]
        parts = self._quotient(high, low)
        for base, power in behind:
            parts += self._integral(base) if isinstance(base, sympy.Integral) else [self._power(base, power)]
        return parts or ["1"]

    def _quotient(self, above: list[str], below: list[str]) -> list[str]:
        if not below:
            return [self._close(above)] if above else []
        low = self._close(below)
        low = self.dialect.parentheses(low) if len(below) > 1 and not self.dialect.stacked else low
        return [self.dialect.fraction(self._close(above) if above else "1", low)]

    def _close(self, parts: list[str]) -> str:
        """Simple factors beside each other."""
        joined = parts[0]
        for part in parts[1:]:
            joined += (self.dialect.tight if joined.isdigit() else self.dialect.product) + part
        return joined

    def _power(self, base: sympy.Expr, power: sympy.Expr) -> str:
        if power == _HALF:
            return self.dialect.root(self.sum(base))
        written = self._factor(base)
        return written if power == 1 else self.dialect.power(written, str(power))

    def _factor(self, base: Any) -> str:
        dialect = self.dialect
        if base is sympy.pi:
            return dialect.name("pi")
        if isinstance(base, sympy.Symbol):
            return dialect.name(base.name)
        if isinstance(base, AppliedUndef):
            return dialect.name(base.func.__name__) + dialect.flat.parentheses(self.flat.sum(base.args[0]))
        if isinstance(base, sympy.exp):
            return dialect.exponential(self.flat.sum(base.args[0]))
        if isinstance(base, sympy.erf):
            return dialect.function("erf", [self.sum(base.args[0])])
        return dialect.parentheses(self.sum(base)) if isinstance(base, sympy.Add) else self.sum(base)

    @property
    def flat(self) -> RealWriter:
        """A writer for arguments and exponents, in which quotients have a slash."""
        return RealWriter(self.dialect.flat)

    def _integral(self, integral: sympy.Integral) -> list[str]:
        """The sign with the first factor, the other factors, the last of them with the differential."""
        variable, *ends = integral.limits[0]
        low, high = (self._end(end) for end in ends)
        name = self.dialect.name(variable.name)
        number, *powers = _parted(integral.function)
        whole = isinstance(integral.function, sympy.Add) or number < 0
        parts = [self.dialect.parentheses(self.sum(integral.function))] if whole else self._product(number, *powers)
        sign = self.dialect.integral(name, low, high)
        parts[0] = sign + self.dialect.beside(sign, parts[0]) + parts[0]
        return [*parts[:-1], parts[-1] + self.dialect.differential(name)]

    def _end(self, end: sympy.Expr) -> str:
        if end in (sympy.oo, -sympy.oo):
            return self.dialect.infinity if end == sympy.oo else self.dialect.minus + self.dialect.infinity
        return self.flat.sum(end)


def _parted(term: sympy.Expr) -> tuple[sympy.Rational, Powers, Powers, Powers]:
    """The number, and the powers above the line, below it and behind the quotient; all roots as one, of a quotient."""
    number, rest = sympy.Mul(*map(_with_common_factor, sympy.Mul.make_args(term))).as_coeff_Mul()
    found: tuple[Powers, Powers, Powers] = ([], [], [])
    radicand = sympy.Integer(1)
    for part in sorted(
        sympy.Mul.make_args(rest), key=lambda part: (part.has(sympy.Symbol), sympy.default_sort_key(part))
    ):
        base, power = (part, sympy.Integer(1)) if isinstance(part, _BEHIND) else part.as_base_exp()
        half = (abs(power) - abs(power) // 1) * sympy.sign(power)
        power, radicand = power - half, radicand * base ** (2 * half)
        if power and part != 1:
            found[2 if isinstance(base, _BEHIND) else int(bool(power < 0))].append((base, abs(power)))
    if radicand != 1:
        for place, root in zip(found, sympy.fraction(sympy.together(radicand * number**2)), strict=False):
            whole = sympy.sqrt(root)
            place += [] if root == 1 else [(whole, sympy.Integer(1)) if whole.is_Integer else (root, _HALF)]
        number = sympy.Integer(-1 if number < 0 else 1)
    return number, *found


def _with_common_factor(part: sympy.Expr) -> sympy.Expr:
    """A sum with the number before it that all its terms have: in a denominator, or if all are subtracted."""
    base, power = part.as_base_exp() if part.is_Pow else (part, sympy.Integer(1))
    subtracted = all(term.could_extract_minus_sign() for term in sympy.Add.make_args(base))
    return sympy.factor_terms(base) ** power if base.is_Add and (power < 0 or subtracted) else part
