"""Rechecking confirms real traces, and catches forged theorems, edited traces and dropped hypotheses."""

from __future__ import annotations

import json
from copy import deepcopy
from fractions import Fraction

import pytest
import sympy

from convmath import catalog
from convmath.calculus import kernel
from convmath.calculus.index import both, eq, equivalent, implies, integers, le, lt, ne, negation, sequence, within
from convmath.calculus.recheck import Recheck, recheck
from convmath.calculus.search import find_certificate
from convmath.calculus.terms import Application, Contraction, Equation, Gradient, Statement, Value, tensor, total, value
from convmath.calculus.trace import trace
from convmath.errors import ProofError
from convmath.inert import CeilDiv, FloorDiv, Max, Min, Mod

h, i, j, k, m, n, o, s, t, v, K, N = integers("h i j k m n o s t v K N")
x, w, y, c = map(tensor, "xwyc")
J, S = sequence("J"), sequence("S")
ENTRIES = [entry.id for entry in catalog.entries()]


@pytest.fixture(scope="module")
def rechecked():
    """One recheck for the whole module, as for a catalogue; the traces that it is given are copied."""
    session = Recheck()
    return lambda steps: session.report(json.loads(json.dumps(steps)))


# Theorems made with the kernel's rules


def fact(hypotheses, goal):
    certificate = find_certificate([hypothesis.json() for hypothesis in hypotheses], goal.json())
    return kernel.fact(hypotheses, goal, certificate)


def flipped_correlation():
    """Running through the taps backwards: reindex, then a certified guard."""
    start = Contraction((k,), (*within(0, k, K), *within(0, o + k, N)), 1, (w[K - 1 - k], x[o + k]))
    turned = kernel.reindex(start, {k: K - 1 - m}, {m: K - 1 - k})
    (middle,) = turned.equation.right.terms
    old, new = within(0, K - 1 - m, K), within(0, m, K)
    same = fact([], equivalent(both(*old), both(*new)))
    kept = within(0, m, K) + tuple(atom for atom in middle.guard if atom not in old)
    return kernel.trans(turned, kernel.guard(middle, kept, same))


def stretched_output():
    """A bracket in place of an index, and the certified range of what it picks; needs s >= 1."""
    start = Contraction((o, t), (*within(0, o, N), eq(t, s * o), *within(0, t, s * N)), 1, (y[o], x[t]))
    goal = equivalent(both(*within(0, o, N), *within(0, s * o, s * N)), both(*within(0, o, N)))
    point = kernel.one_point(start, t)
    (middle,) = point.equation.right.terms
    return kernel.trans(point, kernel.guard(middle, within(0, o, N), fact([le(1, s)], goal), within(0, o, N)))


def derivative():
    """The derivative of a correlation for one entry of its input."""
    loss = Contraction((o, k), (*within(0, o, N), *within(0, k, K)), 1, (y[o], w[k], x[o + k]))
    gradient = Gradient(loss.value, x[j])
    theorem = kernel.diff(gradient)
    (term,) = theorem.equation.right.terms
    bracket = fact([], equivalent(eq(o + k, j), eq(k, j - o)))
    solved = (*within(0, o, N), *within(0, k, K), eq(k, j - o))
    theorem = kernel.trans(theorem, kernel.guard(term, solved, bracket))
    return kernel.trans(theorem, kernel.one_point(theorem.equation.right.terms[0], k))


def window_count():
    """Floor division counts the o with s*o <= n, as an index of a sum changes by a certified equation."""
    start = Contraction((i,), (*within(0, i, N), eq(i, s * FloorDiv(i, s))), 1, (x[FloorDiv(i, s)], w[i]))
    after = Contraction(start.bound, start.guard, 1, (x[FloorDiv(i, s)], w[s * FloorDiv(i, s)]))
    using = [eq(i, s * FloorDiv(i, s))]
    return kernel.index(start, after, fact([], implies(both(*using), eq(i, s * FloorDiv(i, s)))), using)


def parts():
    """A range taken apart, and its empty part dropped."""
    start = Contraction((i,), within(0, i, n), 1, (x[i],))
    theorem = kernel.split(start, lt(i, n))
    _first, second = theorem.equation.right.terms
    nothing = kernel.vanish(second, fact([], negation(both(lt(i, n), le(n, i)))), [lt(i, n), le(n, i)])
    return kernel.trans(theorem, kernel.replace(theorem.equation.right, 1, nothing))


