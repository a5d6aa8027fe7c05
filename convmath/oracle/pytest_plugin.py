"""The plugin for pytest: tests of a convolution or pooling that run on many cases.

    from convmath.oracle.pytest_plugin import conv_case

    @conv_case(ndim=2, features={"stride", "padding"})
    def test_my_conv(case):
        case.assert_matches(my_conv(case.x, case.w, **case.torch_kwargs()))

pytest loads this module whenever convmath is installed, so that it imports nothing but pytest before a test asks for
cases. Options: ``--convmath-examples N`` (or ``convmath_examples`` in the ini-file), ``--convmath-case DESCRIPTOR``.
"""

from __future__ import annotations

import argparse
import functools
import inspect
import os
import shlex
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, TypeVar, cast, overload

import pytest

from ..errors import DomainError, UnsupportedError

if TYPE_CHECKING:
    from hypothesis.strategies import SearchStrategy

    from .case import ConvCase, PoolCase

__all__ = ["conv_case", "pool_case"]

Test = TypeVar("Test", bound=Callable[..., Any])

_EXAMPLES = "convmath_examples"
_CASE = "convmath_case"
_GIVEN = "_convmath_given"  # the attribute of a decorated test that holds what Hypothesis made of it
_NOT_CALLED = (inspect.iscoroutinefunction, inspect.isasyncgenfunction, inspect.isgeneratorfunction)
_RUNS: list[pytest.Config] = []  # one may run within another
_CHOSEN = pytest.StashKey[int | None]()
_REPLAYED = pytest.StashKey["ConvCase | PoolCase | None"]()


@overload
def conv_case(test: Test, /) -> Test: ...


@overload
def conv_case(
    *,
    kind: str | Iterable[str] = ...,
    ndim: int | Iterable[int] | None = ...,
    max_macs: int = ...,
    features: Iterable[str] | None = ...,
) -> Callable[[Test], Test]: ...


def conv_case(
    test: Any = None,
    /,
    *,
    kind: str | Iterable[str] = "conv",
    ndim: int | Iterable[int] | None = 2,
    max_macs: int = 10_000,
    features: Iterable[str] | None = None,
) -> Any:
    """Run a test on many cases of a convolution, each a :class:`ConvCase` in its parameter ``case``.

    It is Hypothesis' ``given``, so ``@settings(...)`` and ``@example(case=...)`` go above it, and a failing case is
    made as small as possible. The test's other parameters are pytest's: fixtures and ``parametrize``; a fixture is made
    once for all cases. There is no deadline unless ``@settings`` sets one.

    Args:
        test: the test, where the decorator stands without brackets.
        kind: one of :attr:`ConvCase.kinds`, or several.
        ndim: spatial axes, one number or several; None for 1 to 3.
        max_macs: the size of a case in multiply-accumulates, padding included.
        features: what a case may use, out of asymmetric_padding, batch, bias, dilation, groups, negative_padding,
            output_padding, padding and stride; all but negative_padding unless given.

    Raises:
        DomainError: an argument is out of its range, or the test has no parameter ``case`` or is a coroutine.
        UnsupportedError: Hypothesis is not installed.

    >>> import numpy as np
    >>> @conv_case(ndim=1, features={"batch"})
    ... def test_windows(case):
    ...     windows = np.lib.stride_tricks.sliding_window_view(case.x, case.w.shape[2], axis=2)
    ...     case.assert_matches(np.einsum("ncok,fck->nfo", windows, case.w))
    >>> test_windows()
    """
    if test is not None:
        return conv_case()(test)
    try:
        from .strategies import conv_cases
    except ModuleNotFoundError as error:
        raise _needs_hypothesis(error) from None
    return _decorator(conv_cases(ndim=ndim, kind=kind, max_macs=max_macs, features=features), kind, ndim)


@overload
def pool_case(test: Test, /) -> Test: ...


@overload
def pool_case(
    *,
    kind: str | Iterable[str] = ...,
    ndim: int | Iterable[int] | None = ...,
    max_macs: int = ...,
    features: Iterable[str] | None = ...,
) -> Callable[[Test], Test]: ...


def pool_case(
    test: Any = None,
    /,
    *,
    kind: str | Iterable[str] = "max_pool",
    ndim: int | Iterable[int] | None = 2,
    max_macs: int = 10_000,
    features: Iterable[str] | None = None,
) -> Any:
    """Run a test on many cases of a pooling layer, each a :class:`PoolCase`; see :func:`conv_case`.

    ``features`` are out of asymmetric_padding, batch, ceil_mode, dilated_average, dilation, divisor_override,
    exclude_pad, padding and stride; all but dilated_average unless given. Without stride it is the kernel size.

    >>> @pool_case(ndim=1, features={"batch"})
    ... def test_blocks(case):
    ...     k, o = case.kernel_size[0], case.expected.shape[2]
    ...     case.assert_matches(case.x[:, :, : k * o].reshape(*case.x.shape[:2], o, k).max(axis=3))
    >>> test_blocks()
    """
    if test is not None:
        return pool_case()(test)
    try:
        from .strategies import pool_cases
    except ModuleNotFoundError as error:
        raise _needs_hypothesis(error) from None
    return _decorator(pool_cases(ndim=ndim, kind=kind, max_macs=max_macs, features=features), kind, ndim)


