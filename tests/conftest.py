"""Hypothesis profiles, the garbage collector, what is made once for all workers, and the devices of tests."""

from __future__ import annotations

import fcntl
import gc
import json
import os

import pytest
from hypothesis import settings

settings.register_profile("ci", derandomize=True, max_examples=100, deadline=None, print_blob=True)
settings.register_profile("thorough", max_examples=2000, deadline=None, print_blob=True)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "ci"))


def pytest_collection_finish():
    """What is imported stays: the garbage collector need not go through it again and again."""
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="session", autouse=True)
def _own_cache(shared):
    """What the command line proves in the tests is kept with them."""
    os.environ["CONVMATH_CACHE"] = str(shared / "cache")


@pytest.fixture(scope="session")
def shared(tmp_path_factory):
    """The folder of all workers."""
    own = tmp_path_factory.getbasetemp()
    return own.parent if "PYTEST_XDIST_WORKER" in os.environ else own


@pytest.fixture(scope="session")
def once(shared):
    """``once(name, make)``: what ``make()`` gives, which JSON can hold, made by the first worker that asks."""

    def made(name, make):
        kept = shared / f"{name}.json"
        with kept.with_suffix(".lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)  # let go as the file is closed
            if not kept.exists():
                kept.write_text(json.dumps(make()), encoding="utf-8")
        return json.loads(kept.read_text(encoding="utf-8"))

    return made


@pytest.fixture(scope="session")
def book(once):
    """The text of the book in a style and a language."""
    from convmath.book import book as make

    return lambda style="latex", language="en": once(
        f"book-{style}-{language}", lambda: make(style=style, language=language)
    )


@pytest.fixture(scope="session", params=["cpu", "cuda"])
def device(request):
    """Each torch device in turn; session-wide, so that Hypothesis may run many examples on one."""
    import torch

    if request.param == "cuda" and not torch.cuda.is_available():
        pytest.skip("no CUDA device: torch.cuda.is_available() is False")
    return torch.device(request.param)
