"""Each wrong kernel of the zoo is caught within 200 examples from each of five seeds; each correct twin passes them."""

from __future__ import annotations

from collections import Counter

import pytest

from convmath.oracle import check

from .score import EXAMPLES, SEEDS, caught, twin_passes
from .zoo import TWINS, ZOO
from .zoo.specimen import Specimen

KINDS = ("conv", "conv_transpose", "grad_input", "grad_weight", "grad_bias", "max_pool", "avg_pool")


def by_name(specimen: Specimen) -> str:
    return f"{specimen.kind}-{specimen.name}"


@pytest.mark.parametrize("specimen", ZOO, ids=by_name)
def test_a_wrong_kernel_is_caught_from_every_seed(specimen):
    assert [seed for seed in SEEDS if not caught(specimen, seed)] == [], specimen.mistake


SETTINGS = {(s.kind, s.ndim, str(sorted(s.judged.items(), key=str))): s for s in ZOO}


@pytest.mark.parametrize("specimen", SETTINGS.values(), ids=lambda s: f"{s.kind}-{s.ndim}d-as-{s.name}")
def test_the_correct_twin_passes_from_every_seed(specimen):
    assert [seed for seed in SEEDS if not twin_passes(specimen, seed)] == []


def test_a_kernel_that_is_never_wrong_is_not_caught():
    right = Specimen(TWINS["conv"], 2, "")
    assert not caught(right, 0)
    assert twin_passes(right, 0)


def test_a_mistake_beyond_the_reach_of_small_cases_is_not_caught():
    class LongAxis(TWINS["conv"]):
        """Inputs of more than 2**17 elements are misread."""

        def padded(self, x, padding):
            return super().padded(x * (x.size <= 2**17), padding)

    assert not caught(Specimen(LongAxis, 2, ""), 0)


def test_the_zoo_has_enough_of_every_kind():
    counts = Counter(specimen.kind for specimen in ZOO)
    assert len(ZOO) >= 60
    assert set(counts) == set(TWINS)
    assert all(counts[kind] >= 5 for kind in KINDS), counts
    assert {specimen.ndim for specimen in ZOO} == {1, 2, 3}
    assert sum(bool(specimen.upstream) for specimen in ZOO) > len(ZOO) / 2


def test_every_specimen_is_its_twin_with_something_changed():
    names = Counter(by_name(specimen) for specimen in ZOO)
    assert [name for name, count in names.items() if count > 1] == []
    for specimen in ZOO:
        assert issubclass(specimen.make, specimen.twin)
        assert specimen.make is not specimen.twin
        assert specimen.mistake.endswith(".")
        assert not specimen.upstream or specimen.upstream.startswith("https://github.com/"), specimen.name


def test_a_usual_check_gives_the_same_verdict_as_the_short_one():
    for specimen in (ZOO[0], ZOO[len(ZOO) // 2], ZOO[-1]):
        report = check(specimen.make(), specimen.kind, specimen.ndim, examples=EXAMPLES, seed=0, **specimen.judged)
        assert not report.ok, specimen.mistake
        assert report.minimal is not None
