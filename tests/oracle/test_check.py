"""``check``: correct functions pass, broken ones get their verdict, the smallest case and a diagnosis."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import threading
from collections import Counter
from importlib import import_module
from pathlib import Path
from time import perf_counter

import numpy as np
import pytest
from hypothesis import find, settings
from hypothesis.errors import NoSuchExample

from convmath.errors import DomainError
from convmath.oracle import ConvCase, Report, check, check_case, conv_cases, exact, pool_cases
from convmath.oracle.formats import arithmetic
from convmath.oracle.isolation import Process, fork_hazard
from convmath.oracle.report import Verdict
from convmath.oracle.strategies import CONV_OPTIONS, POOL_OPTIONS
from convmath.oracle.supports import CONV_KEYWORDS, POOL_KEYWORDS, Supports
from convmath.oracle.target import Target
from convmath.oracle.worker import CRASH

KERNELS = Path(__file__).parent / "kernels"
KINDS = ("conv", "conv_transpose", "grad_input", "grad_weight", "grad_bias", "max_pool", "avg_pool")


@pytest.fixture(scope="module", autouse=True)
def kernels_are_importable():
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(KERNELS))
        yield


def right(name):
    return getattr(import_module("right_kernels"), name)


def broken(name):
    return getattr(import_module("broken_kernels"), name)


@pytest.mark.parametrize("ndim", [1, 2, 3])
@pytest.mark.parametrize("kind", KINDS)
def test_a_correct_function_in_numpy_passes(kind, ndim):
    report = check(right(kind), kind, ndim, examples=60)
    assert report.ok, report
    assert (report.minimal, report.diagnosis) == (None, ())


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("kind", KINDS)
def test_a_correct_function_in_numpy_passes_within_bounds(kind, dtype):
    assert check(right(kind), kind, dtype=dtype, mode="bounded", examples=60).ok


@pytest.mark.parametrize("dtype", [arithmetic("float16"), "int8", "int32", "int64"], ids=str)
def test_a_correct_function_passes_in_other_types(dtype):
    assert check(right("conv"), dtype=dtype, examples=60).ok


def torch_layer(kind):
    """torch's convolution and its gradients by autograd; what torch cannot pad is padded before."""
    import torch

    def conv(x, w, bias, *, padding, **options):
        sides = [side for pair in reversed(padding) for side in pair]
        return getattr(torch.nn.functional, f"conv{w.ndim - 2}d")(torch.nn.functional.pad(x, sides), w, bias, **options)

    def forward(x, w, bias, **options):
        return conv(*(None if a is None else torch.from_numpy(a) for a in (x, w, bias)), **options)

    def gradient(of, x, w, grad_output, options):
        tensors = {"x": torch.from_numpy(x), "w": torch.from_numpy(w)}
        tensors[of].requires_grad_()
        conv(tensors["x"], tensors["w"], None, **options).backward(torch.from_numpy(grad_output))
        return tensors[of].grad

    def grad_input(grad_output, w, *, input_size, **options):
        shape = (len(grad_output), w.shape[1] * options["groups"], *input_size)
        return gradient("x", np.zeros(shape, w.dtype), w, grad_output, options)

    def grad_weight(x, grad_output, *, kernel_size, **options):
        shape = (grad_output.shape[1], x.shape[1] // options["groups"], *kernel_size)
        return gradient("w", x, np.zeros(shape, x.dtype), grad_output, options)

    def conv_transpose(x, w, bias, **options):
        layer = getattr(torch.nn.functional, f"conv_transpose{w.ndim - 2}d")
        return layer(*(None if a is None else torch.from_numpy(a) for a in (x, w, bias)), **options)

    def max_pool(x, **options):
        return getattr(torch.nn.functional, f"max_pool{x.ndim - 2}d")(torch.from_numpy(x), **options)

    def avg_pool(x, **options):
        return getattr(torch.nn.functional, f"avg_pool{x.ndim - 2}d")(torch.from_numpy(x), **options)

    layers = {"conv": forward, "grad_input": grad_input, "grad_weight": grad_weight}
    return (layers | {"conv_transpose": conv_transpose, "max_pool": max_pool, "avg_pool": avg_pool})[kind]


@pytest.mark.parametrize("kind", ["conv", "grad_input", "grad_weight", "conv_transpose", "max_pool", "avg_pool"])
def test_torch_passes_in_what_it_supports(kind):
    whole = kind in ("conv", "grad_input", "grad_weight")
    supports = {} if whole else {"asymmetric_padding": False}
    report = check(torch_layer(kind), kind, dtype="float32", examples=60, supports=supports)
    assert report.ok, report


DIAGNOSES = [
    ("flipped", "conv", "the kernel is flipped"),
    ("dilation_ignored", "conv", "the dilation is ignored"),
    ("stride_and_dilation_swapped", "conv", "stride and dilation are swapped"),
    ("sides_swapped", "conv", "the padding's two sides are swapped"),
    ("padding_reversed", "conv", "the padding of the axes is reversed"),
    ("bias_missing", "conv", "the bias is left out"),
    ("first_group_only", "conv", "every group reads the channels of the first"),
    ("size_rounded_up", "conv", "the output size is rounded up"),
    ("narrow", "conv", "sums are kept in float32"),
    ("transpose_flipped", "conv_transpose", "the kernel is flipped"),
    ("output_padding_at_the_start", "conv_transpose", "output_padding is added at the start"),
    ("grad_input_without_dilation", "grad_input", "the dilation is ignored"),
    ("grad_weight_of_the_first", "grad_weight", "only the first of the batch is summed"),
    ("grad_weight_transposed", "grad_weight", "the weight's two channel axes are swapped"),
    ("grad_bias_averaged", "grad_bias", "it is averaged over the batch"),
    ("max_pool_with_zeros", "max_pool", "the padding counts as zeros"),
    ("floor_for_ceil", "max_pool", "ceil_mode is ignored"),
    ("avg_pool_counting_padding", "avg_pool", "the padding is always counted"),
]


@pytest.mark.parametrize("mode", ["exact", "bounded"])
@pytest.mark.parametrize(("name", "kind", "text"), DIAGNOSES)
def test_a_usual_mistake_is_named(name, kind, text, mode):
    report = check(broken(name), kind, mode=mode, examples=100)
    assert not report.ok
    assert text in report.diagnosis, (report.verdict, report.diagnosis)


def test_no_mistake_is_named_that_does_not_explain_every_failing_case():
    flipped, dilation_ignored = broken("flipped"), broken("dilation_ignored")

    def one_or_the_other(x, w, bias, **options):
        return (flipped if options["groups"] > 1 else dilation_ignored)(x, w, bias, **options)

    report = check(one_or_the_other)
    assert not report.ok
    assert report.diagnosis == ()
    assert check(broken("one_element_off")).diagnosis == ()


VERDICTS = [
    ("one_element_off", Verdict.WRONG_VALUE, "conv n1 c1 o1 i1x3 k1x1 #"),
    ("dilation_ignored", Verdict.WRONG_SHAPE, "conv n1 c1 o1 (i3x1 k2x1 d2x1|i1x3 k1x2 d1x2) #"),
    ("raises_with_groups", Verdict.EXCEPTION, "conv n1 c2 o2 g2 i1x1 k1x1 #"),
    ("recursion_without_end", Verdict.EXCEPTION, "conv n1 c1 o1 i1x1 k1x1 #"),
    ("exits", Verdict.EXCEPTION, "conv n1 c1 o1 i1x1 k1x1 #"),
    ("not_a_number", Verdict.NAN, "conv n1 c1 o1 i1x1 k1x1 (s2x1|s1x2) #"),
    ("nothing", Verdict.NO_ARRAY, "conv n1 c1 o1 i1x1 k1x1 #"),
    ("ragged", Verdict.NO_ARRAY, "conv n1 c1 o1 i1x1 k1x1 #"),
    ("wider", Verdict.WRONG_TYPE, "conv n1 c1 o1 i1x1 k1x1 #"),
    ("writes_into_x", Verdict.INPUT_CHANGED, "conv n1 c1 o1 i1x1 k1x1 #"),
    ("segfaults", Verdict.CRASH, "conv n1 c2 o2 g2 i1x1 k1x1 #"),
    ("leaves", Verdict.CRASH, "conv n1 c2 o2 g2 i1x1 k1x1 #"),
]


@pytest.mark.parametrize(("name", "verdict", "case"), VERDICTS)
def test_each_kind_of_failure_is_a_verdict_with_a_small_case(name, verdict, case):
    report = check(broken(name), dtype="float32", examples=60)
    assert verdict in [found for found, _, _ in report.verdicts], report.verdict
    assert report.minimal.verdict == verdict
    assert re.match(case, report.minimal.case), report.minimal.case
    assert str(report.passed + report.failed) in report.verdict


@pytest.mark.parametrize("name", ["hangs", "hangs_in_c"])
def test_a_hang_is_a_verdict_in_limited_time(name):
    start = perf_counter()
    report = check(broken(name), examples=60, time_limit=0.3)
    assert [found for found, _, _ in report.verdicts] == [Verdict.HANG]
    assert "groups" in report.common
    assert report.minimal.reason == "no answer within 0.3 s"
    assert "Stopped after" in report.notes[0]
    assert perf_counter() - start < 30


@pytest.mark.parametrize(
    ("name", "case", "minimised"),
    [
        ("hangs_with_stride", "conv n1 c1 o1 i1x1 k1x1 s2x1 #0", True),
        ("segfaults", "conv n1 c2 o2 g2 i1x1 k1x1 #0", True),
        ("leaves_if_all_is_there", "conv n[23] .*", False),
    ],
)
def test_the_smallest_case_of_a_hang_or_a_crash_is_small_or_not_called_so(name, case, minimised):
    start = perf_counter()
    report = check(broken(name), examples=100, time_limit=0.5, seed=1)
    assert re.fullmatch(case, report.minimal.case), report.minimal.case
    assert report.minimised == minimised
    assert perf_counter() - start < 30


def test_a_process_that_ends_again_and_again_has_the_next_one_started_ahead():
    ending = ConvCase.parse("c2 o2 g2 i1x1 k1x1 #0")
    passing = ConvCase.parse("i1x1 k1x1 #0")
    runner = Process(Target.of("broken_kernels:leaves"), (), 20.0, True, fresh=True)
    try:
        ahead = []
        for _ in range(4):
            assert runner.run(ending.arguments, ending.options).fate == CRASH
            ahead.append(runner._spare)
        assert [spare is not None for spare in ahead] == [False, False, True, True]
        assert runner.run(passing.arguments, passing.options).output is not None
        assert runner._running is ahead[-1] is not runner._spare
    finally:
        runner.close()
    assert all(child.process.poll() is not None for child in ahead[2:])


def test_a_slow_function_within_the_limit_passes():
    conv = right("conv")

    def slow(*arguments, **options):
        threading.Event().wait(0.05)
        return conv(*arguments, **options)

    assert check(slow, examples=5, time_limit=5).ok


def test_a_python_hang_and_an_exception_are_verdicts_in_this_process_too():
    report = check(broken("hangs"), examples=30, time_limit=0.2, isolated=False)
    assert [found for found, _, _ in report.verdicts] == [Verdict.HANG]
    assert report.place == "in this process"
    report = check(broken("raises_with_groups"), examples=30, isolated=False)
    assert [found for found, _, _ in report.verdicts] == [Verdict.EXCEPTION]


def test_the_traceback_is_the_functions_own():
    trace = check(broken("raises_with_groups"), examples=30).minimal.traceback
    assert trace.count("File ") == 1
    assert "raises_with_groups" in trace
    assert check(broken("recursion_without_end"), examples=5).minimal.traceback.count("File ") <= 7
    crash = check(broken("segfaults"), examples=30).minimal
    assert crash.reason == "ended by signal 11 (Segmentation fault)"
    assert "broken_kernels.py" in crash.traceback
    assert "hypothesis" not in crash.traceback
    assert check(broken("leaves"), examples=30).minimal.reason == "exited with code 3"


def test_a_function_that_gives_something_else_each_time_is_noted():
    assert any("not deterministic" in note for note in check(broken("not_deterministic"), examples=20).notes)
    assert check(broken("flipped"), examples=20).notes == ()


def test_a_failure_that_does_not_come_again_says_so():
    conv, calls = right("conv"), []

    def fails_once(x, w, bias, **options):
        calls.append(x)
        return conv(x, w, bias, **options) + (len(calls) == 1)

    report = check_case(fails_once, "conv i3x3 k1x1 #0", isolated=False)
    assert (report.minimal.verdict, report.minimal.reason) == (Verdict.WRONG_VALUE, "not when it was repeated")
    assert "does not fail when it is repeated" in report.notes[0]


def test_the_same_seed_gives_the_same_report_and_another_one_other_cases():
    first, again, other = (check(broken("dilation_ignored"), examples=40, seed=seed) for seed in (3, 3, 4))
    assert first == again
    assert first.features != other.features
    assert check(right("conv"), examples=20) == check(right("conv"), examples=20, seed=0)


def test_the_smallest_case_fails_alone_and_its_neighbour_passes():
    found = check(broken("dilation_ignored"), examples=60).minimal
    replayed = check_case(broken("dilation_ignored"), found.case)
    assert replayed.minimal.expected == found.expected
    assert replayed.minimal.got == found.got
    assert check_case(broken("dilation_ignored"), re.sub(" d[^ ]*", "", found.case)).ok
    assert check_case(right("conv"), found.case).ok


def test_a_function_that_overwrites_its_input_is_no_other_mistake():
    report = check(broken("writes_into_x"), examples=60)
    assert [verdict for verdict, *_ in report.verdicts] == [Verdict.INPUT_CHANGED]
    assert report.diagnosis == ()


def test_the_reason_is_told_once_and_in_one_notation():
    reasons = {
        "nothing": "it returned None",
        "not_a_number": r"expected -?\d+, got nan at index .*",
        "flipped": r"not exact: expected -?\d+, got -?\d+ at index .*",
    }
    for name, reason in reasons.items():
        found = check(broken(name), examples=60).minimal
        assert re.fullmatch(reason, found.reason), found.reason


@pytest.mark.parametrize("isolated", [None, False])
def test_a_function_with_other_parameters_is_refused_in_one_sentence(isolated):
    sentence = r"cannot be called as fn\(x, w, bias, stride=\.\.\., .*\): TypeError: plain\(\) .*'stride'"
    with pytest.raises(DomainError, match=sentence) as caught:
        check(broken("plain"), examples=20, isolated=isolated)
    assert not getattr(caught.value, "__notes__", None)

    def raises_a_type_error(x, w, bias, **options):
        raise TypeError("its own")

    assert check(raises_a_type_error, examples=5, isolated=isolated).minimal.verdict is Verdict.EXCEPTION


def test_what_a_function_prints_is_dropped_but_for_a_single_case(capfd):
    for isolated in (None, False):
        assert check(broken("prints"), examples=5, isolated=isolated).ok
    assert "Python" not in capfd.readouterr().out
    check_case(broken("prints"), "conv i1x1 k1x1 #0")
    assert "Python" in capfd.readouterr().out


def test_a_misspelt_option_names_the_one_that_was_meant():
    with pytest.raises(DomainError, match="did you mean groups"):
        check(right("conv"), supports={"group": False})
    with pytest.raises(DomainError, match="did you mean stride"):
        conv_cases(features={"strides"})


def test_a_single_feature_may_stand_alone():
    case = find(conv_cases(ndim=1, features="stride"), lambda case: max(case.stride) > 1 and case.input_size[0] > 3)
    plain = {"even_kernel", "size_one_axis", "uncovered_tail", "unequal_channels", "kernel_below_stride"}
    assert case.features - plain == {"stride"}


def test_features_are_counted_where_they_are():
    report = check(broken("raises_with_groups"), examples=100)
    counts = {feature.name: feature for feature in report.features}
    assert counts["groups"].passed == 0
    assert counts["groups"].failed == report.failed
    assert counts["groups"].result == "fails"
    assert report.common == ("groups",)
    assert counts["stride"].result == "fails in part"
    assert set(counts) == set(Supports.of("conv", None).features(2))


def test_an_option_that_is_turned_off_is_neither_tried_nor_passed():
    conv, seen = right("conv"), []

    def plain(x, w, *, stride, padding):
        seen.append((stride, padding))
        pads = tuple((side, side) for side in padding)
        return conv(x, w, None, stride=stride, padding=pads, dilation=(1, 1), groups=1)

    off = dict.fromkeys(["groups", "dilation", "bias", "asymmetric_padding"], False)
    report = check(plain, supports=off, examples=60, isolated=False)
    assert report.ok, report
    assert all(isinstance(side, int) for _, padding in seen for side in padding)
    assert not {"groups", "dilation", "bias", "depthwise", "asymmetric_padding"} & {f.name for f in report.features}
    with pytest.raises(DomainError, match="groups"):
        check(plain, supports=off | {"groups": True}, examples=60)


def test_an_option_that_is_turned_off_is_passed_to_a_function_that_takes_it():
    assert check(right("conv"), supports={"groups": False, "bias": False}, examples=30).ok
    assert check(right("conv"), supports={"negative_padding": False, "batch": False}, examples=30).ok


def test_negative_padding_is_tried_when_asked_for():
    report = check(right("conv"), supports={"negative_padding": True}, examples=60)
    assert not report.ok  # numpy.pad refuses it
    assert "negative_padding" in report.common
    assert "negative_padding" in report.minimal.features
    assert "np.pad" in report.minimal.traceback


def test_every_option_of_the_strategies_can_be_turned_off():
    assert set(CONV_KEYWORDS) == CONV_OPTIONS
    assert set(POOL_KEYWORDS) == POOL_OPTIONS


@pytest.mark.parametrize("kind", KINDS)
def test_every_feature_in_the_table_is_drawn(kind):
    draw = conv_cases if kind in ConvCase.kinds else pool_cases
    counts = Counter()

    def count(case):
        counts.update(case.features)
        return False

    with pytest.raises(NoSuchExample):
        find(draw(ndim=2, kind=kind), count, settings=settings(max_examples=500, database=None))
    listed = set(Supports.of(kind, None).features(2))
    assert listed <= set(counts)
    assert kind == "grad_bias" or set(counts) <= listed


def test_an_average_whose_reciprocal_is_rounded_is_judged_by_a_bound():
    report = check(right("avg_pool"), "avg_pool", examples=60)
    assert 0 < report.by_bound < report.passed
    report = check(right("avg_pool"), "avg_pool", dtype="int32", examples=60)
    assert report.not_judged > 0


@pytest.mark.parametrize("kind", ["max_pool_grad_input", "avg_pool_grad_input"])
def test_the_gradients_of_pooling_can_be_judged_too(kind):
    def layer(*arguments, **options):
        return getattr(exact, kind)(*arguments, **options).astype(np.float64)

    assert check(layer, kind, examples=60).ok


def test_a_gradient_that_goes_to_the_last_of_equals_is_caught():
    def last(grad_output, x, **options):
        place = np.arange(x[0, 0].size).reshape(x.shape[2:])
        return exact.max_pool_grad_input(grad_output, x * place.size + place, **options).astype(np.float64)

    report = check(last, "max_pool_grad_input", examples=60)
    assert report.diagnosis == ("ties go to the last element",), report


def test_nothing_judged_is_not_ok():
    report = check_case(right("avg_pool"), "avg_pool i3x3 k3x3 #0", dtype="int32")
    assert not report.ok
    assert report.verdict.startswith("not judged")


def test_a_function_by_name_runs_without_being_imported_here():
    sys.modules.pop("right_kernels", None)
    assert check("right_kernels:conv", examples=20).ok
    assert "right_kernels" not in sys.modules


def test_a_function_that_cannot_be_imported_is_an_error_of_the_caller(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(str(tmp_path))
    (tmp_path / "wrong_syntax.py").write_text("def f(:")
    (tmp_path / "ends_at_once.py").write_text("import os; os._exit(5)")
    (tmp_path / "no_function.py").write_text("value = 3")
    for path, reason in [
        ("no_such_module_anywhere:f", "ModuleNotFoundError"),
        ("right_kernels:f", "AttributeError"),
        ("wrong_syntax:f", "SyntaxError"),
        ("ends_at_once:f", "exited with code 5"),
        ("no_function:value", "needs a callable"),
        ("right_kernels", "needs the form module:attribute"),
        ("right kernels:f", "needs the form module:attribute"),
    ]:
        with pytest.raises(DomainError, match=reason):
            check(path, examples=5)


@pytest.mark.parametrize(
    ("arguments", "parameter"),
    [
        ({"kind": "convolution"}, "kind"),
        ({"ndim": 4}, "ndim"),
        ({"mode": "close"}, "mode"),
        ({"dtype": "float8"}, "dtype"),
        ({"dtype": "int8", "mode": "bounded"}, "dtype"),
        ({"examples": 0}, "examples"),
        ({"seed": -1}, "seed"),
        ({"time_limit": 0}, "time_limit"),
        ({"supports": {"group": False}}, "supports"),
        ({"supports": {"groups": 0}}, "supports"),
    ],
)
def test_a_wrong_argument_is_named(arguments, parameter):
    with pytest.raises(DomainError) as caught:
        check(right("conv"), **arguments)
    assert caught.value.parameter == parameter
    with pytest.raises(DomainError, match="needs a callable"):
        check(3)


def test_a_replayed_case_may_not_use_what_is_turned_off():
    with pytest.raises(DomainError, match="groups"):
        check_case(right("conv"), "conv c2 o2 g2 i3 k1 #0", supports={"groups": False})
    with pytest.raises(DomainError, match="stride"):
        check_case(right("max_pool"), "max_pool i4 k2 s1 #0", supports={"stride": False})


def run_python(code, *path):
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(map(str, path))}
    return subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False, env=environment, timeout=120
    )


