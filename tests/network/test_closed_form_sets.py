"""Sets of input sizes against plain Python sets, and the proofs of what they are."""

from __future__ import annotations

import pytest
import sympy
from hypothesis import given, settings
from hypothesis import strategies as st

from convmath.calculus.index import eq, integers
from convmath.errors import UnsupportedError
from convmath.inert import CeilDiv, FloorDiv, Mod
from convmath.network.closed_form.claims import Claim, satisfying
from convmath.network.closed_form.inputs import InputSizes
from convmath.network.closed_form.laws import proved, same, step
from convmath.network.closed_form.linear import linear_certificate
from convmath.network.closed_form.sets import EMPTY, SizeSet, union

n, x, y = integers("n x y")
LAST = 150


@st.composite
def sets(draw):
    least = draw(st.integers(1, 20))
    greatest = draw(st.none() | st.integers(least - 1, 60))
    modulus = draw(st.integers(1, 12))
    remainders = draw(st.sets(st.integers(0, modulus - 1)))
    plain = {m for m in range(least, LAST) if (greatest is None or m <= greatest) and m % modulus in remainders}
    return SizeSet.of(least, greatest, modulus, remainders), plain


@given(sets(), sets())
def test_sets_are_what_they_say(first, second):
    (one, plain), (other, others) = first, second
    assert one.up_to(LAST - 1) == sorted(plain)
    assert {m for m in range(1, LAST) if m in one} == plain
    assert bool(one) == bool(plain)
    assert (one & other).up_to(LAST - 1) == sorted(plain & others)
    assert (one == other) == (plain == others), f"{one} | {other}"


CLAIMS = [
    ("==", 16 * FloorDiv(n, 16), n),
    ("==", 2 * FloorDiv(n, 8), FloorDiv(n, 4)),
    ("==", FloorDiv(n, 32), sympy.Integer(3)),
    ("==", 512 * FloorDiv(n, 8) ** 2, sympy.Integer(25088)),
    ("==", FloorDiv(n, 2), n - 3),
    ("==", 2 * FloorDiv(n, 4), n - 3),
    ("==", FloorDiv(n, 2), CeilDiv(n, 3)),
    ("==", CeilDiv(n, 2), FloorDiv(n, 2) - 1),
    ("==", Mod(CeilDiv(n, 4) - 1, 3), sympy.Integer(0)),
    ("<=", sympy.Integer(7), FloorDiv(n - 1, 2)),
    ("<", FloorDiv(n, 3), sympy.Integer(40)),
    ("<=", n + 1, n),
    ("<=", FloorDiv(n, 2) + 3, n),
    ("<=", n - FloorDiv(n, 3), sympy.Integer(50)),
    ("==", 4 * FloorDiv(n, 2) ** 2, n * n),
    ("==", 3 * FloorDiv(n, 3) * n - 21, n * n - 4 * n),
    ("<", n + 1, n * (n + 1)),
    ("<=", n * n, 7 * FloorDiv(n, 2) + 90),
    ("<=", n + 20, FloorDiv(n, 3) ** 2),
    ("==", 64 * FloorDiv(FloorDiv(n, 4) ** 2, 64), FloorDiv(n, 4) ** 2),
    ("==", FloorDiv(FloorDiv(n, 2) ** 2, 4), 4 * FloorDiv(FloorDiv(n, 2) ** 2, 16)),
]


@pytest.mark.parametrize("claim", CLAIMS, ids=lambda claim: f"{claim[1]} {claim[0]} {claim[2]}")
@given(sets())
@settings(max_examples=10)
def test_what_satisfies_a_claim_is_what_satisfies_it_one_by_one(claim, start):
    made = Claim.of(*claim)
    assert satisfying(made, start[0]).up_to(LAST - 1) == [m for m in sorted(start[1]) if made.holds(m)]
    holds = {"==": int.__eq__, "<=": int.__le__, "<": int.__lt__}[claim[0]]
    for m in range(1, LAST):
        assert made.holds(m) == holds(*(int(side.subs(n, m)) for side in claim[1:])), m


