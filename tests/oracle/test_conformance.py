"""Frameworks on the same cases: the known divergences are there, no other is, and a report tells so."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import textwrap
from dataclasses import replace
from importlib.metadata import version
from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console
from typer.testing import CliRunner

from convmath.cli import app
from convmath.errors import DomainError, UnsupportedError
from convmath.oracle import backends, parse_case
from convmath.oracle.backends import backend
from convmath.oracle.backends.divergences import DECISIONS, contradiction, divergences, parse
from convmath.oracle.conformance import KINDS, conformance
from convmath.oracle.drawing import drawn_cases, smallest_case
from convmath.oracle.report import Verdict

ROOT = Path(__file__).parents[2]
PINS = dict(re.findall(r"^([\w-]+)==(\S+)$", (ROOT / "constraints.txt").read_text(encoding="utf-8"), re.MULTILINE))

# Cases for each kind and number of axes, and their size: JAX and tinygrad compile a program for each.
EFFORT = {
    "torch": (30, 2_000),
    "onnxruntime": (30, 2_000),
    "onnx_reference": (30, 1_000),
    "scipy": (30, 2_000),
    "jax": (8, 1_000),
    "tinygrad": (3, 100),
}
ON_DEMAND = {"torch_cuda", "tensorflow", "openvino", "tinygrad_cpu"}


@pytest.fixture
def broken(monkeypatch):
    monkeypatch.syspath_prepend(str(Path(__file__).parent / "kernels"))
    monkeypatch.setitem(backends._CLASSES, "broken", "backend_kernels:Broken")
    yield "broken"
    backends.load.cache_clear()


def alone(code):
    """Run a script that knows the broken backend in a process of its own, in which no framework prevents forks."""
    known = "from convmath.oracle import backends\nbackends._CLASSES['broken'] = 'backend_kernels:Broken'\n"
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parent / "kernels")}
    return subprocess.run(
        [sys.executable, "-c", known + textwrap.dedent(code)],
        capture_output=True,
        check=False,
        encoding="utf-8",
        env=environment,
    )


def installed_version(name):
    """The version of a backend's first package, without what the build adds; skips if it is not installed."""
    if absence := backend(name).absence():
        pytest.skip(absence)
    return next(iter(backend(name).versions().values())).partition("+")[0]


def small(names, **settings):
    return conformance(names, **{"examples": 12, "max_macs": 500, "isolated": False} | settings)


@pytest.mark.parametrize("name", EFFORT)
def test_no_divergence_is_new(name):
    installed_version(name)
    examples, max_macs = EFFORT[name]
    report = conformance([name], examples=examples, max_macs=max_macs)
    assert report.ok, report.markdown()
    judged = {(cell.kind, cell.ndim) for cell in report.cells if cell.judged}
    claimed = {
        (kind, ndim) for kind, found in backend(name).operators.items() for operator in found for ndim in operator.ndims
    }
    assert judged == claimed


def test_every_backend_is_run_here_or_on_demand():
    assert set(backends.NAMES) == {*EFFORT, *ON_DEMAND}


@pytest.mark.parametrize("entry", divergences(), ids=lambda entry: entry.id)
def test_a_listed_divergence_is_there_at_the_pinned_version(entry):
    package = next(name for name in backend(entry.backend).packages if name in PINS)
    assert entry.version == PINS[package]
    if (found := installed_version(entry.backend)) != entry.version:
        pytest.skip(f"{package} {entry.version} is not installed, but {found}")
    assert contradiction(entry) == ""


def test_the_entries_are_complete_and_their_cases_are_what_they_say():
    entries = divergences()
    assert len({entry.id for entry in entries}) == len(entries)
    for entry in entries:
        case = parse_case(entry.case)
        assert entry.decision in DECISIONS
        assert all([entry.gives, entry.rule, entry.got != "", entry.id.startswith(f"{entry.backend}.")]), entry.id
        assert entry.source.startswith("https://")
        assert entry.issue == "" or entry.issue.startswith("https://github.com/"), entry.id
        exception = entry.exceptions[0] if entry.exceptions else ""
        assert any(entry.explains(entry.backend, case, verdict, exception) for verdict in entry.verdicts), entry.id


