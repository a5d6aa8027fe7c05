"""The exports: loaded when first used, the same at run time and for a type checker."""

from __future__ import annotations

import os
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

import convmath

ROOT = Path(__file__).parents[1]
HEAVY = ("sympy", "numpy", "torch", "z3")


def loaded_after(statement: str) -> set[str]:
    """The heavy modules that a fresh interpreter has loaded after the statement."""
    code = f"{statement}\nimport sys\nprint(*(name for name in {HEAVY!r} if name in sys.modules))"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    return set(run.stdout.split())


@pytest.mark.parametrize(
    "statement",
    [
        "import convmath",
        "import convmath; convmath.conv_output_size((224, 7), 7, stride=2, padding='same_upper')",
        "from convmath import *; receptive_field([Window(3)]).center(0); adaptive_pool_windows(5, 3)",
    ],
)
def test_imports_and_calls_on_ints_load_nothing_heavy(statement):
    assert loaded_after(statement) == set()


def test_a_heavy_import_is_seen():
    assert loaded_after("import numpy, convmath") == {"numpy"}


@pytest.mark.parametrize("name", convmath.__all__)
def test_every_exported_name_is_the_one_of_its_module(name):
    value = getattr(convmath, name)
    assert value is getattr(import_module(value.__module__), name)
    assert name in dir(convmath)


def test_the_exports_are_exactly_the_lazy_names():
    assert convmath.__all__ == sorted(convmath._HOME)


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="module 'convmath' has no attribute 'conv_size'"):
        convmath.conv_size  # noqa: B018


@pytest.mark.parametrize("name", convmath.__all__)
def test_a_fresh_interpreter_imports_each_name_from_the_package(name):
    code = f"from convmath import {name}; print({name}.__module__)"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert run.stdout.strip() == getattr(convmath, name).__module__


def revealed(tmp_path: Path, source: str) -> str:
    """What mypy --strict says about a program that uses the package."""
    program = tmp_path / "program.py"
    program.write_text(source)
    options = ("--strict", "--follow-imports=silent", "--config-file=", f"--cache-dir={tmp_path / 'cache'}")
    command = [sys.executable, "-m", "mypy", *options, program]
    environment = os.environ | {"MYPYPATH": str(ROOT)}
    return subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, env=environment).stdout


def test_mypy_sees_every_export_with_its_type(tmp_path):
    names = "\n".join(f"print(convmath.{name})" for name in convmath.__all__)
    report = revealed(tmp_path, f"import convmath\n{names}\nreveal_type(convmath.conv_output_size(224, 7))\n")
    assert "Success: no issues found" in report, report
    assert 'Revealed type is "int"' in report, report


def test_mypy_refuses_a_name_that_is_not_exported(tmp_path):
    report = revealed(tmp_path, "import convmath\nconvmath.conv_size\n")
    assert 'Module has no attribute "conv_size"' in report, report
