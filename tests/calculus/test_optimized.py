"""Without assertions (``python -O``) the trusted modules refuse what they refuse with them."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from pathlib import Path

from .refusals import REFUSALS
from .refusals.coverage import TRUSTED, all_sites

ROOT = Path(__file__).parents[2]


def optimized(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-O", *arguments], cwd=ROOT, capture_output=True, text=True, check=False)


def test_every_refusal_holds_without_assertions():
    run = optimized("-m", "tests.calculus.refusals")
    assert run.stdout, run.stderr
    report = json.loads(run.stdout)
    assert report["wrong"] == []
    assert report["optimized"]
    assert report["refused"] == sum(map(len, REFUSALS.values()))
    assert report["conditions"] == len(all_sites())
    assert run.returncode == 0


def test_a_check_that_is_an_assertion_would_vanish():
    assert optimized("-c", "assert False").returncode == 0
    assert optimized("-c", "raise SystemExit(3)").returncode == 3


def test_no_trusted_module_asserts():
    for module in TRUSTED:
        nodes = list(ast.walk(ast.parse(Path(module.__file__).read_text())))
        assert not [node.lineno for node in nodes if isinstance(node, ast.Assert)], module.__name__