def unfolded_layer():
    """An output in a sum replaced by its definition."""
    layer = Statement(Equation(value(y[o]), total((k,), within(0, k, K), value(w[k]) * x[o + k])), (o,))
    at = kernel.specialize(kernel.assume(layer), {o: 2 * i})
    whole = Contraction((i,), within(0, i, N), 2, (c[i], y[2 * i]))
    return kernel.sym(kernel.unfold(whole, 1, at))


LAYERS = (
    Statement(eq(J[v + 1], J[v] * S[v + 1]), (v,), (le(0, v),)),
    Statement(le(1, S[v + 1]), (v,), (le(0, v),)),
    Statement(eq(J[0], 1)),
)


def induction():
    """A product of strides is positive; the step uses two definitions."""
    product, positive, first = LAYERS
    base = kernel.cut(kernel.assume(first), fact([eq(J[0], 1)], le(1, J[0])))
    growing = fact([le(1, J[n]), le(1, S[n + 1]), eq(J[n + 1], J[n] * S[n + 1])], le(1, J[n + 1]))
    for known in (product, positive):
        growing = kernel.cut(kernel.specialize(kernel.assume(known), {v: n}), growing)
    closed = kernel.induct(base, growing, n)
    return kernel.generalize(closed, [n], [le(0, n)])


def admitted():
    """Something taken on trust, and used."""
    return kernel.cut(kernel.admit(le(0, K * K), "a leap of faith"), fact([le(0, K * K)], le(0, K * K + 1)))


def activated_layer():
    """A function of an output, for which its definition is put in, inside a sum."""
    layer = Statement(Equation(value(y[o]), total((k,), within(0, k, K), value(w[k]) * x[o + k])), (o,))
    theorem = kernel.congruence("f", kernel.specialize(kernel.assume(layer), {o: 2 * i}))
    whole = Contraction((i,), within(0, i, N), 2, (c[i], Application("f", value(y[2 * i]))))
    return kernel.unfold(whole, 1, theorem)


THEOREMS = {
    build.__name__: build()
    for build in (
        flipped_correlation,
        stretched_output,
        derivative,
        window_count,
        parts,
        unfolded_layer,
        activated_layer,
        induction,
        admitted,
    )
}
RULES = {step["rule"] for theorem in THEOREMS.values() for step in trace(theorem)}


@pytest.mark.parametrize("name", THEOREMS)
def test_a_theorem_of_the_kernel_is_confirmed(rechecked, name):
    report = rechecked(trace(THEOREMS[name]))
    assert report.ok, report.text()
    assert set(report.trust) == THEOREMS[name].trust
    for step in report.facts:
        assert [answer.verdict for answer in step.solvers.values()] == ["proved", "proved"]
    for step in report.steps:
        assert step.brute.verdict == "agrees"
        assert step.brute.cases >= 1


@pytest.mark.parametrize(
    "term", [FloorDiv(n, 2), CeilDiv(n, 2), Mod(n, 4), Min(n, 4), Max(n, 9), FloorDiv(n + 4, Min(n, 3))]
)
def test_a_rounding_of_numbers_that_the_kernel_works_out_is_confirmed(rechecked, term):
    itself = kernel.generalize(kernel.assume(le(term, m)), [n], [le(term, m)])
    theorem = kernel.specialize(itself, {n: sympy.Integer(5)})
    steps = json.loads(json.dumps(trace(theorem)))
    assert rechecked(steps).steps[-1].ok
    steps[-1]["conclusion"]["then"][1] += 1
    assert "the conclusion does not follow" in rechecked(steps).steps[-1].problem


def test_the_theorems_above_use_nearly_every_rule():
    assert {rule.__name__ for rule in kernel.RULES} - RULES == {"ring", "swap", "substitution", "integrate"}


@pytest.mark.parametrize("identifier", ENTRIES)
def test_every_entry_is_confirmed(rechecked, identifier):
    for theorem in catalog.entry(identifier).proof().theorems:
        report = rechecked(trace(theorem))
        assert report.ok, report.text()
        assert set(report.trust) <= set(catalog.entry(identifier).trust)


