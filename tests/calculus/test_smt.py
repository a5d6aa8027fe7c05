"""Integer facts as SMT-LIB 2 files, and the answers of Z3 and cvc5 to them."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap

import pytest

from convmath.calculus.smt import script, smtlib, write_smtlib
from convmath.calculus.solvers import SOLVERS, Solver
from convmath.errors import ProofError, UnsupportedError

ONE = ["<=", 1, "s"]
FLOOR = ["div", "n", "s"]
WINDOW = ["+", "n", "p", ["*", -1, "d", ["+", "k", -1]], -1]
CONV = [["<=", 1, "k"], ["<=", 1, "d"], ONE, ["<=", 0, "p"], ["<=", ["*", "d", ["+", "k", -1]], ["+", "n", "p", -1]]]
TRUE = {
    "windows": (CONV, ["<=>", ["<=", ["*", "s", "o"], WINDOW], ["<", "o", ["+", ["div", WINDOW, "s"], 1]]]),
    "ceiling": ([ONE], ["==", ["ceil", "n", "s"], ["+", ["div", ["+", "n", -1], "s"], 1]]),
    "negative floor": ([ONE], ["==", ["div", ["*", -1, "n"], "s"], ["*", -1, ["ceil", "n", "s"]]]),
    "remainder": ([ONE], ["and", ["<=", 0, ["mod", "n", "s"]], ["<", ["mod", "n", "s"], "s"]]),
    "quotient and remainder": ([ONE], ["==", ["+", ["*", "s", FLOOR], ["mod", "n", "s"]], "n"]),
    "least": ([], ["or", ["==", ["min", "a", "b"], "a"], ["==", ["min", "a", "b"], "b"]]),
    "largest": ([], ["<=", "a", ["max", "a", "b"]]),
    "an arbitrary quotient is still one number": ([["==", "a", "b"]], ["==", ["div", "a", 0], ["div", "b", 0]]),
    "equal indices": ([["==", "i", "j"]], ["==", ["at", "s", "i"], ["at", "s", "j"]]),
    "a positive divisor that is not written as one": ([["==", "a", 3]], ["==", ["mod", ["*", 5, "a"], "a"], 0]),
    "nothing": ([["or"]], ["<", 0, 0]),
}
FALSE = {
    "ceiling is floor": ([ONE], ["==", ["ceil", "n", "s"], FLOOR]),
    "truncation": ([ONE], ["==", FLOOR, ["*", -1, ["div", ["*", -1, "n"], "s"]]]),
    "one out of a floor": ([ONE], ["==", ["div", ["+", "n", 1], "s"], ["+", FLOOR, 1]]),
    "extent d*k": (CONV, ["==", ["div", ["+", "n", "p", ["*", -1, "d", "k"]], "s"], ["div", WINDOW, "s"]]),
    "dilation forgotten": (CONV, ["==", ["div", WINDOW, "s"], ["div", ["+", "n", "p", ["*", -1, "k"]], "s"]]),
    "remainder by any divisor": ([], ["<=", 0, ["mod", "n", "s"]]),
    "quotient by zero": ([], ["==", ["div", "n", 0], 0]),
    "ceiling by a negative divisor": ([["<=", "s", -1]], ["==", ["ceil", "n", "s"], ["*", -1, ["div", "n", "s"]]]),
    "different indices": ([], ["==", ["at", "s", "i"], ["at", "s", "j"]]),
    "sequences with other numbers of indices": ([], ["==", ["at", "s", 0], ["at", "s", 0, 0]]),
    "least is largest": ([], ["==", ["min", "a", "b"], ["max", "a", "b"]]),
    "nothing at all": ([["and"]], ["or"]),
}


@pytest.fixture(scope="module", params=sorted(SOLVERS))
def solver(request):
    return Solver(request.param)


@pytest.mark.parametrize("name", TRUE)
def test_a_true_fact_is_proved(solver, name):
    assert solver.ask(script(*TRUE[name])).verdict == "proved"


@pytest.mark.parametrize("name", FALSE)
def test_a_false_fact_is_refuted(solver, name):
    assert solver.ask(script(*FALSE[name])).verdict == "refuted"


@pytest.mark.parametrize("op", ["div", "mod", "ceil"])
def test_a_rounding_means_the_same_as_in_python(solver, op):
    for a in range(-5, 6):
        for b in (1, 2, 3):
            value = {"div": a // b, "mod": a % b, "ceil": -(-a // b)}[op]
            assert solver.ask(script([], ["==", [op, a, b], value])).verdict == "proved"
            assert solver.ask(script([], ["==", [op, a, b], value + 1])).verdict == "refuted"


def test_names_that_are_words_of_the_language_or_not_ascii_are_told_apart(solver):
    names = ["div", "let", "assert", "λ", "v_n", "n", "Int"]
    distinct = ["and", *(["!=", a, b] for i, a in enumerate(names) for b in names[:i])]
    assert solver.ask(script([distinct], ["<", 0, 0])).verdict == "refuted"
    assert solver.ask(script([["==", "λ", "u3bb"]], ["==", "u3bb", "λ"])).verdict == "proved"


def test_what_takes_too_long_is_unknown(solver):
    cubes = ["+", ["*", "x", "x", "x"], ["*", "y", "y", "y"], ["*", "z", "z", "z"]]
    answer = solver.ask(script([], ["!=", cubes, 114]), seconds=0.3)
    assert answer.verdict == "unknown"
    assert answer.seconds < 5


def test_a_file_that_cannot_be_read_is_unknown(solver):
    assert solver.ask("(assert (<= v_n").verdict == "unknown"
    assert (
        solver.ask("(set-logic QF_LIA)\n(declare-const v_n Real)\n(assert (nonsense v_n))\n(check-sat)").verdict
        == "unknown"
    )


def test_a_solver_that_dies_is_unknown_and_starts_again(solver):
    assert solver.ask(script(*TRUE["ceiling"])).verdict == "proved"
    os.kill(solver._process._program.pid, signal.SIGKILL)
    assert solver.ask(script(*TRUE["ceiling"])).verdict == "unknown"
    assert solver.ask(script(*TRUE["ceiling"])).verdict == "proved"


def test_the_model_of_z3_refutes_the_fact():
    model = Solver("z3").model(script([["<=", 7, ["at", "s", 3]]], ["<", ["at", "s", 3], "n"]))
    values = {tuple(arguments): value for arguments, value in model["functions"]["s_s_1"] if arguments}
    other = model["functions"]["s_s_1"][-1][1]
    assert values.get((3,), other) >= max(7, model["constants"].get("v_n", 0))
    assert Solver("z3").model(script(*TRUE["ceiling"])) is None


@pytest.mark.parametrize("missing", sorted(SOLVERS))
def test_a_solver_that_is_not_installed_is_named_with_the_way_to_install_it(missing):
    program = f"""
        import sys
        sys.modules[{missing!r}] = None
        from convmath.calculus.recheck import Recheck
        from convmath.errors import UnsupportedError
        try:
            Recheck()
        except UnsupportedError as error:
            print(error)
    """
    done = subprocess.run([sys.executable, "-c", textwrap.dedent(program)], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == f"{missing} is not installed: pip install 'convmath[recheck]'"


def test_an_unknown_solver_is_not_installed():
    with pytest.raises(UnsupportedError):
        Solver("no_such_solver")


# Files


def fact(hypotheses, goal):
    return {"rule": "fact", "hypotheses": hypotheses, "conclusion": {"forall": [], "if": [], "then": goal}}


def test_the_facts_of_a_trace_are_written_as_files_that_both_solvers_read(tmp_path):
    trace = [fact(*TRUE["windows"]), {"rule": "ring"}, fact(*FALSE["truncation"])]
    paths = write_smtlib(trace, tmp_path / "queries")
    assert [path.name for path in paths] == ["0000.smt2", "0002.smt2"]
    assert paths[0].read_text() == smtlib(trace[0])
    import cvc5
    import z3

    for path, expected in zip(paths, ("unsat", "sat"), strict=True):
        reader = z3.Solver()
        reader.from_file(str(path))
        assert str(reader.check()) == expected
        other = cvc5.Solver()
        parser = cvc5.InputParser(other)
        parser.setFileInput(cvc5.InputLanguage.SMT_LIB_2_6, str(path))
        replies = []
        while not (command := parser.nextCommand()).isNull():
            replies.append(str(command.invoke(other, parser.getSymbolManager())))
        assert "".join(replies).strip() == expected


def test_a_divisor_is_taken_for_positive_only_when_a_hypothesis_says_so():
    assert "undefined_div" not in script([ONE], ["==", FLOOR, 0])
    assert "undefined_div" not in script([["<", 3, "s"]], ["==", ["div", "n", ["*", "s", "s", 2]], 0])
    assert "undefined_div" in script([["<=", 0, "s"]], ["==", FLOOR, 0])
    assert "undefined_div" in script([["<=", 1, ["+", "s", "t"]]], ["==", FLOOR, 0])
    assert "undefined_div" in script([["or", ONE, ["<=", 1, "t"]]], ["==", FLOOR, 0])
    assert "undefined_div" in script([["not", ONE]], ["==", FLOOR, 0])


@pytest.mark.parametrize(
    "statement",
    [
        {"forall": ["n"], "if": [], "then": ["<", "n", 1]},
        ["equal", [], []],
        ["<", ["floor", "n", 2], 1],
        ["<", 1],
        ["nor", ["<", 1, 2]],
    ],
)
def test_what_is_no_plain_formula_is_refused(statement):
    with pytest.raises(ProofError):
        script([], statement)
    with pytest.raises(ProofError):
        script([statement], ["<", 0, 1])
