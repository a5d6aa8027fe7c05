"""The comparison of a claim with reality: what it accepts, and that it refuses everything else."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import strategies as st

from convmath.calculus.evaluate import Model

from .claims import Claim, Grid, UnmetError, caught, differences, for_all, replaced, untruths
from .mistakes import rounded


def equation(left, right, *hypotheses) -> Claim:
    """Both sides terms, without quantifiers."""
    return Claim(hypotheses, ("forall", (), (), ("==", left, right)))


HALF = equation(("div", "n", 2), ("+", "h", 0), ("<=", 0, "n"))


def halves(n: int) -> list[str]:
    return differences(HALF, Model({"n": n, "h": n // 2}), Grid((), {"Python": n // 2}))


def test_a_true_claim_has_no_differences():
    for_all(st.integers(0, 20), halves)


def test_either_side_is_compared_with_reality():
    assert len(differences(HALF, Model({"n": 4, "h": 2}), Grid((), {"Python": 3}))) == 2
    assert len(differences(HALF, Model({"n": 4, "h": 3}), Grid((), {"Python": 2}))) == 1
    assert len(differences(HALF, Model({"n": 4, "h": 3}), Grid((), {"Python": 3}))) == 1


def test_numbers_outside_the_hypotheses_are_refused():
    with pytest.raises(UnmetError):
        halves(-1)


def test_a_quantified_hypothesis_is_checked_where_it_is_asked():
    rising = ("forall", ("l",), (("<=", 0, "l"),), ("<", ("at", "a", "l"), ("at", "a", ("+", "l", 1))))
    claim = equation("n", "n", rising)
    model = Model({"n": 1}, {"a": {0: 0, 1: 1, 2: 1}})
    assert not differences(claim, model, Grid((), {"Python": 1}), over={("l",): [(0,), (-5,)]})
    with pytest.raises(UnmetError):
        differences(claim, model, Grid((), {"Python": 1}), over={("l",): [(0,), (1,)]})


def test_a_hypothesis_about_the_point_is_checked_at_every_point():
    claim = equation("i", "i", ("<", "i", 2))
    with pytest.raises(UnmetError):
        differences(claim, Model(), Grid(("i",), {"Python": [0, 1, 2]}))


def test_an_entry_beyond_a_tensor_is_a_difference():
    body = (("sum", (), (), ("1", 1), (("tensor", "x", "i"),)),)
    claim = Claim((), ("forall", (), (), ("equal", body, body)))
    model = Model(tensors={"x": {(0,): 5}})
    assert not differences(claim, model, Grid(("i",), {"NumPy": [5]}))
    assert differences(claim, model, Grid(("i",), {"NumPy": [5, 0]}))


def test_sources_that_disagree_are_refused():
    with pytest.raises(AssertionError, match="one gives"):
        Grid(("i",), {"one": [1, 2], "other": [1, 3]})
    with pytest.raises(AssertionError, match="shape"):
        Grid(("i",), {"one": [1, 2], "other": [1]})


def test_a_grid_knows_where_it_starts():
    grid = Grid(("i", "j"), {"NumPy": np.arange(4).reshape(2, 2)}, start=(-1, 5))
    assert list(grid.points(9, 0)) == [
        ({"i": -1, "j": 5}, 0),
        ({"i": -1, "j": 6}, 1),
        ({"i": 0, "j": 5}, 2),
        ({"i": 0, "j": 6}, 3),
    ]
    assert len(list(grid.points(3, 0))) == 3


def test_a_false_formula_is_reported_where_it_is_false():
    claim = Claim((), ("forall", (), (), ("<", "n", 2)))
    assert len(untruths(claim, Model(), [{"n": 1}, {"n": 2}, {"n": 3}])) == 2


def test_replacements_are_made_at_once_and_leave_heads_alone():
    assert replaced(("+", "s", ("*", "d", 2)), {"s": "d", "d": "s", "+": 0, "*": 0}) == ("+", "d", ("*", "s", 2))


def test_a_mistake_that_changes_nothing_is_refused():
    with pytest.raises(AssertionError, match="nothing to replace"):
        HALF.wrong({"m": 1})
    with pytest.raises(AssertionError, match="no ceil"):
        rounded(HALF, "ceil", "div", side=0)


def test_a_mistake_is_caught_and_its_case_is_told():
    wrong = rounded(HALF, "div", "ceil", side=0)
    found = caught(
        st.integers(0, 20), lambda n: differences(wrong, Model({"n": n, "h": n // 2}), Grid((), {"Python": n // 2}))
    )
    assert "left side" in found


def test_a_mistake_that_passes_is_an_error():
    with pytest.raises(AssertionError, match="no case tells"):
        caught(st.integers(0, 20), halves)


def test_a_property_that_fails_is_an_error():
    with pytest.raises(AssertionError, match="17"):
        for_all(st.integers(0, 20), lambda n: [str(n)] if n == 17 else [])