def test_an_entry_that_does_not_diverge_is_caught():
    entry = next(entry for entry in divergences() if entry.id == "onnx_reference.avg_pool.overhang")
    installed_version(entry.backend)
    changes = {
        "does not diverge": {"case": "avg_pool n1 c1 i4 k2 s2 #0"},
        "not (7,)": {"got": (7,)},
        "diverges otherwise": {"verdicts": (Verdict.CRASH,)},
        "has no divisor_override": {"case": "avg_pool i3 k3 s3 ceil div2 #0"},
    }
    for problem, change in changes.items():
        assert problem in contradiction(replace(entry, **change), isolated=False)
    assert contradiction(entry, isolated=False) == ""
    repeated = replace(entry, before=("avg_pool n1 c1 i4 k2 s2 #0",), attempts=2, got="what was in memory")
    assert contradiction(repeated, isolated=False) == ""


@pytest.mark.parametrize(
    "case",
    [
        "conv_transpose n3 c3 o1 i3 k3 p4:0 #0",
        "conv_transpose n1 c3 o1 i5 k3 p4:0 #0",
        "conv_transpose n2 c4 o1 i3x3 k3x2 p4:0x1 #0",
        "conv_transpose n2 c8 o2 g2 i3 k3 p4:0 #0",
        "grad_input n2 c4 o4 i1 k3 p4:0 #0",
    ],
)
def test_jax_reads_beyond_what_negative_low_padding_leaves(case):
    installed_version("jax")
    entry = next(entry for entry in divergences() if entry.id == "jax.conv.cropped_start")
    assert contradiction(replace(entry, case=case)) == ""


@pytest.mark.parametrize("case", ["conv_transpose n3 c3 o1 i3 k3 p2:0 #0", "conv_transpose n3 c3 o1 i3 k3 s2 p4:0 #0"])
def test_jax_is_right_next_to_that(case):
    installed_version("jax")
    entry = next(entry for entry in divergences() if entry.id == "jax.conv.cropped_start")
    assert "does not diverge" in contradiction(replace(entry, case=case))


def test_numbers_that_vary_are_not_compared_but_the_verdict_is():
    entry = next(entry for entry in divergences() if entry.id == "onnx_reference.avg_pool.overhang")
    installed_version(entry.backend)
    varied = replace(entry, got=(7,), varies=True)
    assert contradiction(varied, isolated=False) == ""
    assert "diverges otherwise" in contradiction(replace(varied, verdicts=(Verdict.CRASH,)), isolated=False)


def test_a_divergence_that_is_not_listed_is_new_and_the_smallest_case_is_searched_for():
    installed_version("onnx_reference")
    settings = {"kinds": ["conv_transpose"], "ndims": [1], "examples": 30}
    assert small(["onnx_reference"], **settings).ok
    entries = [entry for entry in divergences() if not entry.id.endswith(".groups")]
    report = small(["onnx_reference"], known=entries, **settings)
    assert not report.ok
    (cell,) = report.cells
    assert cell.state == "new divergence"
    found = [found for found in cell.found if not found.entry]
    assert found
    assert all("groups" in found.failure.features and len(found.failure.case) < 50 for found in found)


def test_a_broken_adapter_is_caught(broken):
    report = small([broken], kinds=["conv", "max_pool"], ndims=[1, 2], examples=30)
    assert not report.ok
    conv, max_pool = (next(c for c in report.cells if (c.kind, c.ndim) == (kind, 2)) for kind in ("conv", "max_pool"))
    assert dict(conv.unsupported)["conv has no groups"] > 0
    assert conv.found
    assert all("the dilation is ignored" in found.diagnosis for found in conv.found)
    (found,) = max_pool.found
    assert found.failure.reason == "ValueError: no ceil_mode"
    assert {cell.state for cell in report.cells if cell.kind == "max_pool" and cell.ndim == 1} == {"not supported"}
    right = small(["scipy"], kinds=["conv", "max_pool"], ndims=[1, 2], examples=30)
    assert right.ok
    assert right.cells[0].drawn == report.cells[0].drawn == 30


