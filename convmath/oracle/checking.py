"""``check``: is this function the layer that it is said to be?"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import replace
from random import Random
from time import perf_counter
from typing import TYPE_CHECKING, Any, TypeAlias

from ..errors import DomainError, UnsupportedError
from .accumulation import Algorithm
from .case import ConvCase, PoolCase, parse_case
from .examiner import TIME_LIMIT, AnyCase, Examiner, Setup
from .formats import arithmetic, float_format
from .isolation import Runner, runner_for
from .options import integer
from .reduction import Reduced, reduced
from .report import DEAR, Report
from .supports import Supports
from .target import Target

if TYPE_CHECKING:
    from hypothesis import Phase
    from hypothesis.strategies import SearchStrategy

Watch: TypeAlias = Callable[[str, int], None]

KINDS = ConvCase.kinds + PoolCase.kinds
_MOST_COST = 24  # three hangs, or as many crashes
_MOST_COST_SHRINKING = 64
_SHRINKING_EXAMPLES = 500


def check(
    fn: Any,
    kind: str = "conv",
    ndim: int = 2,
    *,
    dtype: Any = "float64",
    mode: str = "exact",
    examples: int = 200,
    supports: Mapping[str, bool] | None = None,
    seed: int | None = None,
    max_macs: int = 10_000,
    algorithm: str | Algorithm = "direct",
    failure: float | None = None,
    time_limit: float = TIME_LIMIT,
    isolated: bool | None = None,
    watch: Watch | None = None,
) -> Report:
    """Judge a function on cases that lean on the corners in which convolutions go wrong.

    ``fn`` gets arrays, and keywords with one entry per axis: ``conv`` and ``conv_transpose`` are called as
    ``fn(x, w, bias, *, stride, padding, dilation, groups)``, the latter with ``output_padding`` as well; ``grad_input``
    as ``fn(grad_output, w, *, input_size, ...)``, ``grad_weight`` as ``fn(x, grad_output, *, kernel_size, ...)``,
    ``grad_bias`` as ``fn(grad_output)``; ``max_pool`` as ``fn(x, *, kernel_size, stride, padding, dilation,
    ceil_mode)``, ``avg_pool`` with ``count_include_pad`` and ``divisor_override`` in place of ``dilation``;
    ``max_pool_grad_input`` and ``avg_pool_grad_input`` as these, on ``(grad_output, x)`` and on ``(grad_output,)`` with
    ``input_size``. ``bias`` is None where there is none. Padding is a pair (lo, hi) per axis. Layouts are those of
    :mod:`convmath.oracle.reference`. Whatever ``numpy.asarray`` takes may be returned. What ``fn`` prints is dropped.

    The same arguments give the same report: cases depend on nothing but ``seed``.

    Args:
        fn: the function, or "module:attribute", which is then imported only where it runs.
        kind: what it computes.
        ndim: spatial axes, 1 to 3.
        dtype: the format of its arguments, sums and result, or what :func:`convmath.oracle.formats.arithmetic` makes.
            Numbers of bfloat16 come as float32.
        mode: "exact" for integers so small that a correct function makes no rounding error, and no tolerance (averages
            over a number of elements that is no power of two are judged by a bound); "bounded" for real data, and a
            derived bound for each element.
        examples: cases to draw. All are judged; the smallest failing one is searched for afterwards.
        supports: options turned off, such as ``{"groups": False}``: asymmetric_padding (padding is then an int per
            axis), batch, bias, dilation, groups, output_padding, padding, stride; for pooling also ceil_mode,
            divisor_override, exclude_pad; and turned on: negative_padding, dilated_average. What is turned off is
            passed only if ``fn`` takes it.
        seed: what the cases are drawn from; None for 0.
        max_macs: the size of a case in multiply-accumulates, padding included.
        algorithm: how sums are computed, for bounds: "direct", "fft" or "winograd".
        failure: for bounds, the probability that a correct function may fail; None for a worst-case bound.
        time_limit: seconds for one call.
        isolated: whether ``fn`` runs in a process of its own, where a hang or a crash is a verdict: None where
            possible, True or an error, False not. In this process a crash ends it, and the time limit holds only while
            ``fn`` runs Python in the main thread.
        watch: called after each case with "checking" or "shrinking" and the number of cases so far.

    Raises:
        DomainError: an argument is out of its range, ``fn`` cannot be imported, or does not take these arguments.
        UnsupportedError: Hypothesis is not installed, or ``isolated`` is True and no process can be had.

    >>> import numpy as np
    >>> def conv(x, w, *, stride, **_):
    ...     windows = np.lib.stride_tricks.sliding_window_view(x, w.shape[2], axis=2)[:, :, ::stride[0]]
    ...     return np.einsum("ncok,fck->nfo", windows, w)
    >>> plain = dict.fromkeys(["bias", "dilation", "groups", "padding"], False)
    >>> print(check(conv, ndim=1, supports=plain, examples=50).verdict)
    passes 50 of 50 cases
    >>> check(lambda x, w, **o: conv(x, w[..., ::-1], **o), ndim=1, supports=plain, examples=50).diagnosis
    ('the kernel is flipped',)
    """
    setup = _setup(fn, kind, ndim, dtype, mode, supports, algorithm, failure, time_limit)
    examples, seed = integer("examples", examples, least=1), 0 if seed is None else integer("seed", seed, least=0)
    cases, start = _cases(setup, max_macs), perf_counter()
    with Examiner(setup, _runner(setup, isolated, quiet=True)) as it:
        _draw_all(cases, it, examples, seed, watch)
        found = _smallest(cases, it, examples, seed, watch) if it.failed else None
        report = it.report(None if found is None else found.case, seed=seed, examples=examples)
    return replace(report, minimised=found is None or found.minimal, seconds=perf_counter() - start)


def check_case(
    fn: Any,
    case: str | AnyCase,
    *,
    dtype: Any = "float64",
    mode: str = "exact",
    supports: Mapping[str, bool] | None = None,
    algorithm: str | Algorithm = "direct",
    failure: float | None = None,
    time_limit: float = TIME_LIMIT,
    isolated: bool | None = None,
) -> Report:
    """Judge a function on one case, such as the smallest failing one of an earlier report.

    The arguments are those of :func:`check`; what ``fn`` prints is not dropped. Exact data is between -limit and limit
    of the case, or less where a function of the dtype would round.

    Raises:
        DomainError: as :func:`check`, and if ``case`` is no descriptor or uses what ``supports`` turns off.
        UnsupportedError: as :func:`check`, but Hypothesis is not needed.

    >>> print(check_case(lambda grad_output: grad_output.sum(axis=(0, 2)), "grad_bias n2 o3 i4 k1 #1").verdict)
    passes 1 of 1 cases
    """
    found = parse_case(case) if isinstance(case, str) else case
    setup = _setup(fn, found.kind, found.ndim, dtype, mode, supports, algorithm, failure, time_limit)
    setup.supports.require(found)
    start = perf_counter()
    with Examiner(setup, _runner(setup, isolated, quiet=False), replayed=True) as it:
        failing = it.judge(found) is not None
        report = it.report(found if failing else None, seed=found.seed, examples=1)
    return replace(report, features=(), common=(), seconds=perf_counter() - start)


class _EnoughError(BaseException):
    """No more cases are needed; not an Exception, for Hypothesis lets it pass."""


class _RefusedError(BaseException):
    """The function cannot be called at all; not an Exception, for Hypothesis would add to it."""

    def __init__(self, error: DomainError) -> None:
        super().__init__(error)
        self.error = error


def _setup(
    fn: Any,
    kind: str,
    ndim: int,
    dtype: Any,
    mode: str,
    supports: Mapping[str, bool] | None,
    algorithm: str | Algorithm,
    failure: float | None,
    time_limit: float,
) -> Setup:
    if kind not in KINDS:
        raise DomainError("kind", kind, f"needs one of {', '.join(KINDS)}")
    if ndim not in (1, 2, 3):
        raise DomainError("ndim", ndim, "needs 1, 2 or 3")
    if mode not in ("exact", "bounded"):
        raise DomainError("mode", mode, "needs one of exact, bounded")
    if not time_limit > 0:
        raise DomainError("time_limit", time_limit, "needs a number of seconds above 0")
    claim = arithmetic(dtype)
    if mode == "bounded":
        for name in (claim.storage, claim.accumulator, claim.output):
            float_format(name)
    return Setup(
        Target.of(fn), kind, ndim, claim, mode, Supports.of(kind, supports), algorithm, failure, float(time_limit)
    )


def _runner(setup: Setup, isolated: bool | None, *, quiet: bool) -> Runner:
    optional = setup.supports.optional
    return runner_for(setup.target, optional, isolated=isolated, time_limit=setup.time_limit, quiet=quiet)


def _cases(setup: Setup, max_macs: int) -> SearchStrategy[Any]:
    try:
        from .strategies import conv_cases, pool_cases
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] != "hypothesis":
            raise
        raise UnsupportedError("check needs Hypothesis: pip install 'convmath[oracle]'") from None
    draw: Callable[..., SearchStrategy[Any]] = conv_cases if setup.kind in ConvCase.kinds else pool_cases
    return draw(ndim=setup.ndim, kind=setup.kind, max_macs=max_macs, features=setup.supports.allowed)


def _draw_all(cases: SearchStrategy[Any], it: Examiner, examples: int, seed: int, watch: Watch | None) -> None:
    """Judge that many cases, or as many as there are; fewer where each costs a hang or a crash."""
    from hypothesis import Phase

    def passes_on(case: AnyCase) -> bool:
        try:
            it.judge(case)
        except DomainError as error:
            raise _RefusedError(error) from None
        if watch is not None:
            watch("checking", it.tried)
        if it.tried >= examples or it.cost >= _MOST_COST:
            raise _EnoughError
        return False

    try:
        _found(cases, passes_on, examples, seed, (Phase.generate,))
    except _EnoughError:
        pass
    except _RefusedError as refused:
        raise refused.error from None
    if it.cost >= _MOST_COST:
        it.note(f"Stopped after {it.tried} cases, as too many of them hang or crash")


def _smallest(cases: SearchStrategy[Any], it: Examiner, examples: int, seed: int, watch: Watch | None) -> Reduced:
    """The smallest case found that fails in the commonest way; drawing the same again finds the first one at once."""
    from hypothesis import Phase

    fault, smallest = it.commonest

    def enough() -> bool:
        return it.cost >= _MOST_COST_SHRINKING or it.examined >= _SHRINKING_EXAMPLES

    def fails(case: AnyCase) -> bool:
        if watch is not None:
            watch("shrinking", it.examined)
        return it.examine(case) == fault

    def fails_again(case: AnyCase) -> bool:
        nonlocal smallest
        if enough():
            raise _EnoughError
        if not fails(case):
            return False
        smallest = case
        return True

    if fault[0] in DEAR:
        return reduced(smallest, fails, allowed=it.setup.supports.admit, enough=enough)
    with suppress(_EnoughError):
        smallest = _found(cases, fails_again, examples, seed, (Phase.generate, Phase.shrink)) or smallest
    return Reduced(smallest, True)


def _found(
    cases: SearchStrategy[Any],
    condition: Callable[[AnyCase], bool],
    examples: int,
    seed: int,
    phases: tuple[Phase, ...],
) -> AnyCase | None:
    """The smallest case on which the condition holds, None if there is none; the same draws for the same seed.

    Draws repeat themselves, so twice as many are made, for the condition to end.
    """
    from hypothesis import find, settings
    from hypothesis.errors import NoSuchExample

    quiet = settings(max_examples=2 * examples + 20, database=None, deadline=None, derandomize=False, phases=phases)
    try:
        found: AnyCase = find(cases, condition, settings=quiet, random=Random(seed))  # noqa: S311
    except NoSuchExample:
        return None
    return found