def test_of_few_sizes_each_is_tried_whatever_the_claim_is():
    claim = Claim.of("==", n * Mod(n, 2**40), sympy.Integer(49))
    with pytest.raises(UnsupportedError):
        satisfying(claim, SizeSet())
    assert satisfying(claim, SizeSet.of(3, 90, 2, [1])).up_to(100) == [7]
    assert not satisfying(claim, SizeSet.of(3, 90, 2, [0]))


def test_a_product_that_is_large_enough_here_and_there_is_unknown():
    with pytest.raises(UnsupportedError, match="with some remainders"):
        satisfying(Claim.of("<=", sympy.Integer(3), n * (Mod(n, 3) - 1)), SizeSet())


def test_what_holds_here_and_there_before_it_always_holds_is_unknown():
    with pytest.raises(UnsupportedError, match="some sizes"):
        satisfying(Claim.of("<=", sympy.Integer(3), n - 2 * FloorDiv(n, 4)), SizeSet())


@pytest.mark.parametrize("claim", [CLAIMS[k] for k in (0, 1, 2, 3, 4, 7, 9, 10, 11)], ids=str)
def test_the_sets_are_proved(claim):
    found = InputSizes(SizeSet(), n).where([Claim.of(*claim)])
    assert found.label == "proved", str(found)
    assert all(theorem.trust == {"kernel"} for theorem in found.theorems)
    assert found.theorems


ROUNDED = [FloorDiv(n, 2), CeilDiv(n, 3), n, 2 * FloorDiv(n, 2), FloorDiv(n - 1, 4)]


@given(st.lists(st.tuples(st.sampled_from(["==", "<="]), st.integers(0, 12), st.sampled_from(ROUNDED)), max_size=4))
@settings(max_examples=40)
def test_several_claims_are_satisfied_at_once(rows):
    """An equation beside a bound on the same rounding is not lost."""
    claims = [Claim.of(relation, sympy.Integer(number), rounded) for relation, number, rounded in rows]
    found = InputSizes(SizeSet(), n).where(claims)
    assert found.known.up_to(60) == [m for m in range(1, 61) if all(claim.holds(m) for claim in claims)]


def test_an_equation_between_branches_is_not_lost_beside_a_bound():
    """Halved and doubled: the branches have floor(n/2) and 2*floor(n/2) elements, which are never equal from 1 on."""
    claims = [Claim.of("<=", sympy.Integer(1), FloorDiv(n, 2)), Claim.of("==", FloorDiv(n, 2), 2 * FloorDiv(n, 2))]
    for order in (claims, claims[::-1]):
        assert not InputSizes(SizeSet(), n).where(order).known


@pytest.mark.parametrize("relation", ["==", "<="])
@pytest.mark.parametrize("start", [1, 13, 16, 40])
def test_a_product_is_solved_from_where_its_factors_are_positive(relation, start):
    side = FloorDiv(n, 4) - 3
    claim = Claim.of(relation, sympy.Integer(400), 16 * side * side)
    within = SizeSet.of(start, None, 1, [0])
    try:
        found = satisfying(claim, within)
    except UnsupportedError:
        assert start < 12  # from 1 on the product falls first
        return
    assert found.up_to(200) == [m for m in range(start, 201) if claim.holds(m)]
    assert satisfying(claim, SizeSet.of(16, None, 1, [0])).up_to(200)[0] == 32


def test_a_chain_of_divisibilities_leaves_one_remainder():
    claims = [Claim.of("==", Mod(CeilDiv(n, 2**k) - 1, 2), sympy.Integer(0)) for k in range(1, 4)]
    found = InputSizes(SizeSet(), n).where([Claim.of("==", Mod(n - 1, 2), sympy.Integer(0)), *claims])
    assert (str(found), found.label) == ("n >= 1 with n mod 16 = 1", "proved")


def test_a_wrong_set_is_not_proved():
    claim = eq(16 * FloorDiv(n, 16), n)
    assert proved(eq(Mod(n, 16), 0), (claim,)) is not None
    assert proved(eq(Mod(n, 32), 0), (claim,)) is None
    assert proved(eq(Mod(n, 16), 1), (claim,)) is None


