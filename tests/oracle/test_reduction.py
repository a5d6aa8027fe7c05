"""Small cases made upwards: few of the features of a failing one, each as small as it can be."""

from __future__ import annotations

import pytest

from convmath.oracle import parse_case
from convmath.oracle.reduction import reduced

CONV = "conv n2 c8 o4 g4 i10x5 k5x4 s3x1 p5:0x2:0 d1x2 b #16193"
TRANSPOSED = "conv_transpose n2 c8 o4 g4 i10x5 k5x4 s3x1 op2x0 #1"
POOL = "max_pool n2 c3 i9x9 k3x3 s2x2 p1 ceil #4"
FOUND = [
    (CONV, lambda case: True, "conv n1 c1 o1 i1x1 k1x1 #0"),
    (CONV, lambda case: case.stride[0] > 1, "conv n1 c1 o1 i1x1 k1x1 s2x1 #0"),
    (CONV, lambda case: case.stride[0] > 2 and case.groups > 1, "conv n1 c2 o2 g2 i1x1 k1x1 s3x1 #0"),
    (CONV, lambda case: case.kernel_size[1] > 3 and case.bias, "conv n1 c1 o1 i1x4 k1x4 b #0"),
    (CONV, lambda case: case.dilation[1] > 1 and case.kernel_size[1] > 1, "conv n1 c1 o1 i1x3 k1x2 d1x2 #0"),
    (TRANSPOSED, lambda case: case.output_padding[0] > 0, "conv_transpose n1 c1 o1 i1x1 k1x1 s3x1 op2x0 #0"),
    (POOL, lambda case: case.ceil_mode and case.padding[1][0] > 0, "max_pool n1 c1 i1x1 k1x2 s1x1 p0x1 ceil #0"),
    ("avg_pool i9 k3 s3 #2", lambda case: case.stride[0] > 1, "avg_pool n1 c1 i2 k2 s2 #0"),
]


@pytest.mark.parametrize(("failing", "fails", "smallest"), FOUND)
def test_what_is_found_is_as_small_as_it_can_be(failing, fails, smallest):
    found = reduced(parse_case(failing), fails)
    assert (str(found.case), found.minimal) == (smallest, True)


def test_what_needs_too_much_at_once_is_not_reduced():
    failing = parse_case(CONV)

    def fails(case):
        return case.batch > 1 and case.groups > 1 and case.bias and case.stride[0] > 1

    assert fails(failing)
    found = reduced(failing, fails)
    assert (found.case, found.minimal) == (failing, False)


def test_only_cases_that_are_allowed_are_tried_and_none_twice_or_after_enough():
    tried = []

    def fails(case):
        tried.append(str(case))
        return False

    reduced(parse_case(CONV), fails, allowed=lambda case: case.groups == 1, enough=lambda: len(tried) >= 30)
    assert len(tried) == len(set(tried)) == 30
    assert not [case for case in tried if " g" in case]
