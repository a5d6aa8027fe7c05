"""The how-to: each of its examples runs as it stands, and is broken by one usual mistake."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs/test-your-kernel.md").read_text(encoding="utf-8")
NUMPY, TORCH, TRITON = (code for code in re.findall(r"^```python\n(.*?)^```", PAGE, flags=re.DOTALL | re.MULTILINE))

EXAMPLES = {
    "numpy": (NUMPY, 3, "test_conv2d"),
    "torch": (TORCH, 2, "test_backward"),
    "triton": (TRITON, 1, "test_conv2d"),
}
MISTAKES = {
    "numpy": (":: dilation[1]]", "::1]"),
    "torch": ("(dy @ columns.mT).sum(0)", "(dy @ columns.mT)[0]"),
    "triton": ("top + k // kw * dh", "top + k // kw"),
}


def needed(framework):
    if find_spec(framework) is None:
        pytest.skip(f"{framework} is not installed")


def ran(folder, *options, **examples):
    """A run of pytest over examples alone, on a few cases; each is a module of its own, ``test_NAME.py``."""
    for name, code in examples.items():
        (folder / f"test_{name}.py").write_text(code, encoding="utf-8")
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "--convmath-examples=25", *options]
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)


def failed(run):
    """The modules of which a test has failed, out of those of a run."""
    return set(re.findall(r"^FAILED test_(\w+)\.py::", run.stdout, re.MULTILINE))


@pytest.mark.parametrize("framework", EXAMPLES)
def test_an_example_passes_as_it_stands_and_with_a_mistake_names_a_case_that_fails_alone(framework, tmp_path):
    needed(framework)
    (code, tests, test), (right, wrong) = EXAMPLES[framework], MISTAKES[framework]
    assert code.count(right) == 1
    both = {"right": code, "wrong": code.replace(right, wrong)}
    run = ran(tmp_path, "-v", **both)
    assert failed(run) == {"wrong"}, run.stdout
    assert len(re.findall(r"^test_right\.py::\S+ PASSED", run.stdout, re.MULTILINE)) == tests, run.stdout
    case = re.search(rf"to run it alone: pytest test_wrong.py::{test}\S* --convmath-case '(.*)'", run.stdout)[1]
    assert f"convmath case: {case}" in run.stdout
    alone = ran(tmp_path, "--convmath-case", case, **both)
    assert (alone.returncode, failed(alone)) == (1, {"wrong"}), alone.stdout
    assert re.search(r"^test_right\.py [.s]*\.[.s]* ", alone.stdout, re.MULTILINE), alone.stdout


def lint(code):
    """What ruff says about an example, and whether it is formatted, by the rules of this project."""
    options = ("--config", ROOT / "pyproject.toml", "--stdin-filename", ROOT / "docs/test_example.py", "-")
    return [
        subprocess.run(
            [sys.executable, "-m", "ruff", *command, *options], input=code, capture_output=True, text=True, cwd=ROOT
        ).returncode
        for command in (["check", "--no-cache"], ["format", "--check", "--no-cache"])
    ]


@pytest.mark.parametrize("framework", EXAMPLES)
def test_an_example_is_as_well_kept_as_the_rest(framework):
    code, _, _ = EXAMPLES[framework]
    assert lint(code) == [0, 0]
    assert lint(code.replace("import annotations", "import  annotations, division")) == [1, 1]


def test_what_a_failure_prints_is_what_the_page_shows(tmp_path):
    shown = re.search(r"^```text\n(.*?)^```", PAGE, flags=re.DOTALL | re.MULTILINE)[1]
    (case,) = set(re.findall(r"convmath case: (.*)", shown))
    broken = NUMPY.replace(":: stride[0], :: stride[1]", ":: stride[1], :: stride[0]")
    run = ran(tmp_path, "--convmath-case", case, "-k", "test_conv2d and not floats", example=broken)
    printed = [line.removeprefix("E").strip() for line in run.stdout.splitlines()]
    for line in shown.replace("test_numpy_im2col.py", "test_example.py").splitlines():
        assert line in printed, run.stdout