def test_without_hypothesis_a_check_says_what_to_install_and_a_case_is_judged_all_the_same():
    code = (
        "import sys; sys.modules['hypothesis'] = None\n"
        "from convmath.oracle import check, check_case\n"
        "print(check_case('right_kernels:conv', 'conv i5 k3 #1').ok)\n"
        "check('right_kernels:conv')"
    )
    found = run_python(code, KERNELS)
    assert found.stdout == "True\n"
    assert "UnsupportedError: check needs Hypothesis: pip install 'convmath[oracle]'" in found.stderr


FRESH = """
import sys, types
sys.modules["jax"] = types.ModuleType("jax")  # what a fork would break
from convmath.oracle import check
from convmath.oracle.isolation import fork_hazard
import right_kernels, broken_kernels
print(fork_hazard() != "", check(right_kernels.conv, examples=20).place)
found = check(broken_kernels.segfaults, examples=5)
print(found.place, found.minimal.verdict)
print(check(lambda *a, **o: right_kernels.conv(*a, **o), examples=20).place)
try:
    check(lambda *a, **o: right_kernels.conv(*a, **o), examples=20, isolated=True)
except Exception as error:
    print(type(error).__name__)
"""


def test_where_a_fork_is_unsafe_a_fresh_interpreter_or_this_process_is_used():
    found = run_python(FRESH, KERNELS)
    assert found.stdout.splitlines() == [
        "True in a fresh interpreter",
        "in a fresh interpreter crash",
        "in this process",
        "UnsupportedError",
    ], found.stderr


def test_here_a_fork_is_safe_and_isolation_can_be_required():
    if fork_hazard():
        pytest.skip(f"no fork: {fork_hazard()}")
    assert check(right("conv"), examples=10, isolated=True).place == "in a forked process"


def test_the_output_of_a_report_is_the_same_object_everywhere():
    report = check(right("conv"), examples=10)
    assert isinstance(report, Report)
    with pytest.raises(AttributeError):
        report.passed = 0
