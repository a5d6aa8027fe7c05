"""The zoo's score: how many wrong kernels each method catches, by kind.

``python -m tests.meta.score`` prints the table that the README shows.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import cache

from convmath.oracle import check
from convmath.oracle.formats import arithmetic

from .peers import PEERS
from .zoo import TWINS, ZOO, Specimen

SEEDS = range(5)
EXAMPLES = 200
_FEW = (4, 16, 64)
_MACS = 1_000  # of a case at most: a tenth of what a check allows unless told, for speed


class _FailedError(BaseException):
    """A case has failed, and the smallest one need not be searched for."""


def caught(specimen: Specimen, seed: int) -> bool:
    """Whether a check of at most 200 examples refuses a wrong kernel; most need no more than a few of them."""
    return any(_refused(specimen.make(), specimen, examples, seed) for examples in (*_FEW, EXAMPLES))


def twin_passes(specimen: Specimen, seed: int) -> bool:
    """Whether a check of 200 examples accepts the correct kernel."""
    return not _refused(specimen.twin(), specimen, EXAMPLES, seed)


def _refused(kernel: Callable[..., object], specimen: Specimen, examples: int, seed: int) -> bool:
    def stop(stage: str, count: int) -> None:
        if stage == "shrinking":
            raise _FailedError

    try:
        report = check(
            kernel,
            specimen.kind,
            specimen.ndim,
            examples=examples,
            seed=seed,
            isolated=False,
            watch=stop,
            **{"max_macs": _MACS} | specimen.judged,
        )
    except _FailedError:
        return True
    return not report.ok


def peer_catches(method: str, specimen: Specimen) -> bool | None:
    """Whether a method refuses a wrong kernel and accepts its twin; None where it does not apply."""
    dtype = arithmetic(specimen.judged.get("dtype", "float64")).storage.name
    refused = PEERS[method](specimen.make, specimen.kind, specimen.ndim, dtype)
    return None if refused is None else refused and not peer_refuses_twin(method, specimen.kind, specimen.ndim, dtype)


@cache
def peer_refuses_twin(method: str, kind: str, ndim: int, dtype: str) -> bool:
    """Whether a method refuses the correct kernel of a kind."""
    return bool(PEERS[method](TWINS[kind], kind, ndim, dtype))


def rows(own: Callable[[Specimen], bool]) -> list[list[str]]:
    """The table: a row for each kind, and their sum."""
    answers = [(specimen.kind, [own(specimen), *(peer_catches(name, specimen) for name in PEERS)]) for specimen in ZOO]
    kinds = [[kind, *_counts([found for of, found in answers if of == kind])] for kind in TWINS]
    return [*kinds, ["all", *_counts([found for _, found in answers])]]


def _counts(answers: list[list[bool | None]]) -> Iterable[str]:
    """The number of wrong kernels, and how many of them each method catches; none where it does not apply."""
    yield str(len(answers))
    for column in zip(*answers, strict=True):
        yield "n/a" if set(column) == {None} else str(sum(found is True for found in column))


def table(own: Callable[[Specimen], bool]) -> str:
    """The rows as Markdown."""
    head = ["kind", "wrong kernels", "`convmath check`", *PEERS]
    lines = [head, ["---", *["---:"] * (len(head) - 1)], *rows(own)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


if __name__ == "__main__":
    print(table(lambda specimen: all(caught(specimen, seed) for seed in SEEDS)))
