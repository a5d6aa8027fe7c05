"""Translation, rotation and scaling of the plane as 3x3 matrices, and what a correlation makes of a moved image.

The point (x, y) is written as the vector v = (x, y, 1), with entries v[0], v[1] and v[2]. A translation then is a
matrix too, and doing one transformation after another multiplies the matrices. The cosine and the sine of an angle are
two numbers, of which the proofs use the addition theorems or that their squares add up to 1.

Sources: Li Hang, "Machine Learning Methods", section 24.1.5.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction
from typing import Any

from convmath.calculus.derive import Calc, Part, definition, instance
from convmath.calculus.index import Formula, eq, integers, le, lt, negation, within
from convmath.calculus.kernel import Theorem, assume, sym
from convmath.calculus.terms import Equation, Statement, Value, tensor, total, value
from convmath.catalog import Example, Mistake, Proof, theorem

from .inside import inside
from .lines import on_one_line

i, j, k, a, b, e = integers("i j k a b e")
v, T, U, t, u, R, c, s = map(tensor, ("v", "T", "U", "t", "u", "R", "c", "s"))
POINT = definition(value(v[2]), value(1))
"""The last entry of the vector of a point is 1."""
ROW, COLUMN = within(0, i, 3), within(0, k, 3)
_INDICES = {i: "row", j: "column of the first matrix, row of the second", k: "column of the second matrix"}
_POINT = {v: "the point (x, y) as the vector (x, y, 1)"}
_COORDINATES = ("Row 0, the first coordinate", "Row 1, the second coordinate", "Row 2, which stays 1")


def plane(index: Any) -> tuple[Formula, ...]:
    """The index is that of a coordinate."""
    return within(0, index, 2)


def identity(row: Any, column: Any) -> Value:
    """1 on the diagonal."""
    return total((), [eq(row, column)], 1)


def translation(matrix: Any, by: Any) -> Statement:
    """1 on the diagonal, and the shifts in the last column."""
    entries = identity(i, j) + total((), (eq(j, 2), *plane(i)), by[i])
    return definition(matrix[i, j], entries, (i, j), (*within(0, i, 3), *within(0, j, 3)))


def scaling(matrix: Any, factors: Any) -> Statement:
    """The factors and 1 on the diagonal."""
    entries = total((), (eq(i, j), *plane(i)), factors[i]) + total((), (eq(i, 2), eq(j, 2)), 1)
    return definition(matrix[i, j], entries, (i, j), (*within(0, i, 3), *within(0, j, 3)))


def rotation() -> Statement:
    """Cosine, minus sine, sine, cosine, and 1 for the last entry."""
    return definition(
        R[a, i, j],
        total((), (eq(i, j), *plane(i)), c[a])
        + total((), (eq(i + j, 1), *plane(i)), value(s[a]) * (2 * i - 1))
        + total((), (eq(i, 2), eq(j, 2)), 1),
        (a, i, j),
        (*within(0, i, 3), *within(0, j, 3)),
    )


SINE = definition(s[e], value(s[a]) * c[b] + value(c[a]) * s[b])
COSINE = definition(c[e], value(c[a]) * c[b] - value(s[a]) * s[b])
"""The addition theorems: angle e is the sum of angles a and b."""
UNIT = Equation(value(c[a]) * c[a] + value(s[a]) * s[a], value(1))
"""Cosine and sine are the coordinates of a point on the unit circle."""


def at(matrix: Statement, *index: Any) -> Theorem:
    """The entries of a matrix at an index."""
    return instance(assume(matrix), dict(zip(matrix.variables, index, strict=True)))


def image_of(matrix: Any) -> Value:
    """The matrix times the vector of the point."""
    return total((j,), within(0, j, 3), value(matrix) * v[j])


def product(first: Any, second: Any) -> Value:
    """The product of two matrices."""
    return total((j,), within(0, j, 3), value(first) * second)


def pick(calc: Calc, term: int, point: Any) -> None:
    """Sum over the column, which the bracket pins down and which exists."""
    calc.one_point({j: point}, why="", term=term)
    first, last = within(0, point, 3)
    coordinate = lt(point, 2) in calc.value.terms[term].guard
    calc.guard(([last] if coordinate else [first, last], ()), why="", term=term)


def drop(calc: Calc, term: int, *using: Formula) -> None:
    """Leave out a term whose brackets exclude each other."""
    calc.vanish(using=using, why="", term=term)


def rows(law: Theorem, results: Sequence[Value]) -> tuple[Part, ...]:
    """What a law about every row says of each of the three."""
    return tuple(_row(law, number, result) for number, result in enumerate(results))


def _row(law: Theorem, number: int, result: Value) -> Part:
    at_row = instance(law, {i: number})
    calc = Calc(at_row.equation.left)
    calc.apply(at_row, why="")
    for term in reversed(range(len(calc.value.terms))):
        decided = [atom for atom in calc.value.terms[term].guard if not atom.free_symbols]
        wrong = [atom for atom in decided if not _holds(atom)]
        if wrong:
            drop(calc, term, wrong[0])
        elif decided:
            calc.guard((decided, ()), why="", term=term)
    if calc.value.terms[0].factors == (v[2],):
        calc.unfold(assume(POINT), why="")
    on_one_line(calc, 0, "the law for this row")
    calc.qed(result)
    return calc.part(_COORDINATES[number])


def _holds(atom: Formula) -> bool:
    """Whether a comparison of two numbers is true."""
    left, right = map(int, atom.args)
    return {"==": left == right, "<=": left <= right, "<": left < right}[atom.op]


def on_a_point(matrix: Statement, why: str) -> Calc:
    """A matrix whose entries lie on the diagonal or in the last column, times the vector of a point."""
    calc = Calc(image_of(T[i, j]), ROW)
    calc.unfold(at(matrix, i, j), why="the matrix")
    pick(calc, 1, 2)
    pick(calc, 0, i)
    on_one_line(calc, 1, why)
    return calc.unfold(assume(POINT), why="the last entry of the vector is 1", term=1)


def twice(kind: Callable[..., Statement], empty: Mapping[int, Sequence[Formula]], columns: Sequence[Any]) -> Calc:
    """The product of two such matrices: without the terms whose brackets exclude each other, each leaves one column."""
    calc = Calc(product(T[i, j], U[j, k]), [*ROW, *COLUMN])
    calc.unfold(at(kind(T, t), i, j), why="the first matrix")
    for term in (1, 0):
        calc.unfold(at(kind(U, u), j, k), why="", term=term)
    for term, using in empty.items():
        drop(calc, term, *using)
    on_one_line(calc, 1, "the second matrix, and brackets that exclude each other leave nothing")
    for term, column in reversed(list(enumerate(columns))):
        pick(calc, term, column)
    on_one_line(calc, 2, "the brackets leave one column")
    return calc


@theorem(
    "homogeneous.translation",
    title="Translation as a 3x3 matrix",
    sources=("LiHang2022, section 24.1.5",),
)
def translations() -> Proof:
    """The matrix moves a point by t; in a product of two such matrices the shifts add up."""
    moves = on_a_point(translation(T, t), "the brackets leave the diagonal and the last column")
    moved = value(v[i]) + total((), plane(i), t[i])
    moves.qed(moved)
    both_ = twice(translation, {3: (eq(j, 2), eq(k, 2), *plane(j))}, (i, i, 2))
    both_.qed(identity(i, k) + total((), (eq(k, 2), *plane(i)), value(t[i]) + u[i]))
    return Proof(
        parts=(
            moves.part("The matrix times the vector of a point: each coordinate grows by its shift."),
            both_.part("One translation after another is the translation by the sum of the shifts."),
        ),
        symbols=_INDICES
        | _POINT
        | {
            T: "matrix of a translation",
            t: "its shifts, t[0] in x and t[1] in y",
            U: "matrix of another translation",
            u: "its shifts",
        },
        example=Example({i: 0, k: 2}, {"v": [4, 5, 1], "t": [2, 3], "u": [10, 20]}),
        special=rows(moves.theorem, (value(v[0]) + t[0], value(v[1]) + t[1], value(1))),
        mistake=Mistake(
            "writing the shifts into the last row",
            Statement(Equation(image_of(T[j, i]), moved)),
            (translation(T, t), POINT, *ROW),
        ),
        main=2,
    )


@theorem(
    "homogeneous.scaling",
    title="Scaling as a 3x3 matrix",
    sources=("LiHang2022, section 24.1.5",),
)
def scalings() -> Proof:
    """The matrix multiplies each coordinate by its factor; in a product of two such matrices the factors multiply."""
    scales = on_a_point(scaling(T, t), "the brackets leave the diagonal")
    scaled = total((), plane(i), value(t[i]) * v[i]) + total((), [eq(i, 2)], 1)
    scales.qed(scaled)
    both_ = twice(scaling, {2: (eq(j, 2), *plane(j)), 1: (eq(i, j), *plane(i), eq(j, 2))}, (i, 2))
    factors = total((), (eq(i, k), *plane(i)), value(t[i]) * u[i])
    rest = total((), (eq(i, 2), eq(k, 2)), 1)
    both_.qed(factors + rest)
    added = total((), (eq(i, k), *plane(i)), value(t[i]) + u[i])
    return Proof(
        parts=(
            scales.part("The matrix times the vector of a point: each coordinate is multiplied by its factor."),
            both_.part("One scaling after another is the scaling by the products of the factors."),
        ),
        symbols=_INDICES
        | _POINT
        | {
            T: "matrix of a scaling",
            t: "its factors, t[0] in x and t[1] in y",
            U: "matrix of another scaling",
            u: "its factors",
        },
        example=Example({i: 1, k: 1}, {"v": [4, 5, 1], "t": [2, 3], "u": [10, 20]}),
        special=rows(scales.theorem, (value(t[0]) * v[0], value(t[1]) * v[1], value(1))),
        mistake=Mistake(
            "adding the factors up",
            Statement(Equation(both_.start, added + rest)),
            (scaling(T, t), scaling(U, u), *ROW, *COLUMN),
        ),
        main=2,
    )


@theorem(
    "homogeneous.rotation",
    title="Rotation as a 3x3 matrix",
    sources=("LiHang2022, section 24.1.5",),
)
def rotations() -> Proof:
    """The matrix turns a point about the origin; in a product the angles add up, and the transpose turns back."""
    turns = Calc(image_of(R[a, i, j]), ROW)
    turns.unfold(at(rotation(), a, i, j), why="the matrix")
    pick(turns, 2, 2)
    other_column(turns, 1)
    pick(turns, 0, i)
    on_one_line(turns, 1, "the brackets leave one column")
    turns.unfold(assume(POINT), why="the last entry of the vector is 1", term=2)
    turns.qed(
        total((), plane(i), value(c[a]) * v[i])
        + total((), plane(i), value(s[a]) * v[1 - i] * (2 * i - 1))
        + total((), [eq(i, 2)], 1)
    )
    first = value(c[a]) * v[0] - value(s[a]) * v[1]
    second = value(s[a]) * v[0] + value(c[a]) * v[1]
    moved = (rotation(), translation(T, t), definition(c[a], value(0)), definition(s[a], value(1)), *ROW, *COLUMN)
    return Proof(
        parts=(
            turns.part("The matrix times the vector of a point:"),
            _sum_of_angles().part("One rotation after another is the rotation by the sum of the angles."),
            _transposed().part("The transposed matrix turns back: it is the inverse."),
        ),
        symbols=_INDICES
        | _POINT
        | {
            a: "an angle, by its number",
            b: "another angle",
            e: "the sum of the two angles",
            R: "matrix of a rotation",
            c: "cosine of an angle",
            s: "sine of an angle",
        },
        example=Example(
            {a: 0, b: 1, e: 2, i: 1, k: 1},
            {"v": [5, 10, 1], "c": [Fraction(3, 5), 0, Fraction(-4, 5)], "s": [Fraction(4, 5), 1, Fraction(3, 5)]},
        ),
        special=rows(turns.theorem, (first, second, value(1))),
        mistake=Mistake(
            "moving a point and then turning it by a quarter turn as turning it and then moving it",
            Statement(Equation(product(R[a, i, j], T[j, k]), product(T[i, j], R[a, j, k]))),
            moved,
        ),
        main=3,
    )


def other_column(calc: Calc, term: int) -> None:
    """Sum over the column that is not the row's own."""
    calc.guard(([eq(i + j, 1)], [eq(j, 1 - i)]), why="", term=term)
    pick(calc, term, 1 - i)