def test_a_crash_and_a_hang_are_verdicts_and_end_the_cell_before_long():
    done = alone("""
        import json
        from convmath.oracle.conformance import conformance

        options = {"kinds": ["conv_transpose", "avg_pool"], "ndims": [1], "examples": 60, "max_macs": 100}
        cells = conformance(["broken"], **options, time_limit=0.5).cells
        found = [[(f.failure.verdict, f.failure.reason) for f in cell.found] for cell in cells]
        print(json.dumps([found, cells[1].passed, cells[1].not_judged]))
    """)
    assert done.returncode == 0, done.stderr
    ((crashing, hanging), passed, not_judged) = json.loads(done.stdout)
    assert [verdict for verdict, _ in crashing] == [Verdict.CRASH]
    assert "signal" in crashing[0][1]
    assert [verdict for verdict, _ in hanging] == [Verdict.HANG]
    assert passed > 0
    assert not_judged > 0


def test_the_same_arguments_give_the_same_report_and_another_seed_other_cases():
    def report(seed):
        return small(["scipy"], kinds=["conv"], ndims=[2], seed=seed)

    assert report(3) == report(3)
    assert drawn_cases("conv", 2, examples=9, seed=3, max_macs=500) != drawn_cases(
        "conv", 2, examples=9, seed=4, max_macs=500
    )


def test_drawn_cases_differ_and_half_of_the_pooling_cases_pad_both_sides_alike():
    cases = drawn_cases("max_pool", 2, examples=60, seed=0, max_macs=1_000)
    assert len({str(case) for case in cases}) == len(cases) == 60
    uneven = ["asymmetric_padding" in case.features for case in cases]
    assert any(uneven[:30])
    assert not any(uneven[30:])


def test_the_smallest_case_is_small_and_there_may_be_none():
    def smallest(condition):
        return smallest_case("conv", 1, condition, examples=50, seed=0, max_macs=500)

    assert smallest(lambda case: case.groups > 1).macs <= 8
    assert smallest(lambda case: case.groups > 1000) is None


@pytest.fixture(scope="module")
def report():
    installed_version("onnx_reference")
    names = ["scipy", "onnx_reference"]
    kinds = ["conv_transpose", "max_pool", "grad_bias"]
    return conformance(names, kinds=kinds, ndims=[1], examples=20, max_macs=300, isolated=False)


def test_a_report_counts_every_case_of_every_backend_once(report):
    for kind, ndim, cells in report.rows:
        assert [cell.backend for cell in cells] == ["scipy", "onnx_reference"], (kind, ndim)
        for cell in cells:
            refused = sum(count for _, count in cell.unsupported)
            assert cell.passed + cell.failed + cell.not_judged + refused == cell.drawn == 20
    assert sum(count for *_, count in report.refusals) == sum(sum(dict(c.unsupported).values()) for c in report.cells)
    assert dict(report.environment)["numpy"] == version("numpy")


def test_a_report_is_saved_as_json_markdown_and_html(report, tmp_path):
    for suffix in ("json", "md", "html"):
        report.save(tmp_path / f"report.{suffix}")
    data = json.loads((tmp_path / "report.json").read_text(encoding="utf-8"))
    assert data["ok"] is True
    assert [cell["state"] for cell in data["cells"]] == [cell.state for cell in report.cells]
    markdown = (tmp_path / "report.md").read_text(encoding="utf-8")
    assert "| conv_transpose | 1 | 20/20 |" in markdown
    assert "known as `onnx_reference.conv_transpose.groups`, bug" in markdown
    (entry,) = [entry for entry in report.known if entry.id == "onnx_reference.conv_transpose.groups"]
    known = [found["known"] for cell in data["cells"] for found in cell["found"]]
    assert entry.source in {found["source"] for found in known}
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert "<td>conv_transpose</td>" in page
    assert "&#39;" in page
    for text in (markdown, page):
        assert [part for part in (entry.case, entry.source, "none is known", "1 axis") if part not in text] == []
        assert "1 axes" not in text
    assert not re.search(r'src="|<link', page)
    with pytest.raises(DomainError, match=r"suffix='\.pdf': needs one of \.html, \.json, \.md"):
        report.save(tmp_path / "report.pdf")


def test_a_report_fits_a_terminal(report):
    console = Console(width=80, record=True, file=StringIO())
    console.print(report)
    text = console.export_text()
    assert max(map(len, text.splitlines())) <= 80
    assert "20/20" in text
    assert "scipy has no operator for grad_bias" in text
    for entry in report.known:
        assert [part for part in (entry.case, entry.source, entry.rule[:40]) if part not in text] == []
    assert "with 1 axis, " in text
    assert "1 axes" not in text


