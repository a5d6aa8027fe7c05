"""The pytest plugin in real runs of pytest: decorated tests, options, and what a broken kernel prints."""

from __future__ import annotations

import re
import subprocess
import sys

import pytest

from convmath.oracle import parse_case

pytest_plugins = ["pytester"]

KERNEL = """
import time
import numpy as np
import pytest
from hypothesis import example, settings
from convmath.oracle import ConvCase
from convmath.oracle.pytest_plugin import conv_case, pool_case

SEEN = []

def conv(x, w, *, padding, flipped=False):
    x = np.pad(x, [(0, 0), (0, 0), *((side, side) for side in padding)])
    w = np.flip(w, (2, 3)) if flipped else w
    return np.einsum("ncyxij,fcij->nfyx", np.lib.stride_tricks.sliding_window_view(x, w.shape[2:], (2, 3)), w)
"""
RIGHT = """
@conv_case(features={"padding", "batch"})
def test_right(case):
    SEEN.append(case)
    case.assert_matches(conv(case.x, case.w, padding=case.torch_kwargs()["padding"]))
"""
FLIPPED = RIGHT.replace("test_right", "test_flipped").replace('["padding"])', '["padding"], flipped=True)')


def ran(pytester, source, *options):
    pytester.makepyfile(KERNEL + source)
    return pytester.runpytest_inprocess("-p", "no:cacheprovider", *options)


def printed_case(run):
    (descriptor,) = set(re.findall(r"convmath case: (.*)", str(run.stdout)))
    return descriptor


def test_pytest_loads_the_plugin_by_itself(pytester):
    run = ran(pytester, "def test_it(): ...")
    run.stdout.fnmatch_lines(["plugins: *convmath-*"])
    without = ran(pytester, "def test_it(): ...", "-p", "no:convmath", "--convmath-examples=3")
    assert without.ret == pytest.ExitCode.USAGE_ERROR


def test_a_right_kernel_passes_and_a_broken_one_fails_with_its_smallest_case(pytester):
    run = ran(pytester, RIGHT + FLIPPED)
    run.assert_outcomes(passed=1, failed=1)
    descriptor = printed_case(run)
    assert parse_case(descriptor).x.size + parse_case(descriptor).w.size <= 8, descriptor
    run.stdout.fnmatch_lines([f"*to run it alone: pytest *test_flipped --convmath-case '{descriptor}'"])


def test_a_failure_names_the_case_by_its_descriptor_and_ends_in_the_users_line(pytester):
    source = RIGHT.replace('["padding"])', '["padding"]) + 1').replace("test_right", "test_one_more")
    run = ran(pytester, source)
    descriptor = printed_case(run)
    text = str(run.stdout)
    assert f"case=ConvCase.parse('{descriptor}')" in text
    assert "build(" not in text
    places = re.findall(r"^(\S+\.py):\d+: ", text, flags=re.MULTILINE)
    assert places
    assert "convmath" not in places[-1], text


def test_a_kernel_that_raises_prints_its_case_too(pytester):
    run = ran(pytester, "@conv_case\ndef test_it(case):\n    raise RuntimeError('no kernel')\n")
    run.assert_outcomes(failed=1)
    run.stdout.fnmatch_lines(["*RuntimeError: no kernel", "*convmath case: conv n1 c1 o1 i1x1 k1x1 #0"])
    run = ran(pytester, "@conv_case\ndef test_it(case):\n    pytest.fail('not good')\n")
    run.stdout.fnmatch_lines(["*convmath case: conv n1 c1 o1 i1x1 k1x1 #0"])


def test_the_case_that_is_printed_can_be_run_alone(pytester):
    descriptor = printed_case(ran(pytester, RIGHT + FLIPPED))
    count = "\ndef test_count():\n    assert len(SEEN) == 1\n"
    again = ran(pytester, RIGHT + count + FLIPPED, "--convmath-case", descriptor)
    again.assert_outcomes(passed=2, failed=1)
    assert printed_case(again) == descriptor
    other = ran(pytester, RIGHT + FLIPPED, "--convmath-case", "conv i3x3 k1x1 #0")
    other.assert_outcomes(passed=2)
    pooling = ran(pytester, RIGHT + FLIPPED, "--convmath-case", "max_pool i3 k2 #0", "-rs")
    pooling.assert_outcomes(skipped=2)
    pooling.stdout.fnmatch_lines(["*not a test of cases like max_pool n1 c1 i3 k2 s2 #0*"])


COUNT = "\ndef test_count():\n    assert len(SEEN) == {}\n"


@pytest.mark.parametrize("decorators", ["", "@settings(max_examples=20)\n"])
def test_the_option_sets_the_number_of_cases_whatever_the_test_says(pytester, decorators):
    source = decorators + RIGHT.lstrip()
    assert ran(pytester, source + COUNT.format(7), "--convmath-examples", "7").parseoutcomes() == {"passed": 2}
    usual = 20 if decorators else 100
    assert ran(pytester, source + COUNT.format(usual)).parseoutcomes() == {"passed": 2}


def test_the_ini_file_sets_the_number_of_cases_and_the_command_line_comes_first(pytester):
    pytester.makeini("[pytest]\nconvmath_examples = 9\n")
    assert ran(pytester, RIGHT + COUNT.format(9)).parseoutcomes() == {"passed": 2}
    assert ran(pytester, RIGHT + COUNT.format(4), "--convmath-examples=4").parseoutcomes() == {"passed": 2}