# Forged, edited, dropped


def steps_of(name):
    return json.loads(json.dumps(trace(THEOREMS[name])))


def test_a_forged_theorem_is_caught(rechecked):
    """A false statement in place of the conclusion."""
    for name in THEOREMS:
        forged = steps_of(name)
        forged[-1]["conclusion"] = {"forall": [], "if": [], "then": ["<", "n", "n"]}
        report = rechecked(forged)
        assert not report.ok
        assert report.steps[-1].refuted


def test_a_theorem_turned_round_is_caught(rechecked):
    forged = steps_of("induction")
    forged[-1]["conclusion"]["then"] = ["<=", *forged[-1]["conclusion"]["then"][:0:-1]]
    last = rechecked(forged).steps[-1]
    assert last.problem == "the conclusion does not follow"
    assert last.brute.verdict == "refuted"


@pytest.mark.parametrize("name", THEOREMS)
def test_a_dropped_hypothesis_is_caught(rechecked, name):
    steps = steps_of(name)
    for number, step in enumerate(steps):
        for position in range(len(step["hypotheses"])):
            forged = deepcopy(steps)
            del forged[number]["hypotheses"][position]
            report = rechecked(forged)
            assert not report.ok
            assert "hypothes" in report.steps[number].problem or "free in" in report.steps[number].problem


def numbers_in(data, path=()):
    """The paths to the numbers and names of variables in a step's conclusion."""
    if isinstance(data, dict):
        for key in data:
            yield from numbers_in(data[key], (*path, key))
    elif isinstance(data, list):
        for position, part in enumerate(data):
            yield from numbers_in(part, (*path, position))
    elif isinstance(data, int):
        yield path


@pytest.mark.parametrize("name", THEOREMS)
def test_an_edited_number_is_caught_wherever_it_stands(rechecked, name):
    steps = steps_of(name)
    for number, step in enumerate(steps):
        for *path, last in numbers_in(step["conclusion"]):
            forged = deepcopy(steps)
            place = forged[number]["conclusion"]
            for key in path:
                place = place[key]
            place[last] += 1
            report = rechecked(forged)
            assert not report.ok, f"step {number} at {path}: {report.steps[number].line()}"


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (lambda steps: steps[-1].update(rule="wishful"), "there is no rule 'wishful'"),
        (lambda steps: steps[-1].update(premises=[]), "the rule needs 2 premises, not 0"),
        (lambda steps: steps[-1].update(premises=steps[-1]["premises"][::-1]), "does not end where the second begins"),
        (lambda steps: steps[-1].update(premises=[0, len(steps) - 1]), "a premise does not come before the step"),
        (lambda steps: steps[-1].update(trust=[]), "the trust is not that of the premises"),
        (lambda steps: steps[-1].update(trust=["kernel", "me"]), "the trust is not that of the premises"),
    ],
)
def test_an_edited_trace_is_caught(rechecked, change, problem):
    steps = steps_of("stretched_output")
    change(steps)
    report = rechecked(steps)
    assert not report.ok
    assert problem in report.steps[-1].problem


def test_what_was_admitted_cannot_vanish_from_the_trust(rechecked):
    steps = steps_of("admitted")
    report = rechecked(steps)
    assert report.trust == ("a leap of faith", "kernel")
    assert [step.statement for step in report.admitted] == ["0 <= K*K"]
    assert "admitted: 0 <= K*K" in report.text()
    (number,) = (step.number for step in report.admitted)
    for step in steps:
        step["trust"] = ["kernel"]
    assert rechecked(steps).steps[number].problem == "the trust is not that of the premises"
    steps[number]["arguments"] = {"because": "kernel"}
    assert rechecked(steps).steps[number].problem == "what is admitted rests on nothing"


@pytest.mark.parametrize(
    "change",
    [
        lambda step: step.pop("rule"),
        lambda step: step.update(hypotheses=[["<", 1]]),
        lambda step: step.update(conclusion=["n"]),
        lambda step: step.update(conclusion={"forall": [], "if": [], "then": ["equal", [{}], []]}),
        lambda step: step.update(premises=["0"]),
        lambda step: step.update(premises=[True]),
        lambda step: step.update(arguments=None),
        lambda step: step.update(trust=None),
    ],
)
def test_what_is_no_trace_is_an_error(rechecked, change):
    steps = steps_of("parts")
    change(steps[0])
    with pytest.raises(ProofError):
        rechecked(steps)


