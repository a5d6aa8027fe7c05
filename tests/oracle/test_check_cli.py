"""``convmath check``: exit codes, files, replayed cases, and no traceback of ours."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from convmath.cli import app
from convmath.oracle.supports import CONV_KEYWORDS, POOL_KEYWORDS

KERNELS = Path(__file__).parent / "kernels"


@pytest.fixture(autouse=True)
def in_the_folder_of_the_kernels(monkeypatch):
    monkeypatch.chdir(KERNELS)
    monkeypatch.setattr(sys, "path", list(sys.path))


def ran(*arguments):
    return CliRunner().invoke(app, ["check", *map(str, arguments)])


def process(*arguments):
    command = [sys.executable, "-m", "convmath", "check", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False, env=dict(os.environ), timeout=120)


def test_a_function_that_passes_ends_with_0_and_one_that_fails_with_1():
    passing = process("right_kernels:conv", "--examples", 50)
    assert (passing.returncode, passing.stderr) == (0, "")
    assert "Passes 50 of 50 cases" in passing.stdout
    failing = process("broken_kernels:segfaults", "--examples", 20)
    assert (failing.returncode, failing.stderr) == (1, "")
    assert "ended by signal 11" in failing.stdout
    assert "Traceback" not in failing.stdout


@pytest.mark.parametrize(
    ("target", "kind", "ndim"),
    [("conv_transpose", "conv_transpose", 1), ("grad_weight", "grad_weight", 3), ("avg_pool", "avg_pool", 2)],
)
def test_kinds_and_axes(target, kind, ndim):
    result = ran(f"right_kernels:{target}", "--kind", kind, "--ndim", ndim, "--examples", 30)
    assert result.exit_code == 0, result.output
    assert f"as {kind} with {ndim}" in result.output


def test_the_command_in_a_report_replays_its_case(tmp_path):
    path = tmp_path / "report.json"
    options = ("--dtype", "float32", "--mode", "bounded", "--no-groups")
    assert ran("broken_kernels:flipped", *options, "-n", 40, "-o", path).exit_code == 1
    first = json.loads(path.read_text())
    command = shlex.split(first["minimal"]["command"])
    replayed = CliRunner().invoke(app, [*command[1:], "-o", str(path)])
    assert replayed.exit_code == 1
    again = json.loads(path.read_text())
    assert again["minimal"] == first["minimal"]
    command[2] = "right_kernels:conv"
    assert CliRunner().invoke(app, command[1:]).exit_code == 0


def test_the_command_of_a_hang_carries_its_time_limit(tmp_path):
    path = tmp_path / "report.json"
    assert ran("broken_kernels:hangs_with_stride", "--time-limit", "0.5", "-n", 30, "-o", path).exit_code == 1
    command = json.loads(path.read_text())["minimal"]["command"]
    assert "--time-limit 0.5 " in command
    assert "no answer within 0.5 s" in CliRunner().invoke(app, shlex.split(command)[1:]).output


def test_the_folder_of_a_report_is_made(tmp_path):
    path = tmp_path / "new" / "folder" / "report.json"
    assert ran("right_kernels:conv", "--case", "conv i3x3 k1x1 #0", "--kind", "conv", "-o", path).exit_code == 0
    assert json.loads(path.read_text())["ok"] is True


def test_a_switch_that_does_not_apply_is_named_as_it_is_written():
    found = ran("right_kernels:max_pool", "--kind", "max_pool", "--no-output-padding")
    assert "--no-output-padding does not apply" in found.stderr
    assert "supports" not in found.stderr


def test_a_check_leaves_no_folder_behind_and_prints_nothing_of_the_function(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine.py").write_text("def total(dy):\n    print('hello')\n    return dy.sum(axis=(0, 2, 3))\n")
    found = process("mine:total", "--kind", "grad_bias", "-n", 20)
    assert found.returncode == 0, found.stderr
    assert "hello" not in found.stdout
    assert {path.name for path in tmp_path.iterdir()} <= {"mine.py", "__pycache__"}
    assert "hello" in process("mine:total", "--case", "grad_bias i3x3 k1x1 #0").stdout


def test_progress_is_told_off_a_terminal_too(monkeypatch):
    from convmath.cli import check

    monkeypatch.setattr(check, "_SECONDS_BETWEEN_LINES", 0)
    found = ran("right_kernels:conv", "-n", 3)
    assert "checking: 3 of 3 cases\n" in found.stderr


def test_junit_is_written(tmp_path):
    assert ran("right_kernels:conv", "-n", 10, "-o", tmp_path / "report.xml").exit_code == 0
    assert (tmp_path / "report.xml").read_text().startswith("<?xml")


def test_the_seed_chooses_the_cases():
    outputs = [ran("broken_kernels:flipped", "-n", 20, "--seed", seed).stdout for seed in (1, 1, 2)]
    assert outputs[0] == outputs[1] != outputs[2]


@pytest.mark.parametrize("option", sorted({*CONV_KEYWORDS, *POOL_KEYWORDS}))
def test_every_option_has_its_switch(option):
    switch = f"--{'' if option in ('negative_padding', 'dilated_average') else 'no-'}{option.replace('_', '-')}"
    kind = "conv" if option in CONV_KEYWORDS else "avg_pool"
    result = ran(f"right_kernels:{kind}", "--kind", kind, "-n", 5, switch)
    if option == "dilated_average":
        assert "unexpected keyword argument 'dilation'" in result.stderr
    else:
        assert result.exit_code in (0, 1), result.output
        assert "cases" in result.output


@pytest.mark.parametrize(
    "arguments",
    [
        ["right_kernels"],
        ["right_kernels:no_such_function"],
        ["no_such_module:f"],
        ["right_kernels:conv", "--kind", "convolution"],
        ["right_kernels:conv", "--ndim", "4"],
        ["right_kernels:conv", "--dtype", "float8"],
        ["right_kernels:conv", "--examples", "0"],
        ["right_kernels:conv", "--case", "conv i3"],
        ["right_kernels:conv", "--case", "conv i3 k5 #0"],
        ["right_kernels:conv", "--no-ceil-mode"],
        ["right_kernels:conv", "--time-limit", "0"],
        ["right_kernels:conv", "-o", "report.pdf"],
        ["right_kernels:max_pool", "--kind", "max_pool", "--no-groups"],
        ["right_kernels:conv", "--case", "conv i3x3 k1x1 #0", "--kind", "max_pool"],
        ["right_kernels:conv", "--case", "conv i3x3 k1x1 #0", "--ndim", "1"],
        ["broken_kernels:plain"],
    ],
)
def test_a_wrong_request_ends_with_2_and_a_sentence(arguments):
    result = ran(*arguments)
    assert result.exit_code == 2, result.output
    assert "Traceback" not in result.stderr
    assert result.stderr.strip()


def test_only_the_module_that_is_named_is_imported(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine.py").write_text("import numpy as np\ndef total(dy):\n    return dy.sum(axis=(0, 2, 3))\n")
    (tmp_path / "other.py").write_text("raise SystemExit('imported')")
    found = process("mine:total", "--kind", "grad_bias", "-n", 20)
    assert (found.returncode, found.stderr) == (0, ""), found.stdout


def test_help_says_what_is_imported_and_how_the_function_is_called():
    text = ran("--help").output
    assert "MODULE is imported, with the current folder in the path, and nothing else" in text
    assert "fn(x, w, bias, *, stride, padding, dilation, groups)" in text
