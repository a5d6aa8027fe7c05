"""Proving from certificates: what is missing, wrong, stale or false is reported, however it is run."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import textwrap
import time
from dataclasses import replace
from pathlib import Path

import pytest

from convmath import catalog, proving
from convmath.calculus import store
from convmath.calculus.solvers import Solver
from convmath.calculus.trace import trace
from convmath.errors import DomainError, UnsupportedError
from convmath.proving import Outcome, Request, orphans, prove, prove_entry, writable_folder

ROOT = Path(__file__).parents[1]
CHEAP = ["size.valid", "size.conv", "grad.input"]


@pytest.fixture
def folder(tmp_path):
    """A copy of the committed certificates that a test may spoil."""
    return Path(shutil.copytree(store.committed(), tmp_path / "certificates"))


def problems(folder, identifier):
    (outcome,) = prove([identifier], Request(folder=folder))
    assert outcome.ok == (not outcome.problems)
    return outcome.problems


def edit(folder, identifier, change):
    """Apply a change to the certificates of an entry."""
    path = store.file_of(identifier, folder)
    known = json.loads(path.read_text())
    change(known)
    path.write_text(json.dumps(known))


def without_times(outcomes):
    return [replace(outcome, seconds=0) for outcome in outcomes]


# What holds


def test_every_entry_is_proved_from_its_committed_certificates_and_rests_on_what_it_declares():
    outcomes = list(prove(request=Request(cache=Path(os.environ["CONVMATH_CACHE"])), jobs=2))
    assert [outcome.id for outcome in outcomes] == [item.id for item in catalog.entries()]
    assert [outcome for outcome in outcomes if not outcome.ok] == []
    assert [outcome.trust for outcome in outcomes] == [tuple(sorted(item.trust)) for item in catalog.entries()]
    assert {item.trust for item in catalog.entries()} == {("kernel",), ("kernel", "sympy.integrate")}
    assert orphans() == []


def test_the_outcome_does_not_depend_on_the_number_of_processes_and_keeps_the_order():
    backwards = CHEAP[::-1]
    here, there = (list(prove(backwards, jobs=jobs)) for jobs in (1, 3))
    assert [outcome.id for outcome in here] == backwards
    assert without_times(here) == without_times(there)


def test_every_certificate_of_an_entry_is_needed_by_one_of_its_numbers_of_axes(folder):
    identifier = "grad.input.rot180"
    digests = list(json.loads(store.file_of(identifier, folder).read_text()))
    assert len(catalog.entry(identifier).ndims) > 1
    assert len(digests) > 1
    for digest in digests[:: max(1, len(digests) // 4)]:
        shutil.copy(store.file_of(identifier, store.committed()), folder)
        edit(folder, identifier, lambda known, digest=digest: known.pop(digest))
        (problem,) = problems(folder, identifier)
        assert "there is no certificate for" in problem


def test_the_facts_of_an_outcome_are_the_certificates_in_the_file(folder):
    for outcome in prove(CHEAP, Request(folder=folder), jobs=1):
        assert outcome.facts == len(json.loads(store.file_of(outcome.id, folder).read_text()))


# What is wrong with certificates


def test_a_missing_file_is_named_with_the_command_that_finds_it(folder):
    store.file_of("size.conv", folder).unlink()
    (problem,) = problems(folder, "size.conv")
    assert "missing, size.conv.json" in problem
    assert "convmath prove size.conv --search" in problem
    assert problems(folder, "grad.bias") == ()


def test_a_missing_certificate_is_named_with_its_goal_and_the_line_of_the_proof(folder):
    edit(folder, "size.conv_transpose.recovers", dict.clear)
    (problem,) = problems(folder, "size.conv_transpose.recovers")
    assert "there is no certificate for" in problem
    assert "== Mod(" in problem
    assert "convmath prove size.conv_transpose.recovers --search" in problem
    assert "(size_backwards.py, line " in problem


def test_a_stale_certificate_is_named_with_its_goal(folder):
    def add(known):
        known["0" * 20] = {"goal": "1 <= an_old_goal", "certificate": {"close": [], "equations": []}}

    edit(folder, "size.conv", add)
    (problem,) = problems(folder, "size.conv")
    assert "stale" in problem
    assert "1 <= an_old_goal" in problem
    assert "convmath prove size.conv --search" in problem


def coefficient(known):
    next(iter(known.values()))["certificate"] = {"close": [[1, [0]]], "equations": []}


def negative(known):
    next(iter(known.values()))["certificate"] = {"close": [[-1, [0]]], "equations": []}


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (coefficient, "not to -1"),
        (negative, "positive number only"),
        (lambda known: next(iter(known.values())).update(certificate={}), "damaged"),
        (lambda known: next(iter(known.values())).update(certificate=[]), "damaged"),
        (lambda known: next(iter(known.values())).update(certificate={"close": [], "equations": 3}), "damaged"),
        (lambda known: next(iter(known.values())).pop("certificate"), "no file of certificates"),
        (lambda known: known.update(x=7), "no file of certificates"),
    ],
)
def test_a_spoiled_certificate_is_refused(folder, change, said):
    edit(folder, "size.valid", change)
    (problem,) = problems(folder, "size.valid")
    assert said in problem


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"\xff", b"[" * 100_000, b"null"])
def test_a_file_that_is_no_json_object_is_refused(folder, content):
    store.file_of("size.valid", folder).write_bytes(content)
    (problem,) = problems(folder, "size.valid")
    assert "size.valid.json" in problem


def test_a_file_of_no_entry_is_an_orphan_and_another_file_is_not(folder):
    shutil.copy(store.file_of("size.valid", folder), folder / "size.invented.json")
    (folder / "notes.json").write_text('["mine"]')
    assert orphans(folder) == [folder / "size.invented.json"]


# Searching


def test_a_search_writes_what_the_proof_then_checks_and_writes_the_same_again(tmp_path):
    names = ["size.valid", "interval.count", "size.conv", "convolution.commutes"]
    texts = []
    for jobs in (1, 2):
        target = tmp_path / str(jobs)
        target.mkdir()
        assert all(outcome.ok for outcome in prove(names, Request(search=True, folder=target), jobs=jobs))
        assert all(outcome.ok for outcome in prove(names, Request(folder=target), jobs=2))
        texts.append({path.name: path.read_bytes() for path in target.iterdir()})
    assert texts[0] == texts[1]
    assert sorted(texts[0]) == sorted(f"{name}.json" for name in names)


def test_a_search_replaces_certificates_that_are_wrong_or_stale(folder):
    edit(folder, "size.valid", coefficient)
    edit(folder, "size.valid", lambda known: known.update({"0": {"goal": "old", "certificate": {}}}))
    assert problems(folder, "size.valid") != ()
    (found,) = prove(["size.valid"], Request(search=True, folder=folder))
    assert found.ok
    assert problems(folder, "size.valid") == ()


def test_nothing_is_written_into_an_installed_copy_or_a_folder_that_is_not_there(tmp_path, monkeypatch):
    installed = tmp_path / "convmath/proofs/certificates"
    installed.mkdir(parents=True)
    monkeypatch.setattr(store, "committed", lambda: installed)
    with pytest.raises(UnsupportedError, match="installed copy"):
        prove(["size.valid"], Request(search=True))
    assert writable_folder(installed) == installed
    with pytest.raises(UnsupportedError, match="no folder"):
        writable_folder(tmp_path / "nowhere")


def test_an_unknown_id_is_refused_before_anything_is_proved():
    with pytest.raises(DomainError, match=r"size\.conv"):
        prove(["size.valid", "size.cnov"])


# Rechecking


@pytest.mark.parametrize("missing", ["z3", "cvc5"])
def test_a_recheck_without_a_solver_is_refused_before_anything_is_proved(missing):
    program = f"""
        import sys
        sys.modules[{missing!r}] = None
        from convmath.errors import UnsupportedError
        from convmath.proving import Request, prove
        prove(["size.valid"], Request(), jobs=1)
        try:
            prove(["size.valid"], Request(recheck=True), jobs=1)
        except UnsupportedError as error:
            print(error)
    """
    done = subprocess.run([sys.executable, "-c", textwrap.dedent(program)], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == f"{missing} is not installed: pip install 'convmath[recheck]'"


def test_a_recheck_counts_what_each_solver_and_brute_force_say():
    (outcome,) = prove(["size.conv"], Request(recheck=True))
    assert outcome.ok
    facts = sum(step["rule"] == "fact" for step in trace(*catalog.entry("size.conv").proof().theorems))
    assert outcome.answers == {
        "z3": {"proved": facts},
        "cvc5": {"proved": facts},
        "brute force": {"agrees": outcome.steps},
    }
    assert outcome.recheck_seconds > 0


def test_a_step_that_the_recheck_does_not_confirm_is_a_problem():
    steps = trace(*catalog.entry("grad.bias").proof().theorems)
    assert proving._rechecked(Outcome("grad.bias"), steps).ok
    (fact,) = (step for step in steps if step["rule"] == "fact")
    fact["conclusion"]["then"] = ["<", "n", "n"]
    edited = proving._rechecked(Outcome("grad.bias"), steps)
    assert edited.answers["z3"] == {"refuted": 1}
    assert any("does not confirm step" in problem and "z3 refuted" in problem for problem in edited.problems)


def test_the_facts_are_written_as_smtlib_files_that_a_solver_refutes_negated(tmp_path):
    (outcome,) = prove(["size.full"], Request(smtlib=tmp_path / "new"))
    z3 = Solver("z3")
    files = sorted((tmp_path / "new" / "size.full").glob("*.smt2"))
    assert len(files) >= outcome.facts > 0
    for path in files:
        assert z3.ask(path.read_text()).verdict == "proved", path
    wrong = files[0].read_text().replace("(assert (not ", "(assert (= 0 0))(assert (or true ")
    assert z3.ask(wrong).verdict == "refuted"


# Entries that other code registers, in a process of its own

REGISTER = """
    import os, sys, time
    import sympy
    from convmath.calculus.derive import prove, Part
    from convmath.calculus.index import eq, integers, le
    from convmath.calculus.kernel import admit
    from convmath.calculus.terms import Statement
    from convmath.catalog import Example, Mistake, Proof, theorem
    from convmath.cli import app

    n = integers("n")

    def proof_of(claim):
        return Proof((Part("So:", claim),), {n: "a number"}, Example({n: 1}), Mistake("", Statement(le(n, 0))))

    def register(name, claim, trust=("kernel",)):
        def build():
            '''A claim.'''
            return proof_of(claim())
        theorem(name, title="A claim", sources=(), trust=trust)(build)

    register("test.true", lambda: prove(le(n, n + 1)))
    register("test.false", lambda: prove(le(n + 1, n)))
    register("test.wrong_kind", lambda: prove(le(n, sympy.Symbol("q"))))
    register("test.broken", lambda: [][1])
    register("test.admitted", lambda: admit(le(n, 0), "hope"))
    register("test.modest", lambda: prove(le(n, n + 2)), ("kernel", "sympy.integrate"))
    register("test.crash", lambda: os._exit(3))
    register("test.slow", lambda: time.sleep(600))

    if __name__ == "__main__":
        app(sys.argv[1:])