@pytest.mark.parametrize("arguments", [{}, {"position": "1"}, {"over": 3}, {"terms": {"o": 1}}, {"terms": "o"}])
@pytest.mark.parametrize("name", ["parts", "unfolded_layer", "induction", "derivative"])
def test_lost_arguments_are_caught_and_break_nothing(rechecked, name, arguments):
    steps = steps_of(name)
    for step in steps:
        if set(step["arguments"]) & {"position", "over", "terms", "on"}:
            step["arguments"] = arguments
    assert not rechecked(steps).ok


def test_a_false_statement_that_was_admitted_is_refuted(rechecked):
    false = kernel.cut(kernel.admit(le(1, K), "a leap of faith"), fact([le(1, K)], le(0, K)))
    assert [step.rule for step in rechecked(trace(false)).refuted] == ["admit", "cut"]


def test_the_empty_trace_confirms_nothing(rechecked):
    assert not rechecked([]).ok


# Steps that a faulty kernel could have made: their shape fits, so evaluation has to tell


def equation_step(rule, left, right, **arguments):
    conclusion = {"forall": [], "if": [], "then": ["equal", left.json(), right.json()]}
    return {
        "rule": rule,
        "arguments": arguments,
        "premises": [],
        "hypotheses": [],
        "conclusion": conclusion,
        "trust": ["kernel"],
    }


def test_a_reindexing_that_is_no_bijection_is_refuted(rechecked):
    start = Contraction((i,), within(0, i, 4 * n), 1, (x[i],)).value
    evens = Contraction((k,), within(0, 2 * k, 4 * n), 1, (x[2 * k],)).value
    step = rechecked([equation_step("reindex", start, evens, forward={"i": ["*", 2, "k"]}, backward={"k": "i"})]).steps[
        0
    ]
    assert (step.problem, step.brute.verdict, step.ok) == ("the way back does not follow", "refuted", False)
    assert " is not " in step.brute.note


@pytest.mark.parametrize(
    ("forward", "backward", "problem"),
    [
        ({"i": ["+", "k", 1]}, {"k": ["+", "i", -1]}, ""),
        ({"i": ["+", "k", 1]}, {"k": ["+", "i", 1]}, "the way back does not follow"),
        ({"i": ["+", "k", 2]}, {"k": ["+", "i", -2]}, "the right side does not follow"),
        ({"i": ["+", "k", 1]}, {}, "the way back does not follow"),
        ({}, {"k": ["+", "i", -1]}, "the way back does not follow"),
        ({"j": ["+", "k", 1]}, {"k": ["+", "j", -1]}, "an index that is replaced is not summed over"),
        ({"i": ["+", "n", 1]}, {"n": ["+", "i", -1]}, "a new index has a name that is taken"),
        ({"i": ["+", "k", "i"]}, {"k": 0}, "an index occurs in its replacement"),
    ],
)
def test_the_maps_of_a_reindexing_are_checked(rechecked, forward, backward, problem):
    start = Contraction((i,), within(0, i, n), 1, (x[i],)).value
    moved = Contraction((k,), within(0, k + 1, n), 1, (x[k + 1],)).value
    step = rechecked([equation_step("reindex", start, moved, forward=forward, backward=backward)]).steps[0]
    assert (step.problem, step.brute.verdict, step.ok) == (problem, "agrees", not problem)


def test_a_new_index_without_bounds_is_unknown_and_no_pass(rechecked):
    start = value(Gradient(Contraction((i,), within(0, i, n), 1, (x[i],)).value, x[j]))
    doubled = Contraction((i, k), (*within(0, i, n), eq(i, j)), 1, ()).value
    report = rechecked([equation_step("diff", start, doubled)])
    (step,) = report.steps
    assert (step.problem, step.brute.verdict, step.refuted, step.ok) == ("", "unknown", False, False)
    assert "does not bound the index k" in step.brute.note
    assert report.unknown == (step,)


