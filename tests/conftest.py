"""Hypothesis profiles, and the devices that a test runs on."""

from __future__ import annotations

import os

import pytest
from hypothesis import settings

settings.register_profile("ci", derandomize=True, max_examples=100, deadline=None, print_blob=True)
settings.register_profile("thorough", max_examples=2000, deadline=None, print_blob=True)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "ci"))


@pytest.fixture(scope="session", autouse=True)
def _own_cache(tmp_path_factory):
    """What the command line proves in the tests is kept with them."""
    os.environ["CONVMATH_CACHE"] = str(tmp_path_factory.mktemp("cache"))


@pytest.fixture(scope="session", params=["cpu", "cuda"])
def device(request):
    """Each torch device in turn; session-wide, so that Hypothesis may run many examples on one."""
    import torch

    if request.param == "cuda" and not torch.cuda.is_available():
        pytest.skip("no CUDA device: torch.cuda.is_available() is False")
    return torch.device(request.param)
