"""Every side condition in the trusted modules refuses a bad input whose nearest neighbour is accepted."""

from __future__ import annotations

from collections import Counter

import pytest

from convmath.errors import ProofError

from .refusals import REFUSALS
from .refusals.case import Refusal, refused
from .refusals.coverage import all_sites, covered, sites


def test_every_side_condition_in_the_source_has_a_refusal():
    known = all_sites()
    reached = covered(refused(refusal for refusals in REFUSALS.values() for refusal in refusals))
    assert [site.text for site in known if site not in reached] == []
    assert len(reached) == len(known) > 0


def test_a_side_condition_without_a_refusal_is_noticed():
    body = ("_need(a, 'first')", "if b: raise ProofError('second')", "return _need(a, 'first')")
    source = "\n    ".join(("def rule(a, b):", *body))
    assert [site.text for site in sites(source, "new.py")] == [
        "rule: _need(a, 'first')",
        "rule: raise ProofError('second')",
    ]
    everything = covered(refused(refusal for refusals in REFUSALS.values() for refusal in refusals))
    for refusals in REFUSALS.values():
        own = {id(refusal) for refusal in refusals}
        rest = refused(r for others in REFUSALS.values() for r in others if id(r) not in own)
        assert covered(rest) < everything


def test_refusals_have_names_of_their_own():
    for module, refusals in REFUSALS.items():
        doubles = [name for name, count in Counter(refusal.name for refusal in refusals).items() if count > 1]
        assert not doubles, module


def test_a_refusal_notices_what_it_should():
    def refuse() -> None:
        raise ProofError("no")

    def crash() -> None:
        raise ValueError("no")

    assert str(Refusal("sound", refuse, int, "no").check()) == "no"
    for bad, good, says, complaint in (
        (int, int, "no", "accepted"),
        (refuse, int, "yes", "another reason"),
        (crash, int, "no", "ValueError instead of ProofError"),
        (refuse, refuse, "no", "good neighbour is refused"),
    ):
        with pytest.raises(RuntimeError, match=complaint):
            Refusal("broken", bad, good, says).check()