@pytest.mark.parametrize("wrong", ["another function", "another value", "a real term"])
def test_a_function_of_another_value_is_caught(rechecked, wrong):
    steps = steps_of("activated_layer")
    (number,) = (position for position, step in enumerate(steps) if step["rule"] == "congruence")
    (factor,) = steps[number]["conclusion"]["then"][2][0]["factors"]
    other = {"another function": ["apply", "g", factor[2]], "another value": ["apply", "f", []]}
    steps[number]["conclusion"]["then"][2][0]["factors"] = [other.get(wrong, ["apply", "f", ["real", "t"]])]
    if wrong == "a real term":
        with pytest.raises(ProofError, match="not an entry"):
            rechecked(steps)
        return
    step = rechecked(steps).steps[number]
    assert (step.problem, step.brute.verdict) == ("the conclusion does not follow", "refuted")


def test_a_derivative_that_forgets_a_factor_is_refuted(rechecked):
    square = Contraction((i,), within(0, i, n), 1, (x[i], x[i])).value
    left = value(Gradient(square, x[j]))
    once = Contraction((i,), (*within(0, i, n), eq(i, j)), 1, (x[i],)).value
    assert rechecked([equation_step("diff", left, once)]).steps[0].brute.verdict == "refuted"
    assert rechecked([equation_step("diff", left, once * 2)]).steps[0].brute.verdict == "agrees"


def applied(body):
    return value(Application("f", value(body)))


@pytest.mark.parametrize(
    ("body", "more"),
    [
        (value(x[0]), applied(0) - applied(Fraction(1, 2))),
        (value(x[0]), applied(0) - tensor("f")[0]),
        (applied(x[0]), Value(())),
    ],
)
def test_a_derivative_with_a_function_in_it_is_caught(rechecked, body, more):
    """In the models, functions are constant between integers and share their numbers with a tensor of their name."""
    step = rechecked([equation_step("diff", value(Gradient(body * c[j], x[0])), value(c[j]) + more)]).steps[0]
    assert (step.problem, step.ok) == ("a function is differentiated", False)
    assert rechecked([equation_step("diff", value(Gradient(value(x[0]) * c[j], x[0])), value(c[j]))]).ok


def test_the_bracket_without_its_parity_is_refuted(rechecked):
    """SymPy's ``Sum(g[i]*KroneckerDelta(j, 2*i), (i, 0, n - 1)).doit()`` is g[j/2] for odd j too."""
    bracket = Contraction((i,), (*within(0, i, n), eq(j, 2 * i)), 1, (x[i],)).value
    half = Contraction((), within(0, FloorDiv(j, 2), n), 1, (x[FloorDiv(j, 2)],)).value
    step = rechecked([equation_step("one_point", bracket, half, over="i")]).steps[0]
    assert step.brute.verdict == "refuted"
    assert step.problem


def test_merged_indices_are_told_apart_by_shape_and_by_evaluation(rechecked):
    """Two names that hide each other, nested twice, must not become one."""

    def nested(index):
        inner = Contraction((k,), within(0, k, 2), 1, (c[k], w[index], y[0])).value
        middle = Contraction((i,), within(0, i, 2), 1, (Gradient(inner, y[0]), x[0])).value
        return Contraction((i,), within(0, i, 2), 1, (Gradient(middle, x[0]),)).value

    step = rechecked([equation_step("ring", nested(i), nested(k))]).steps[0]
    assert (step.problem, step.brute.verdict) == ("the right side does not follow", "refuted")


def fact_step(goal, *hypotheses):
    statements = [Statement(hypothesis).json() for hypothesis in hypotheses]
    return {
        "rule": "fact",
        "arguments": {"using": [hypothesis.json() for hypothesis in hypotheses], "certificate": {}},
        "premises": [],
        "hypotheses": statements,
        "conclusion": Statement(goal).json(),
        "trust": ["kernel"],
    }


@pytest.mark.parametrize(
    ("goal", "hypotheses"),
    [
        (eq(FloorDiv(n + 1, s), FloorDiv(n, s) + 1), [le(1, s)]),
        (eq(FloorDiv(n, s), -FloorDiv(-n, s)), [le(1, s)]),
        (le(s * FloorDiv(n, s), n), []),
        (implies(eq(o * o, 4), eq(o, 2)), []),
        (le(1, J[n + 1]), [le(1, J[n])]),
        (equivalent(le(s * o, n), lt(o, FloorDiv(n, s))), [le(1, s)]),
    ],
)
def test_a_false_fact_is_refuted_by_both_solvers_and_by_brute_force(rechecked, goal, hypotheses):
    report = rechecked([fact_step(goal, *hypotheses)])
    (step,) = report.steps
    assert {name: answer.verdict for name, answer in step.solvers.items()} == {"z3": "refuted", "cvc5": "refuted"}
    assert step.brute.verdict == "refuted"
    assert not report.ok
    assert report.refuted == (step,)