def test_a_long_message_ends_with_a_whole_word(report):
    (found, *_) = [found for cell in report.cells for found in cell.found]
    long = replace(found, failure=replace(found.failure, reason="seventeen " * 100))
    assert re.fullmatch(r"[\w ]+:( seventeen)+ \.\.\.", long.summary)


@pytest.mark.parametrize(
    ("settings", "problem"),
    [
        ({"backends": []}, "at least one"),
        ({"backends": ["caffe"]}, "no backend has this name"),
        ({"kinds": ["convolution"]}, "at least one of conv"),
        ({"kinds": []}, "at least one"),
        ({"ndims": [4]}, "at least one of 1, 2, 3"),
        ({"mode": "fast"}, "exact, bounded"),
        ({"dtype": "int8", "mode": "bounded"}, "int8"),
        ({"dtype": "int8"}, "no operator of scipy takes it; they take float"),
        ({"examples": 0}, "examples >= 1"),
        ({"time_limit": 0}, "above 0"),
    ],
)
def test_a_wrong_request_is_refused(settings, problem):
    with pytest.raises((DomainError, UnsupportedError), match=re.escape(problem)):
        conformance(**{"backends": ["scipy"]} | settings)


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ('decision = "ours', "needs one of bug, convention, gap"),
        ('properties = ["grouped', "needs names out of"),
        ('verdicts = ["slow', "is no entry"),
        ('source = "https://x"\ncolour = "red', "is no entry"),
    ],
)
def test_an_entry_without_meaning_is_refused(change, problem):
    fields = {
        "id": '"x"',
        "backend": '"scipy"',
        "version": '"1"',
        "kinds": '["conv"]',
        "verdicts": '["NaN"]',
        "properties": "[]",
        "case": '"conv i1 k1 #0"',
        "got": "[0]",
        "gives": '"x"',
        "rule": '"x"',
        "source": '"https://x"',
        "decision": '"bug"',
    }
    lines = {name: f"{name} = {value}" for name, value in fields.items()}
    assert parse("[[divergence]]\n" + "\n".join(lines.values()))
    name = change.partition(" ")[0]
    closing = '"]' if "[" in change else '"'
    with pytest.raises(DomainError, match=problem):
        parse("[[divergence]]\n" + "\n".join((lines | {name: change + closing}).values()))
    with pytest.raises(DomainError, match="is no entry"):
        parse("[[divergence]]\n" + "\n".join(list(lines.values())[:-1]))


def ran(*arguments):
    return CliRunner().invoke(app, ["conformance", *map(str, arguments)])


def test_the_command_prints_saves_and_ends_with_0_or_1(tmp_path):
    options = ("--kinds", "conv,max_pool", "--ndim", "1", "-n", 10, "--max-macs", 200)
    path = tmp_path / "new" / "folder" / "report.md"
    done = ran("-b", "scipy", *options, "-o", path)
    assert done.exit_code == 0, done.output
    assert "10/10" in done.output
    assert path.read_text(encoding="utf-8").startswith("# Conformance of scipy")
    arguments = ["conformance", "-b", "scipy,broken", *map(str, options), "-n", "40"]
    done = alone(f"from convmath.cli import app\napp({arguments!r})")
    assert done.returncode == 1, done.stderr
    assert "not in the list" in done.stdout


@pytest.mark.parametrize(
    "arguments",
    [
        ["-b", "caffe"],
        ["-b", "scipy", "--kinds", "convolution"],
        ["-b", "scipy", "--ndim", "two"],
        ["-b", "scipy", "--ndim", "4"],
        ["-b", "scipy", "--dtype", "float8"],
        ["-b", "scipy", "-o", "report.pdf"],
        ["-b", "scipy", "--dtype", "int8"],
        ["-b", "scipy", "--kinds", ""],
        ["-b", ","],
    ],
)
def test_a_wrong_command_ends_with_2_and_a_sentence_in_its_own_words(arguments):
    done = ran(*arguments)
    assert done.exit_code == 2, done.output
    assert "Traceback" not in done.stderr
    option = arguments[-2].lstrip("-")
    named = {"b": "backend", "o": "output"}.get(option, option)
    assert re.match(rf"Error: {named}s?=", done.stderr), done.stderr
    assert "ndims" not in done.stderr


def test_kinds_are_those_of_check():
    from convmath.oracle.checking import KINDS as CHECKED

    assert KINDS == CHECKED
