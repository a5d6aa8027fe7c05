"""The doctests of the proofs, which pytest would import as ``proofs`` and not as ``convmath.proofs``."""

from __future__ import annotations

import doctest
import importlib
import pkgutil
import types

import pytest

import convmath.proofs

MODULES = [module.name for module in pkgutil.walk_packages(convmath.proofs.__path__, "convmath.proofs.")]


@pytest.mark.parametrize("name", MODULES)
def test_doctests_hold(name):
    assert doctest.testmod(importlib.import_module(name)).failed == 0


def test_a_wrong_doctest_is_caught():
    wrong = types.ModuleType("wrong", ">>> 1 + 1\n3\n")
    assert doctest.testmod(wrong).failed == 1
