"""The catalogue's entries with their numbers of axes, as parameters."""

from __future__ import annotations

from convmath import catalog

CASES = [(entry.id, ndim) for entry in catalog.entries() for ndim in entry.ndims or (None,)]


def pytest_generate_tests(metafunc):
    if "case" in metafunc.fixturenames:
        metafunc.parametrize("case", CASES, ids=[f"{name}-{ndim}" if ndim else name for name, ndim in CASES])