def test_the_option_leaves_other_tests_alone(pytester):
    other = """
from hypothesis import given, strategies as st

@settings(max_examples=30)
@given(st.integers())
def test_other(number):
    SEEN.append(number)
"""
    assert ran(pytester, other + COUNT.format(30), "--convmath-examples=3").parseoutcomes() == {"passed": 2}


@pytest.mark.parametrize("value", ["0", "-1", "many", "1.5", ""])
def test_a_number_of_cases_that_is_none_is_refused_in_one_sentence(pytester, value):
    run = ran(pytester, RIGHT, f"--convmath-examples={value}")
    assert run.ret == pytest.ExitCode.USAGE_ERROR
    run.stderr.fnmatch_lines([f"*--convmath-examples: needs a whole number of cases, at least 1, and not '{value}'"])
    assert "Traceback" not in str(run.stderr)


def test_wrong_settings_are_refused_in_one_sentence(pytester):
    run = ran(pytester, RIGHT, "--convmath-case", "conv i3 k5 #0")
    assert run.ret == pytest.ExitCode.USAGE_ERROR
    run.stderr.fnmatch_lines(["*spans 5 elements*"])
    pytester.makeini("[pytest]\nconvmath_examples = few\n")
    run = ran(pytester, RIGHT)
    assert run.ret == pytest.ExitCode.USAGE_ERROR
    run.stderr.fnmatch_lines(["*convmath_examples: needs a whole number of cases*"])


def test_it_goes_with_parametrize_fixtures_classes_and_other_decorators(pytester):
    source = """
@pytest.fixture
def scale():
    return 2

@pytest.mark.parametrize("dtype", ["float32", "float64"])
@settings(max_examples=5)
@conv_case(features=set())
def test_parameters(dtype, scale, case):
    y = conv(case.x.astype(dtype), case.w.astype(dtype) * scale, padding=(0, 0))
    case.assert_matches(y / scale)

@settings(max_examples=2, deadline=1)
@conv_case
def test_slow(case):
    time.sleep(0.1)

@conv_case(features=set())
@settings(max_examples=2)
def test_settings_below(case):
    time.sleep(0.3)

class TestKernel:
    @example(case=ConvCase.parse("c2 o3 i4x4 k3x3 #1"))
    @conv_case(features={"padding"})
    def test_method(self, scale, case):
        SEEN.append(case)
        assert scale == 2

    def test_the_example_came_first(self):
        assert str(SEEN[0]) == "conv n1 c2 o3 i4x4 k3x3 #1"
"""
    ran(pytester, source, "--hypothesis-show-statistics").assert_outcomes(passed=5, failed=1)


def test_pooling_in_every_number_of_axes(pytester):
    source = """
@pool_case(kind=("max_pool", "avg_pool"), ndim=None)
def test_pool(case):
    SEEN.append(case)

def test_all_are_there():
    assert {(case.kind, case.ndim) for case in SEEN} == {(k, n) for k in ("max_pool", "avg_pool") for n in (1, 2, 3)}

@pool_case
def test_plain(case):
    assert case.kind == "max_pool"
    case.assert_matches(case.expected + 1)
"""
    run = ran(pytester, source)
    run.assert_outcomes(passed=2, failed=1)
    run.stdout.fnmatch_lines(["*convmath case: max_pool n1 c1 i1x1 k1x1 s1x1 #0"])


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("@conv_case\ndef test_it(x): ...\n", "*DomainError: test='test_it': needs a parameter named case*"),
        ("@conv_case(kind='max_pool')\ndef test_it(case): ...\n", "*DomainError: kind='max_pool': needs kinds out of*"),
        ("@conv_case(features='strides')\ndef test_it(case): ...\n", "*DomainError: features='strides'*mean stride*"),
        ("@conv_case\nasync def test_it(case): ...\n", "*DomainError: test='test_it': needs a plain function*"),
        ("@conv_case\ndef test_it(case):\n    yield\n", "*DomainError: test='test_it': needs a plain function*"),
    ],
)
def test_a_decorator_that_makes_no_sense_is_refused_when_the_test_is_collected(pytester, source, message):
    run = ran(pytester, source)
    run.assert_outcomes(errors=1)
    run.stdout.fnmatch_lines([message])


def test_workers_of_xdist_obey_the_option(pytester):
    pytest.importorskip("xdist")
    pytester.makepyfile(KERNEL + RIGHT + COUNT.format(6))
    run = pytester.runpytest_subprocess("-n1", "--convmath-examples=6")
    run.assert_outcomes(passed=2)


def loaded(statement):
    """The heavy modules that a fresh interpreter has loaded after the statement."""
    code = (
        f"{statement}\nimport sys\nprint(*(m for m in ('hypothesis', 'numpy', 'torch', 'sympy') if m in sys.modules))"
    )
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()


def test_loading_the_plugin_loads_nothing_heavy():
    assert loaded("import convmath.oracle.pytest_plugin") == []
    assert loaded("from convmath.oracle.pytest_plugin import conv_case; conv_case()") == ["hypothesis", "numpy"]


def test_a_run_without_such_tests_loads_nothing_heavy(pytester):
    pytester.makepyfile(
        "import sys\ndef test_it():\n    assert not {'numpy', 'hypothesis', 'torch'} & set(sys.modules)\n"
    )
    pytester.runpytest_subprocess("-p", "no:hypothesispytest", "--convmath-examples=3").assert_outcomes(passed=1)