def _two_rotations(second: Theorem, first: Theorem, product_: Value, sign: int) -> Calc:
    """The product of two rotations, or of a transposed rotation and a rotation, which changes the sign of one sine."""
    calc = Calc(product_, [*ROW, *COLUMN])
    calc.unfold(first, why="the first matrix")
    for term in (2, 1, 0):
        calc.unfold(second, why="", term=term)
    for term, own in ((7, plane(j)), (6, plane(j)), (5, _inside(calc, 5)), (2, _inside(calc, 2))):
        drop(calc, term, eq(j, 2), *own)
    on_one_line(calc, 1, "the second matrix, and brackets that exclude each other leave nothing")
    pick(calc, 4, 2)
    for term, place in ((3, eq(i, k)), (2, eq(i + k, 1))):
        other_column(calc, term)
        calc.guard((calc.value.terms[term].guard, (place, *plane(i))), why="", term=term)
    for term in (1, 0):
        pick(calc, term, i)
    calc.rewrite({calc.value.terms[3].coefficient: sign}, why="", term=3, cuts=(eq(i, 0),))
    on_one_line(calc, 2, "the brackets leave one column; 2i - 1 is -1 or 1")
    return calc


def _inside(calc: Calc, term: int) -> Sequence[Formula]:
    """What the brackets of a term say about row and column, but for the last column."""
    return [atom for atom in calc.value.terms[term].guard if atom not in (eq(j, 2), eq(k, 2), *within(0, j, 3))]


