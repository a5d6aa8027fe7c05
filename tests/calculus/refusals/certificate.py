"""What the certificate checker must refuse, each beside its nearest acceptable neighbour."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from convmath.calculus.certificate import Facts, check

from .case import Refusal

HYPOTHESES = [["<=", 1, "n"]]
GOAL = ["<=", 2, ["*", 2, "n"]]
"""The facts are 0: n - 1 >= 0 and 1: 1 - 2n >= 0; twice the first and the second add up to -1."""
EQUATION = [["==", "n", 3]]
"""With the goal 3 <= n the facts are 0: n - 3 = 0 and 1: 2 - n >= 0, which add up to -1."""


def closes(products: Any, equations: Any = ()) -> Callable[[], None]:
    return lambda: check(HYPOTHESES, GOAL, {"close": products, "equations": list(equations)})


def equates(equations: Any, products: Any = ((1, [1]),)) -> Callable[[], None]:
    return lambda: check(EQUATION, ["<=", 3, "n"], {"close": [list(p) for p in products], "equations": equations})


def certified(
    certificate: Any, hypotheses: Sequence[Any] = (["or", ["<=", 1, "n"], ["<=", 2, "n"]],)
) -> Callable[[], None]:
    return lambda: check(list(hypotheses), ["<=", 1, "n"], certificate)


def listed(formula: Any) -> Callable[[], None]:
    return lambda: Facts().assume(formula)


def closing(*indices: int) -> dict[str, Any]:
    return {"close": [[1, [index]] for index in indices], "equations": []}


GOOD = closes([[2, [0]], [1, [1]]])
GOOD_EQUATION = equates([[[[1, []]], 0]])
CASES_OF_SPLIT = [closing(1, 2), {"close": [["1/2", [1]], ["1/2", [2]]], "equations": []}]
"""Facts 1: -n >= 0 and 2: n - 1 >= 0 in the first case, n - 2 >= 0 in the second."""
CASES_OF_CUT = [
    {"close": [[1, [0]], [1, [1, 1]]], "equations": []},
    {"close": [["1/2", [0]], ["1/2", [1, 1]], [1, [1]]], "equations": []},
]
"""Facts 0: -n*n - 1 >= 0 and 1: n >= 0 in the first case, -n - 1 >= 0 in the second."""


def mended_cut(cases: Any, cut: Any = ("<=", 0, "n"), goal: Any = ("<=", 0, ("*", "n", "n"))) -> Callable[[], None]:
    return lambda: check([], goal, {"cut": cut, "cases": cases})


def mended_split(cases: Any) -> Callable[[], None]:
    return certified({"split": 0, "cases": cases})


def formula(name: str, bad: Any, good: Any, says: str) -> Refusal:
    return Refusal(name, listed(bad), listed(good), says)


def certificate(name: str, bad: Callable[[], None], says: str, good: Callable[[], None] = GOOD) -> Refusal:
    return Refusal(name, bad, good, says)


FORMULAS = [
    formula("a comparison of one term", ["<=", "n"], ["<=", "n", 1], "not a formula"),
    formula("a comparison of three terms", ["<=", 0, "n", 1], ["<=", 0, "n"], "not a formula"),
    formula("an unknown comparison", [">", "n", 1], ["<", "n", 1], "not a formula"),
    formula("a term in place of a formula", ["+", "n", 1], ["==", "n", 1], "not a formula"),
    formula("a negation of two formulas", ["not", ["<=", 0, "n"], ["<=", 0, "m"]], ["not", ["<=", 0, "n"]], "not a"),
    formula("an implication of three formulas", ["=>", *[["<=", 0, "n"]] * 3], ["=>", *[["<=", 0, "n"]] * 2], "not a"),
    formula("an unknown operation", ["==", ["pow", "n", 2], 1], ["==", ["*", "n", "n"], 1], "not an integer term"),
    formula("a quotient of one", ["==", ["div", "n"], 1], ["==", ["div", "n", 2], 1], "not an integer term"),
    formula("a maximum of three", ["==", ["max", 1, 2, "n"], 1], ["==", ["max", 2, "n"], 1], "not an integer term"),
    formula("a remainder of one", ["==", ["mod", "n"], 1], ["==", ["mod", "n", 2], 1], "term"),
    formula("a sequence without an index", ["==", ["at", "s"], 1], ["==", ["at", "s", "l"], 1], "term"),
    formula("a sequence without a name", ["==", ["at", 1, "l"], 1], ["==", ["at", "s", "l"], 1], "term"),
    formula("a formula in place of a term", ["==", ["<=", 0, "n"], 1], ["==", ["+", 0, "n"], 1], "not an integer term"),
    formula("a float", ["==", "n", 1.0], ["==", "n", 1], "neither a term nor a formula"),
    formula("a boolean", ["==", "n", True], ["==", "n", 1], "neither a term nor a formula"),
    formula("nothing", ["==", "n", None], ["==", "n", 0], "neither a term nor a formula"),
    formula("an empty name", ["==", "n", ""], ["==", "n", "m"], "neither a term nor a formula"),
    formula("a name of the checker's own", ["==", "n", "#0"], ["==", "n", "r0"], "neither a term nor a formula"),
    formula("an empty list", [], ["and"], "neither a term nor a formula"),
    formula("a list without an operation", [["<=", 0, "n"]], ["and", ["<=", 0, "n"]], "neither a term nor a formula"),
    formula("a bare name", "n", ["==", "n", 0], "neither a term nor a formula"),
    formula("a dictionary", {"op": "<="}, ["<=", 0, "n"], "neither a term nor a formula"),
]

CERTIFICATES = [
    certificate("a list in place of a certificate", lambda: check(HYPOTHESES, GOAL, []), "not a certificate"),
    certificate("no certificate", lambda: check(HYPOTHESES, GOAL, None), "not a certificate"),
    certificate("an unknown kind", lambda: check(HYPOTHESES, GOAL, {"trust": "me"}), "splits, cuts or closes"),
    certificate(
        "a close without equations", lambda: check(HYPOTHESES, GOAL, {"close": [[2, [0]], [1, [1]]]}), "splits"
    ),
    certificate(
        "two kinds at once",
        lambda: check(HYPOTHESES, GOAL, {"close": [[2, [0]], [1, [1]]], "equations": [], "split": 0}),
        "splits, cuts or closes",
    ),
    certificate("a multiplier of zero", closes([[2, [0]], [1, [1]], [0, [0]]]), "positive number only"),
    certificate("a negative multiplier", closes([[2, [0]], [1, [1]], [1, [0]], [-1, [0]]]), "positive number only"),
    certificate("an empty product", closes([[2, [0]], [1, [1]], [1, []]]), "needs a list"),
    certificate("a product that is no list", closes([[2, 0], [1, [1]]]), "needs a list"),
    certificate("a sum of -2", closes([[4, [0]], [2, [1]]]), "adds up"),
    certificate("a sum that is no number", closes([[1, [0]], [1, [1]]]), "adds up"),
    certificate("the sum 0", closes([]), "adds up"),
    certificate("the sum +1", equates([[[[-1, []]], 0]], [(1, [1])]), "adds up", GOOD_EQUATION),
    certificate("an index past the end", closes([[2, [0]], [1, [2]]]), "there is no fact"),
    certificate("an index from the end", closes([[2, [0]], [1, [-1]]]), "there is no fact"),
    certificate("an index that is a boolean", closes([[2, [False]], [1, [True]]]), "there is no fact"),
    certificate("an index that is a float", closes([[2, [0.0]], [1, [1]]]), "there is no fact"),
    certificate("an index that is a string", closes([[2, ["0"]], [1, [1]]]), "there is no fact"),
    certificate("an equation used as an inequality", equates([], [(1, [0]), (1, [1])]), "is a '=='", GOOD_EQUATION),
    certificate("an inequality used as an equation", closes([[2, [0]]], [[[[1, []]], 1]]), "is a '>='"),
    certificate("an equation past the end", equates([[[[1, []]], 2]]), "there is no fact", GOOD_EQUATION),
    certificate("a product that is no pair", closes([[2, [0], 1], [1, [1]]]), "not a list of pairs"),
    certificate("products that are no list", closes({"2": [0]}), "not a list of pairs"),
    certificate("an equation that is no pair", equates([[[[1, []]]]]), "not a list of pairs", GOOD_EQUATION),
    certificate("equations that are no list", equates("none"), "not a list of pairs", GOOD_EQUATION),
    certificate("a polynomial that is a number", equates([[1, 0]]), "not a list of pairs", GOOD_EQUATION),
    certificate("a monomial that is no pair", equates([[[[1]], 0]]), "not a list of pairs", GOOD_EQUATION),
    certificate("a float multiplier", closes([[2.0, [0]], [1, [1]]]), "not a rational number"),
    certificate("a boolean multiplier", closes([[2, [0]], [True, [1]]]), "not a rational number"),
    certificate("a multiplier in words", closes([["two", [0]], [1, [1]]]), "not a rational number"),
    certificate("a division by zero", closes([["2/0", [0]], [1, [1]]]), "not a rational number"),
    certificate("a multiplier with an exponent", closes([["2e0", [0]], [1, [1]]]), "not a rational number"),
    certificate("an infinite multiplier", closes([["inf", [0]], [1, [1]]]), "not a rational number"),
    certificate("a float coefficient", equates([[[[1.0, []]], 0]]), "not a rational number", GOOD_EQUATION),
    certificate("a monomial that is a string", equates([[[[1, ""]], 0]]), "not a list of variables", GOOD_EQUATION),
    certificate("a variable that is a number", equates([[[[1, [1]]], 0]]), "not a list of variables", GOOD_EQUATION),
]

SPLITS = [
    certificate("a missing case", mended_split(CASES_OF_SPLIT[:1]), "2 cases need", mended_split(CASES_OF_SPLIT)),
    certificate("a case too many", mended_split(CASES_OF_SPLIT * 2), "2 cases need", mended_split(CASES_OF_SPLIT)),
    certificate("cases that are no list", mended_split({}), "2 cases need", mended_split(CASES_OF_SPLIT)),
    certificate("swapped cases", mended_split(CASES_OF_SPLIT[::-1]), "adds up", mended_split(CASES_OF_SPLIT)),
    certificate(
        "a split of an inequality",
        certified({"split": 1, "cases": CASES_OF_SPLIT}),
        "is a '>='",
        mended_split(CASES_OF_SPLIT),
    ),
    certificate(
        "a split past the end", certified({"split": 7, "cases": []}), "there is no fact", mended_split(CASES_OF_SPLIT)
    ),
]
CUTS = [
    certificate("a cut with one case", mended_cut(CASES_OF_CUT[:1]), "2 cases need", mended_cut(CASES_OF_CUT)),
    certificate("a cut with its cases swapped", mended_cut(CASES_OF_CUT[::-1]), "adds up", mended_cut(CASES_OF_CUT)),
    certificate("a cut on no formula", mended_cut(CASES_OF_CUT, ["n"]), "not a formula", mended_cut(CASES_OF_CUT)),
]
REFUSALS = [*FORMULAS, *CERTIFICATES, *SPLITS, *CUTS]