def test_what_cannot_be_worked_out_says_so():
    claim = Claim.of("==", Mod(n, 2**40 + 1) * 2, sympy.Integer(6))
    with pytest.raises(UnsupportedError, match="too many to be tried"):
        satisfying(claim, SizeSet())
    found = InputSizes(SizeSet(), n).where([claim])
    assert (found.sizes, found.label) == (None, "unknown")
    assert str(found).startswith("unknown: the remainders")
    with pytest.raises(UnsupportedError):
        _ = 3 in found


def test_the_empty_set_is_one():
    assert EMPTY & SizeSet() == EMPTY
    assert InputSizes(EMPTY, n).least is None


# The laws


def test_a_wrong_simplification_is_refused():
    nested = FloorDiv(CeilDiv(n, 16) - 1, 2) + 1
    assert proved(eq(nested, CeilDiv(n, 32))) is not None
    assert same(nested, CeilDiv(n, 32))
    for wrong in (FloorDiv(n, 32), CeilDiv(n, 32) + 1, CeilDiv(n + 1, 32)):
        assert proved(eq(nested, wrong)) is None, wrong
        assert not same(nested, wrong), wrong


def test_a_step_is_proved_from_how_the_size_is_made():
    found = step(FloorDiv(x - 1, 2) + 1, ((x, CeilDiv(n, 16)),), n)
    assert (found.form, found.label) == (CeilDiv(n, 32), "proved")
    assert found.theorem.formula.args[1] == CeilDiv(n, 32)
    hypotheses = {str(hypothesis.body) for hypothesis in found.theorem.hypotheses}
    assert hypotheses == {"x == CeilDiv(n, 16)", "n_out == FloorDiv(x - 1, 2) + 1"}


def test_a_step_without_a_proof_is_checked_and_says_so():
    far = 2**45
    found = step(FloorDiv(x - 1, 2) + 1, ((x, CeilDiv(n, far)),), n)
    assert (found.form, found.theorem) == (CeilDiv(n, 2 * far), None)
    assert found.label == "checked by sampling"


def test_too_long_a_form_is_refused():
    with pytest.raises(UnsupportedError, match="64 bits"):
        step(FloorDiv(x - 1, 2**40) + 1, ((x, CeilDiv(n, 2**40)),), n)


@given(st.integers(-3, 3), st.integers(-9, 9), st.integers(-3, 3))
def test_linear_certificates_are_accepted(a, b, c):
    given_ = (eq(x, a * FloorDiv(n, 3) + b), eq(y, c * x - b))
    goal = eq(y, c * a * FloorDiv(n, 3) + c * b - b)
    assert linear_certificate(given_, goal) is not None
    assert proved(goal, given_).formula == goal
    assert linear_certificate(given_, eq(y, c * a * FloorDiv(n, 3) + c * b - b + 1)) is None


@given(sets(), sets())
def test_a_union_has_what_is_in_one_or_the_other(first, second):
    (one, plain), (other, others) = first, second
    found = union(one, other)
    if found is not None:
        assert found.up_to(LAST - 1) == sorted(plain | others)
    elif all(part.greatest is None for part in (one, other)):
        assert one.least != other.least  # else the remainders would tell


@pytest.mark.parametrize(
    ("elements", "text", "latex"),
    [
        (range(1, 200), "1 <= n <= 199", r"1 \le n \le 199"),
        ([7], "n = 7", "n = 7"),
        ([30, 32], "n in {30, 32}", r"n \in \{30, 32\}"),
        ([27, 28, 30], "n in {27, 28, 30}", r"n \in \{27, 28, 30\}"),
        (range(2, 99, 3), "2 <= n <= 98 with n mod 3 = 2", r"2 \le n \le 98, \; n \bmod 3 = 2"),
        (
            [m for m in range(1, 90) if m % 3 != 1],
            "2 <= n <= 89 with n mod 3 != 1",
            r"2 \le n \le 89, \; n \bmod 3 \ne 1",
        ),
    ],
    ids=str,
)
def test_a_set_is_written_in_short_however_it_was_found(elements, text, latex):
    found = {SizeSet.of(min(elements), max(elements), modulus, elements) for modulus in (300, 360, 1000)}
    assert {str(one) for one in found} == {text}
    assert {one.latex(n) for one in found} == {latex}
