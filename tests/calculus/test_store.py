"""The store of certificates: found by fact, whatever the names; refused with a reason when there is none."""

from __future__ import annotations

import pytest

from convmath.calculus.derive import prove
from convmath.calculus.index import eq, integers, le
from convmath.calculus.store import Store, certificates
from convmath.errors import ProofError
from convmath.inert import CeilDiv, FloorDiv

n, s, m, t = integers("n s m t")


def test_a_certificate_serves_a_fact_in_other_names():
    store = Store("a", {}, search=True)
    first = store.certificate([le(1, s)], le(s * FloorDiv(n, s), n), [])
    store.search = False
    assert store.certificate([le(1, t)], le(t * FloorDiv(m, t), m), []) == first
    assert len(store.used) == 1


def test_another_fact_is_not_served():
    store = Store("a", {}, search=True)
    store.certificate([le(1, s)], le(s * FloorDiv(n, s), n), [])
    store.search = False
    with pytest.raises(ProofError, match="there is no certificate"):
        store.certificate([le(1, s)], le(s * FloorDiv(n, s), n + 1), [])


def test_a_false_fact_is_answered_with_its_counterexample(tmp_path):
    with certificates("a", search=True, folder=tmp_path), pytest.raises(ProofError, match=r"is false: n = 1, s = 2"):
        prove(eq(FloorDiv(n, s), CeilDiv(n, s)), [le(1, s)])


def test_a_counterexample_that_only_z3_finds_is_given_too(tmp_path):
    far = 10**6
    with certificates("a", search=True, folder=tmp_path), pytest.raises(ProofError, match=rf"is false: n = {far}"):
        prove(le(n, far - 1), [le(n, far)])


def test_a_true_fact_without_certificate_says_that_none_was_found(tmp_path):
    with certificates("a", search=True, folder=tmp_path), pytest.raises(ProofError, match="no certificate found"):
        prove(le(0, n**4 - n**3 - n + 1))
