"""How many proofs are looked for: as many as there are distinct claims, and none that cannot matter any more."""

from __future__ import annotations

import math

import pytest
import sympy
import torch
from torch.nn import functional as F  # noqa: N812 - torch's own habit

from convmath.calculus.index import integers
from convmath.calculus.search import find_certificate
from convmath.inert import CeilDiv, FloorDiv, Mod
from convmath.network import from_torch
from convmath.network.closed_form import inputs, laws, ways
from convmath.network.closed_form.claims import Claim
from convmath.network.closed_form.inputs import InputSizes
from convmath.network.closed_form.sets import SizeSet

n = integers("n")


class Patches(torch.nn.Module):
    """A block that is cut into patches of 2 x 2, stretched where they do not divide it, as in MobileViT."""

    def __init__(self, stride=1):
        super().__init__()
        self.conv = torch.nn.Conv2d(4, 4, stride, stride=stride)

    def forward(self, x):
        x = self.conv(x)
        size = x.shape[-1]
        whole = int(math.ceil(size / 2) * 2)
        y = F.interpolate(x, (whole, whole)) if whole != size else x
        y = y.reshape(1, 4, whole // 2, 2, whole // 2, 2).transpose(2, 3).reshape(1, 4, 4, whole * whole // 4)
        return y.reshape(1, 4, 2, whole // 2, whole // 2, 2).transpose(2, 3).reshape(1, 4, whole, whole) + x


@pytest.fixture
def searched(monkeypatch):
    """What a certificate was looked for of."""
    found = []

    def search(*fact):
        found.append(fact)
        return find_certificate(*fact)

    monkeypatch.setattr(laws, "find_certificate", search)
    return found


def searches(searched, *blocks):
    """The number of searches for the closed forms and sets of blocks, with nothing remembered."""
    for remembered in (laws.proved, laws.step):
        remembered.cache_clear()
    searched.clear()
    forms = from_torch(torch.nn.Sequential(*blocks), (4, 64, 64)).closed_forms()
    assert forms.output.label == "proved"
    assert 64 in forms.valid
    assert (64 in forms.lossless, 63 in forms.lossless) == (True, False)
    return len(searched)


def test_repeated_blocks_need_no_more_proofs_than_one_of_them(searched):
    once = searches(searched, Patches(2), Patches())
    assert once > 10
    assert searches(searched, Patches(2), *(Patches() for _ in range(3))) == once
    assert searches(searched, Patches(2), Patches(), Patches(2)) > once  # other claims


def test_after_the_first_claim_without_a_proof_none_is_looked_for(monkeypatch):
    """The set is the same; its label could not become better."""
    claims = [Claim.of("==", Mod(FloorDiv(n, 2**k), 2), sympy.Integer(0)) for k in range(4)]
    asked = []

    def unproved(*claim):
        asked.append(claim)

    found = InputSizes(SizeSet(), n).where(claims)
    assert (str(found), found.label) == ("n >= 16 with n mod 16 = 0", "proved")
    assert len(found.theorems) > 4
    monkeypatch.setattr(inputs, "first_proved", unproved)
    monkeypatch.setattr(inputs, "theorems_by_remainder", unproved)
    found = InputSizes(SizeSet(), n).where(claims)
    assert (str(found), found.label, found.theorems) == ("n >= 16 with n mod 16 = 0", "checked by sampling", ())
    assert len(asked) == 2


def test_what_is_not_equal_at_a_size_is_not_tried(searched):
    within = SizeSet.of(1, None, 32, range(1, 32))
    assert ways.equal_on(32 * FloorDiv(n, 32) + 32, 32 * CeilDiv(n, 32), within, n)
    searched.clear()
    laws.proved.cache_clear()
    assert not ways.equal_on(n, 32 * CeilDiv(n, 32), within, n)
    assert searched == []