"""


def script(tmp_path, first=""):
    path = tmp_path / "script.py"
    path.write_text(f"{first}\n{textwrap.dedent(REGISTER)}")
    (tmp_path / "found").mkdir()
    return [sys.executable, str(path), "prove", "--certificates", str(tmp_path / "found")]


def finished(command):
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)


@pytest.mark.parametrize("jobs", ["1", "2"])
def test_a_false_entry_fails_and_a_true_one_beside_it_does_not(tmp_path, jobs):
    command = [*script(tmp_path), "test.true", "--search", "--jobs", jobs]
    assert finished(command).returncode == 0
    run = finished([*command, "test.false", "test.wrong_kind", "test.broken", "test.admitted", "test.modest"])
    assert run.returncode == 1, run.stderr
    assert "1 of 6 entries proved" in run.stdout
    assert "test.false: n + 1 <= n is false: n = 0" in run.stderr
    assert "test.wrong_kind: the symbol q must be an integer" in run.stderr
    assert "test.broken: IndexError: list index out of range (script.py, line " in run.stderr
    assert "test.admitted rests on hope, which is not allowed" in run.stderr
    assert "test.modest does not rest on sympy.integrate, as it declares" in run.stderr
    assert "Traceback" not in run.stderr
    assert [path.name for path in (tmp_path / "found").iterdir()] == ["test.true.json"]


@pytest.mark.parametrize("jobs", ["1", "2"])
def test_a_search_without_scipy_is_refused_with_what_to_install(tmp_path, jobs):
    without = script(tmp_path, "import sys; sys.modules['scipy'] = None")
    run = finished([*without, "test.true", "size.valid", "--search", "--jobs", jobs])
    assert run.returncode == 2
    assert run.stderr.splitlines()[-1] == (
        "Error: searching for certificates needs SciPy: pip install 'convmath[search]'"
    )
    assert "Traceback" not in run.stderr


def test_a_process_that_dies_is_reported_for_its_entry(tmp_path):
    run = finished([*script(tmp_path), "test.crash", "test.true", "--search", "--jobs", "2"])
    assert run.returncode == 1
    assert "test.crash: its process ended early" in run.stderr
    assert "Traceback" not in run.stderr


@pytest.mark.parametrize("jobs", ["1", "2"])
def test_an_interrupt_ends_the_command_and_its_processes_at_once(tmp_path, jobs):
    command = [*script(tmp_path), "size.valid", "test.slow", "--jobs", jobs, "--search"]
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    )
    first = process.stderr.readline()
    assert "size.valid: proved" in first
    os.killpg(process.pid, signal.SIGINT)
    start = time.monotonic()
    output, errors = process.communicate(timeout=60)  # returns when every process has closed its end of the pipes
    assert time.monotonic() - start < 20
    assert process.returncode == 130, errors
    assert "Traceback" not in output + errors


def test_an_entry_alone_is_proved_in_this_process():
    assert prove_entry(catalog.entry("size.valid"), Request()).ok