def _needs_hypothesis(error: ModuleNotFoundError) -> Exception:
    if (error.name or "").partition(".")[0] != "hypothesis":
        return error
    return UnsupportedError("cases need Hypothesis: pip install 'convmath[pytest]'")


def _decorator(
    cases: SearchStrategy[Any], kind: str | Iterable[str], ndim: int | Iterable[int] | None
) -> Callable[[Any], Any]:
    from hypothesis import strategies as st

    kinds = {kind} if isinstance(kind, str) else set(kind)
    ndims = {1, 2, 3} if ndim is None else {ndim} if isinstance(ndim, int) else set(ndim)

    def decorate(test: Any) -> Any:
        if "case" not in inspect.signature(test).parameters:
            raise DomainError("test", getattr(test, "__name__", test), "needs a parameter named case")
        if any(is_kind(test) for is_kind in _NOT_CALLED):
            condition = "needs a plain function: nothing would run the body of a coroutine or of a generator"
            raise DomainError("test", getattr(test, "__name__", test), condition)
        replayed = _RUNS[-1].stash.get(_REPLAYED, None) if _RUNS else None
        if replayed is None:
            return _given(test, cases)
        if replayed.kind in kinds and replayed.ndim in ndims:
            return _given(test, st.just(replayed))
        return pytest.mark.skip(reason=f"not a test of cases like {replayed}")(_given(test, cases))

    return decorate


def _given(test: Any, cases: SearchStrategy[Any]) -> Any:
    """The test on cases, which its failures name."""
    from hypothesis import given

    @functools.wraps(test)
    def annotated(*arguments: Any, case: Any, **others: Any) -> Any:
        __tracebackhide__ = True
        try:
            return test(*arguments, case=case, **others)
        except (Exception, pytest.fail.Exception) as error:
            error.add_note(_hint(case))
            raise

    found = given(case=cases)(annotated)
    setattr(found, _GIVEN, found)
    return found


def _hint(case: Any) -> str:
    test = os.environ.get("PYTEST_CURRENT_TEST", "").rpartition(" ")[0]
    command = shlex.join(["pytest", *filter(None, [test]), "--convmath-case", str(case)])
    return f"convmath case: {case}\nto run it alone: {command}"


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options."""
    group = parser.getgroup("convmath", "convolution and pooling cases (convmath)")
    group.addoption(
        "--convmath-examples",
        type=_count,
        metavar="N",
        dest=_EXAMPLES,
        help="Cases for each test, whatever it asks for.",
    )
    group.addoption("--convmath-case", metavar="DESCRIPTOR", dest=_CASE, help="Run tests on this one case.")
    parser.addini(_EXAMPLES, "Cases for each test that asks for convolution or pooling cases.")


def pytest_configure(config: pytest.Config) -> None:
    """Read the options, before any test asks for cases."""
    try:
        config.stash[_CHOSEN] = _chosen(config)
        config.stash[_REPLAYED] = _replayed(config.getoption(_CASE))
    except (argparse.ArgumentTypeError, DomainError) as error:
        raise pytest.UsageError(str(error)) from None
    _RUNS.append(config)


def pytest_unconfigure(config: pytest.Config) -> None:
    """Forget the run."""
    if config in _RUNS:
        _RUNS.remove(config)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Let each test of cases take its time and its fixtures, and give it as many cases as the option says."""
    given = [found for item in items if (found := getattr(getattr(item, "obj", None), _GIVEN, None)) is not None]
    for test in given:
        _adapt(test, config.stash.get(_CHOSEN, None))


def _adapt(test: Any, examples: int | None) -> None:
    """Change a test's settings where Hypothesis' own plugin does; a second ``@settings`` would be refused."""
    from hypothesis import HealthCheck, Phase, settings

    own, usual = test._hypothesis_internal_use_settings, cast("settings", settings.default)
    test._hypothesis_internal_use_settings = settings(
        own,
        max_examples=examples or own.max_examples,
        deadline=None if own.deadline == usual.deadline else own.deadline,
        phases=set(own.phases) - {Phase.explain},  # it would trace every line of a slow kernel
        suppress_health_check={*own.suppress_health_check, HealthCheck.function_scoped_fixture},
    )


def _count(text: str) -> int:
    if not (text.isascii() and text.isdigit() and int(text)):
        raise argparse.ArgumentTypeError(f"needs a whole number of cases, at least 1, and not {text!r}")
    return int(text)


def _chosen(config: pytest.Config) -> int | None:
    """The number of cases; the command line before the ini-file."""
    option: int | None = config.getoption(_EXAMPLES)
    text = str(config.getini(_EXAMPLES) or "")
    if option is not None or not text:
        return option
    try:
        return _count(text)
    except argparse.ArgumentTypeError as error:
        raise argparse.ArgumentTypeError(f"{_EXAMPLES}: {error}") from None


def _replayed(descriptor: str | None) -> ConvCase | PoolCase | None:
    if descriptor is None:
        return None
    from .case import parse_case

    return parse_case(descriptor)
