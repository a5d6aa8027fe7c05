"""Lists of drawn cases, and the search for the smallest of some sort; they need Hypothesis."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from random import Random
from typing import TYPE_CHECKING, Any, TypeAlias

from ..errors import UnsupportedError
from .case import ConvCase, PoolCase
from .supports import Supports

if TYPE_CHECKING:
    from hypothesis import Phase
    from hypothesis.strategies import SearchStrategy

AnyCase: TypeAlias = ConvCase | PoolCase


class _EnoughError(BaseException):
    """No more cases are needed; not an Exception, for Hypothesis lets it pass."""


def drawn_cases(kind: str, ndim: int, *, examples: int, seed: int, max_macs: int) -> tuple[AnyCase, ...]:
    """Different cases of a kind; the same for the same seed, and fewer than asked for where there are no more.

    Half of the pooling cases have the same padding on both sides of each axis, as many libraries know no other.

    >>> [str(case) for case in drawn_cases("grad_bias", 1, examples=2, seed=0, max_macs=50)][0]
    'grad_bias n1 c1 o1 i1 k1 #0'
    """
    found: dict[str, AnyCase] = {}
    sources = _strategies(kind, ndim, max_macs)
    for number, strategy in enumerate(sources, 1):
        wanted = examples * number // len(sources)

        def keep(case: AnyCase, wanted: int = wanted) -> bool:
            found.setdefault(str(case), case)
            if len(found) >= wanted:
                raise _EnoughError
            return False

        if len(found) < wanted:
            with suppress(_EnoughError):
                _search(strategy, keep, examples, seed, shrink=False)
    return tuple(found.values())


def smallest_case(
    kind: str,
    ndim: int,
    condition: Callable[[AnyCase], bool],
    *,
    examples: int,
    seed: int,
    max_macs: int,
    tries: int = 150,
    enough: Callable[[], bool] = lambda: False,
) -> AnyCase | None:
    """The smallest case found on which a condition holds.

    It is asked about at most ``tries`` cases after the first, and no more of them when ``enough``.
    """
    best: AnyCase | None = None
    left = tries

    def holds(case: AnyCase) -> bool:
        nonlocal best, left
        if best is not None:
            left -= 1
        if left < 0 or enough():
            raise _EnoughError
        if not condition(case):
            return False
        best = case
        return True

    for strategy in _strategies(kind, ndim, max_macs):
        with suppress(_EnoughError):
            _search(strategy, holds, examples, seed, shrink=True)
        if best is not None:
            break
    return best


def _strategies(kind: str, ndim: int, max_macs: int) -> Sequence[SearchStrategy[Any]]:
    try:
        from .strategies import conv_cases, pool_cases
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] != "hypothesis":
            raise
        raise UnsupportedError("drawing cases needs Hypothesis: pip install 'convmath[oracle]'") from None
    allowed = Supports.of(kind, None).allowed
    if kind in ConvCase.kinds:
        return [conv_cases(ndim=ndim, kind=kind, max_macs=max_macs, features=allowed)]
    return [
        pool_cases(ndim=ndim, kind=kind, max_macs=max_macs, features=features)
        for features in (allowed, allowed - {"asymmetric_padding"})
    ]


def _search(
    strategy: SearchStrategy[Any], condition: Callable[[AnyCase], bool], examples: int, seed: int, *, shrink: bool
) -> None:
    """Draw cases until the condition holds, and then smaller ones; twice as many as asked for, as draws repeat."""
    from hypothesis import Phase, find, settings
    from hypothesis.errors import NoSuchExample

    phases: tuple[Phase, ...] = (Phase.generate, Phase.shrink) if shrink else (Phase.generate,)
    quiet = settings(max_examples=2 * examples + 20, database=None, deadline=None, derandomize=False, phases=phases)
    with suppress(NoSuchExample):
        find(strategy, condition, settings=quiet, random=Random(seed))  # noqa: S311