def test_a_fact_that_no_solver_decides_is_no_pass():
    cubes = n**3 + m**3 + o**3
    report = recheck([fact_step(ne(cubes, 114))], seconds=0.2)
    (step,) = report.steps
    assert {answer.verdict for answer in step.solvers.values()} == {"unknown"}
    assert step.brute.verdict == "agrees"
    assert (step.refuted, step.ok, report.ok) == (False, False, False)
    assert report.unknown == (step,)


def test_a_fact_whose_hypotheses_no_small_model_meets_says_so(rechecked):
    (step,) = rechecked([fact_step(lt(n, n), lt(n, o), lt(o, n))]).steps
    assert step.brute.verdict == "unknown"
    assert step.brute.cases == 0
    assert step.brute.note == "no small model meets the hypotheses"
    assert step.ok  # both solvers prove it


def test_a_sum_step_whose_hypotheses_no_small_model_meets_is_no_pass(rechecked):
    start = Contraction((i,), within(0, i, n), 1, (x[i],)).value
    step = equation_step("ring", start, start)
    step["hypotheses"] = [Statement(lt(n, 0)).json(), Statement(lt(0, n)).json()]
    (found,) = rechecked([step]).steps
    assert found.brute.verdict == "unknown"
    assert not found.ok


def test_hypotheses_that_are_hardly_ever_met_are_met(rechecked):
    """The equation is false, and only where all of these hold at once."""
    start = Contraction((), (), 1, (x[n],)).value
    shifted = Contraction((), (), 1, (x[n + 1],)).value
    step = equation_step("ring", start, shifted)
    rare = [le(2, s), lt(s * o, n), le(n, s * o + 1), eq(FloorDiv(n, s), o), eq(n, 4 + m), eq(m, 1)]
    step["hypotheses"] = [Statement(hypothesis).json() for hypothesis in rare]
    assert rechecked([step]).steps[0].brute.verdict == "refuted"


# Reports


def test_a_report_is_plain_data_and_readable():
    report = recheck(trace(THEOREMS["stretched_output"]))
    data = json.loads(json.dumps(report.json()))
    assert data["ok"] is True
    assert data["trust"] == ["kernel"]
    assert [step["rule"] for step in data["steps"]] == [step.rule for step in report.steps]
    (row,) = (step for step in data["steps"] if step["rule"] == "fact")
    assert row["solvers"]["z3"]["verdict"] == row["solvers"]["cvc5"]["verdict"] == "proved"
    assert row["brute"]["verdict"] == "agrees"
    assert report.text() == "confirmed: 4 steps, 1 facts, rests on kernel"


def test_a_report_names_what_failed(rechecked):
    report = rechecked([fact_step(le(s * FloorDiv(n, s), n))])
    first, second = report.text().splitlines()
    assert first == "NOT CONFIRMED: 1 steps, 1 facts, rests on kernel"
    assert "failed: 0 fact: z3 refuted, cvc5 refuted, brute force refuted" in second
    assert "False is not True at n = " in second


def test_repeated_facts_are_asked_once(rechecked):
    step = fact_step(le(s * FloorDiv(n, s), n), le(1, s))
    first, second = rechecked([step, step]).steps
    assert first.solvers is second.solvers
    assert first.brute is second.brute


def test_values_that_are_zero_are_told_from_telling_ones(rechecked):
    empty = Contraction((i,), (*within(0, i, n), lt(i, 0)), 1, (x[i],)).value
    assert rechecked([equation_step("ring", empty, empty)]).steps[0].brute.telling == 0
    start = Contraction((i,), within(0, i, n), 1, (x[i],)).value
    assert rechecked([equation_step("ring", start, start)]).steps[0].brute.telling >= 6
    assert rechecked([equation_step("ring", Value(()), Value(()))]).steps[0].brute.verdict == "agrees"