def _sum_of_angles() -> Calc:
    """The product of two rotations."""
    first, second = at(rotation(), a, i, j), at(rotation(), b, j, k)
    calc = _two_rotations(second, first, product(R[a, i, j], R[b, j, k]), -1)
    turned = Calc(R[e, i, k], [*ROW, *COLUMN])
    turned.unfold(at(rotation(), e, i, k), why="the matrix for the sum of the angles")
    turned.unfold(assume(SINE), why="the addition theorem of the sine", term=1)
    turned.unfold(assume(COSINE), why="the addition theorem of the cosine")
    calc.meet(turned)
    return calc


def _transposed() -> Calc:
    """The transposed matrix times the matrix."""
    first, second = at(rotation(), a, j, i), at(rotation(), a, j, k)
    calc = _two_rotations(second, first, product(R[a, j, i], R[a, j, k]), 1)
    whole = Calc(identity(i, k), [*ROW, *COLUMN])
    whole.split(le(i, 1), why="the coordinates, and the last entry")
    whole.guard(([eq(i, k), negation(le(i, 1))], [eq(i, 2), eq(k, 2)]), why="", term=1)
    whole.guard(([le(i, 1)], plane(i)), why="")
    on_one_line(whole, 0, "the coordinates, and the last entry")
    whole.apply(sym(inside(assume(UNIT), (), (eq(i, k), *plane(i)))), why="the squares of cosine and sine add up to 1")
    calc.meet(whole)
    return calc
