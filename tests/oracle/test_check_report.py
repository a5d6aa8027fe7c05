"""The report of a check: its snippet fails without this library, its files are valid, its text fits a terminal."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
from dataclasses import replace
from importlib import import_module
from io import StringIO
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
from rich.console import Console

from convmath.errors import DomainError
from convmath.oracle import check, check_case
from convmath.oracle.formats import arithmetic
from convmath.oracle.report import FeatureCount

KERNELS = Path(__file__).parent / "kernels"
FAILING = [
    ("flipped", "conv", {}),
    ("dilation_ignored", "conv", {}),
    ("narrow", "conv", {}),
    ("narrow", "conv", {"mode": "bounded"}),
    ("flipped", "conv", {"dtype": "float16", "mode": "bounded"}),
    ("flipped", "conv", {"dtype": "int64"}),
    ("not_a_number", "conv", {}),
    ("nothing", "conv", {}),
    ("raises_with_groups", "conv", {}),
    ("wider", "conv", {"dtype": "float32"}),
    ("writes_into_x", "conv", {}),
    ("hangs", "conv", {"time_limit": 0.5}),
    ("segfaults", "conv", {}),
    ("leaves", "conv", {}),
    ("output_padding_at_the_start", "conv_transpose", {}),
    ("grad_input_without_dilation", "grad_input", {}),
    ("grad_weight_of_the_first", "grad_weight", {}),
    ("grad_bias_averaged", "grad_bias", {}),
    ("floor_for_ceil", "max_pool", {}),
    ("avg_pool_counting_padding", "avg_pool", {}),
]


@pytest.fixture(scope="module", autouse=True)
def kernels_are_importable():
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(KERNELS))
        yield


def report_of(name, kind="conv", **settings):
    return check(getattr(import_module("broken_kernels"), name), kind, examples=60, **settings)


def run_without_the_library(script):
    """Run a script where neither this library nor Hypothesis nor torch can be imported."""
    blocked = "import sys; sys.modules.update(dict.fromkeys(['convmath', 'hypothesis', 'torch', 'scipy']))\n"
    environment = os.environ | {"PYTHONPATH": str(KERNELS)}
    command = [sys.executable, "-c", blocked + script]
    return subprocess.run(command, capture_output=True, text=True, check=False, env=environment, timeout=60)


@pytest.mark.parametrize(("name", "kind", "settings"), FAILING)
def test_the_snippet_fails_with_numpy_alone_and_a_right_function_mends_it(name, kind, settings):
    script = report_of(name, kind, **settings).minimal.snippet
    assert run_without_the_library(script).returncode != 0, script
    mended = script.replace(f"from broken_kernels import {name} as fn", f"from right_kernels import {kind} as fn")
    assert mended != script
    found = run_without_the_library(mended)
    assert found.returncode == 0, script + found.stderr


def test_the_snippet_of_a_function_without_a_name_leaves_a_place_for_it():
    flipped = import_module("broken_kernels").flipped
    script = check(lambda *a, **o: flipped(*a, **o), examples=30).minimal.snippet
    assert "fn = ...  # the function under test\n" in script
    filled = script.replace("fn = ...", "from broken_kernels import flipped as fn")
    assert "AssertionError" in run_without_the_library(filled).stderr


def test_a_large_case_has_no_snippet_and_no_arrays():
    found = check_case(import_module("broken_kernels").flipped, "conv n2 c8 o8 i64x64 k3x3 #0").minimal
    assert (found.snippet, found.expected, found.got) == ("", None, None)
    assert found.differing > 0


def test_the_command_line_names_all_that_the_verdict_depends_on():
    claim = arithmetic("float16", accumulator="float32", inputs="bfloat16", output="float64")
    report = report_of("flipped", dtype=claim, mode="bounded", supports={"groups": False, "negative_padding": True})
    words = shlex.split(report.minimal.command)
    assert words[:3] == ["convmath", "check", "broken_kernels:flipped"]
    assert words[-2:] == ["--case", report.minimal.case]
    assert words[3:-2] == [
        *("--dtype", "float16", "--accumulator", "float32", "--inputs", "bfloat16", "--result", "float64"),
        *("--mode", "bounded", "--no-groups", "--negative-padding"),
    ]


@pytest.mark.parametrize("name", ["flipped", "not_a_number", "raises_with_groups", "segfaults"])
def test_the_json_says_what_the_report_says(tmp_path, name):
    report = report_of(name)
    report.save(tmp_path / "report.json")
    text = (tmp_path / "report.json").read_text(encoding="utf-8")
    data = json.loads(text, parse_constant=lambda constant: pytest.fail(f"{constant} is no JSON"))
    assert (data["ok"], data["verdict"]) == (False, report.verdict)
    assert data["minimal"]["case"] == report.minimal.case
    assert data["features"][0] == {"name": "asymmetric_padding", **counts(report.features[0])}
    if name == "flipped":
        assert np.shape(data["minimal"]["got"]) == np.shape(report.minimal.expected)


def counts(feature):
    return {"passed": feature.passed, "failed": feature.failed}


@pytest.mark.parametrize("name", ["flipped", "raises_with_groups"])
def test_the_junit_file_is_valid_xml_with_a_test_for_each_feature(tmp_path, name):
    report = report_of(name)
    report.save(str(tmp_path / "report.xml"))
    suite = ElementTree.parse(tmp_path / "report.xml").getroot().find("testsuite")  # noqa: S314
    tests = suite.findall("testcase")
    assert [test.get("name") for test in tests[1:]] == [feature.name for feature in report.features]
    failing = [test for test in tests if test.find("failure") is not None]
    assert suite.get("tests") == str(len(tests))
    assert suite.get("failures") == str(len(failing)) == str(1 + sum(f.failed > 0 for f in report.features))
    details = tests[0].find("failure").text
    assert report.minimal.snippet.strip() in details
    assert "\x1b" not in details
    assert ("no groups\N{REPLACEMENT CHARACTER}[0m yet" in details) == (name == "raises_with_groups")


def test_a_passing_report_has_no_failure_in_its_junit_file(tmp_path):
    check(import_module("right_kernels").conv, ndim=1, supports={"groups": False}, examples=60).save(tmp_path / "r.xml")
    root = ElementTree.parse(tmp_path / "r.xml").getroot()  # noqa: S314
    assert list(root.iter("failure")) == []
    assert len(list(root.iter("testcase"))) > 5


def test_another_suffix_is_refused(tmp_path):
    with pytest.raises(DomainError, match="suffix"):
        report_of("flipped").save(tmp_path / "report.txt")


def shown(report, width=80):
    stream = StringIO()
    Console(file=stream, width=width).print(report)
    return stream.getvalue()


def test_the_report_prints_verdict_table_case_diagnosis_and_snippet():
    report = report_of("dilation_ignored")
    text = shown(report)
    parts = (report.verdict[1:], report.minimal.case, "matches if\n  the dilation is ignored\n", "expected", "got")
    assert [part for part in parts if part not in text] == []
    results = {line.split()[0]: line.split()[3:] for line in text.splitlines() if len(line.split()) > 3}
    assert results["dilation"] == ["in", "every", "failing", "case"]
    assert results["groups"] == ["fails", "in", "part"]
    assert "case" not in results["bias"]


def test_a_snippet_is_printed_so_that_it_can_be_copied():
    report = report_of("hangs", time_limit=0.2)
    assert report.minimal.snippet in shown(report)
    command = report.minimal.command.partition(" --case")
    assert f"  {command[0]} \\\n      {(command[1] + command[2]).strip()}\n" in shown(report)


def test_a_case_is_called_the_smallest_only_if_smaller_ones_were_tried():
    headings = {
        "The smallest failing case": report_of("flipped"),
        "A failing case": replace(report_of("flipped"), minimised=False),
        "The failing case": check_case(import_module("broken_kernels").flipped, "conv i5x5 k3x3 #1"),
    }
    for heading, report in headings.items():
        lines = [line.rstrip() for line in shown(report).splitlines()]
        assert [line for line in lines if re.fullmatch("(A|The).* failing case", line)] == [heading]


def test_text_from_the_function_is_not_read_as_markup():
    def markup(x, w, bias, **options):
        raise ValueError("[bold]no[/bold] [/] [red]")

    assert "[bold]no[/bold] [/] [red]" in shown(check(markup, examples=5))


def test_the_result_of_a_feature_in_words():
    results = [FeatureCount("stride", *numbers).result for numbers in ((3, 0), (0, 3), (1, 3), (0, 0))]
    assert results == ["passes", "fails", "fails in part", "not tried"]
