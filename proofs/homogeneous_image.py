"""Images that are moved, turned or shrunk, and what a correlation makes of them.

The moved image shows at each pixel what the image showed where that pixel comes from: it is pulled back by the inverse
of the transformation. So only the inverse has to lead from pixels to pixels: ``(i, j)`` comes from ``B(i, j) + r``,
with an integer matrix B and integers r. These are the first two rows of the 3x3 matrix of the inverse. Translations and
quarter turns are of this kind, and keeping every s-th pixel is; for other angles and factors, values between the pixels
would have to be made up.

Sources: Li Hang, "Machine Learning Methods", section 24.1.5.
"""

from __future__ import annotations

from typing import Any

from convmath.calculus.derive import Calc, definition, instance
from convmath.calculus.index import eq, integers, within
from convmath.calculus.kernel import assume
from convmath.calculus.terms import Equation, Statement, Value, tensor, total, value
from convmath.catalog import Example, Mistake, Proof, theorem

g, h, i, j, k, l, m, n, s, t, M, N = integers("g h i j k l m n s t M N")  # noqa: E741
A = integers("a_11 a_12 a_21 a_22")
B = integers("b_11 b_12 b_21 b_22")
r = integers("r_1 r_2")
x, w, z = map(tensor, ("x", "w", "z"))
INVERSE = tuple(
    eq(B[2 * row] * A[column] + B[2 * row + 1] * A[2 + column], int(row == column))
    for row in range(2)
    for column in range(2)
)
"""``B A = 1``."""


def mapped(matrix: Any, point: tuple[Any, Any], by: tuple[Any, Any] = (0, 0)) -> tuple[Any, Any]:
    """The matrix times the point, and a shift added."""
    first, second = point
    return (
        matrix[0] * first + matrix[1] * second + by[0],
        matrix[2] * first + matrix[3] * second + by[1],
    )


PLACE = tuple(eq(to, at) for to, at in zip((g, h), mapped(A, (i - r[0], j - r[1])), strict=True))
"""The transformation leads from (i, j) to (g, h)."""


def pulled_back(inverse: Any) -> Statement:
    """The transformed image shows at a pixel what the image showed where that comes from."""
    return definition(z[i, j], value(x[mapped(inverse, (i, j), r)]), (i, j))


def layer(entry: Any) -> Value:
    """A correlation without padding, of what stands under tap (m, n)."""
    return total((m, n), (*within(0, m, M), *within(0, n, N)), value(w[m, n]) * entry)


def laid_out(inverse: Any) -> Calc:
    """A correlation of the transformed image as one of the image."""
    calc = Calc(layer(z[k + m, l + n]))
    calc.unfold(instance(assume(pulled_back(inverse)), {i: k + m, j: l + n}), why="pulled back by the inverse")
    at, tap = mapped(inverse, (k, l), r), mapped(inverse, (m, n))
    calc.qed(layer(x[at[0] + tap[0], at[1] + tap[1]]))
    return calc


def quarter_turn() -> Calc:
    """The kernel turned, over the image."""
    calc = laid_out((0, 1, -1, 0))
    calc.reindex({m: M - 1 - t}, why="run through the rows of the kernel backwards").rename({t: m})
    calc.guard((within(0, M - 1 - m, M), within(0, m, M)), why="the same rows, in the other order")
    turned = value(w[M - 1 - m, n]) * x[l + r[0] + n, r[1] - k - M + 1 + m]
    calc.qed(total((m, n), (*within(0, m, M), *within(0, n, N)), turned))
    return calc


@theorem(
    "homogeneous.image",
    title="Moved, turned and shrunk images, and what a correlation makes of them",
    sources=("LiHang2022, section 24.1.5",),
)
def images() -> Proof:
    """A transformed image is pulled back by the inverse, and a correlation of it lays the taps out by the inverse."""
    moved = Calc(z[g, h], [*INVERSE, *PLACE])
    moved.unfold(instance(assume(pulled_back(B)), {i: g, j: h}), why="pulled back by the inverse")
    for old, new in zip(mapped(B, (g, h), r), (i, j), strict=True):
        moved.rewrite({old: new}, why="the inverse undoes the transformation")

    calc = laid_out(B)
    return Proof(
        parts=(
            moved.part("What the image showed at (i, j) appears at (g, h), to which the transformation leads."),
            calc.part("A correlation of the transformed image reads the image where the inverse puts its taps."),
        ),
        symbols={
            i: "row of a pixel",
            j: "its column",
            g: "row of the pixel to which the transformation leads from (i, j)",
            h: "its column",
            x: "image",
            z: "transformed image",
            w: "kernel",
            k: "row of the output",
            l: "its column",
            m: "row of the kernel",
            n: "its column",
            M: "rows of the kernel",
            N: "its columns",
            t: "row of the kernel, from the last",
            s: "step from one pixel that is kept to the next",
            **dict.fromkeys(B, "entry of the matrix of the inverse"),
            **dict.fromkeys(r, "shift of the inverse"),
            **dict.fromkeys(A, "entry of the matrix of the transformation"),
        },
        example=Example(
            {M: 2, N: 2, i: 0, j: 1, g: 1, h: 0, k: 0, l: 0}
            | dict(zip((*A, *B, *r), (0, -1, 1, 0, 0, 1, -1, 0, 0, 2), strict=True)),
            {"x": [[1, 2, 3], [4, 5, 6], [7, 8, 9]], "w": [[1, 2], [3, 4]]},
        ),
        special=(
            laid_out((1, 0, 0, 1)).part("Translation, b_11 = b_22 = 1 and b_12 = b_21 = 0: the output moves along"),
            laid_out((s, 0, 0, s)).part("Scaling, b_11 = b_22 = s and b_12 = b_21 = 0: stride s and dilation s"),
            quarter_turn().part(
                "Rotation by a quarter turn, b_12 = 1, b_21 = -1, b_11 = b_22 = 0: the kernel turned back"
            ),
        ),
        mistake=Mistake(
            "putting the transformation in the index, not its inverse",
            Statement(Equation(value(z[mapped(B, (i, j), r)]), value(x[i, j]))),
            (pulled_back(B), *INVERSE),
        ),
        main=2,
    )
