"""Proves entries of the catalogue, several at a time in processes of their own. The results are plain data."""

from __future__ import annotations

import multiprocessing
import os
import signal
import traceback
from collections import Counter
from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import closing, contextmanager, suppress
from dataclasses import asdict, dataclass, field, replace
from functools import lru_cache
from pathlib import Path
from time import perf_counter
from typing import Any

from . import cache
from .calculus import store
from .calculus.recheck import Recheck
from .calculus.smt import write_smtlib
from .calculus.solvers import SOLVERS
from .calculus.trace import trace
from .catalog import Entry, build, entries, entry
from .errors import ConvmathError, ProofError, UnsupportedError
from .text_files import write_file


@dataclass(frozen=True)
class Request:
    """How to prove.

    Attributes:
        search: find the certificates anew and write them, in place of reading them.
        folder: where the certificates are; by default the committed ones.
        recheck: check the traces with Z3, cvc5 and brute force too.
        smtlib: a folder for the integer facts as SMT-LIB 2 files, ``ID/STEP.smt2``.
        cache: a folder in which what is proved is kept, and looked up as long as nothing that it depends on changes;
            without one everything is proved. A search, or SMT-LIB files, need a proof anyway.
    """

    search: bool = False
    folder: Path | None = None
    recheck: bool = False
    smtlib: Path | None = None
    cache: Path | None = None

    @property
    def looks_up(self) -> bool:
        """Whether an outcome that was kept is as good as a proof."""
        return self.cache is not None and not self.search and self.smtlib is None

    def key(self, item: Entry) -> str | None:
        """The hash of all that the outcome for an entry depends on, if it may be kept at all."""
        return cache.key(item, {"recheck": self.recheck}, self.folder) if self.looks_up else None


@dataclass(frozen=True)
class Outcome:
    """What came of proving an entry for every number of axes that it has.

    Attributes:
        id: the id of the entry.
        seconds: how long the proof took, with those lemmas that no earlier entry had proved in the same process.
        facts: integer facts, each with a certificate.
        steps: theorems that the kernel made, those of the lemmas included.
        trust: what the theorems rest on.
        answers: for Z3, cvc5 and brute force, how often each answer was given; empty without a recheck.
        recheck_seconds: how long the recheck took, without what it had checked in the same process before.
        problems: a sentence for each thing that is wrong; none if the entry is proved.
        cached: whether this is what an earlier proof came to, all that it depends on being the same.
    """

    id: str
    seconds: float = 0.0
    facts: int = 0
    steps: int = 0
    trust: tuple[str, ...] = ()
    answers: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    recheck_seconds: float = 0.0
    problems: tuple[str, ...] = ()
    cached: bool = False

    @property
    def ok(self) -> bool:
        """Whether the entry is proved and nothing is wrong."""
        return not self.problems


def prove(
    identifiers: Iterable[str] = (), request: Request | None = None, *, jobs: int | None = None
) -> Generator[Outcome]:
    """Prove entries and yield what came of each, in their order.

    Args:
        identifiers: ids of entries; without any, every entry.
        request: how to prove; by default from the committed certificates.
        jobs: how many processes, by default one a processor; a single entry or job is proved in this process.

    Raises:
        DomainError: an id is unknown.
        UnsupportedError: certificates cannot be found or written here, or a solver for the recheck is missing.

    >>> [outcome.ok for outcome in prove(["size.valid"])]
    [True]
    """
    items = [entry(identifier) for identifier in dict.fromkeys(identifiers)] or list(entries())
    request = request or Request()
    if request.search:
        request = replace(request, folder=writable_folder(request.folder))
    if request.recheck:
        _recheck()  # refused before the first proof where a solver is missing
    return _merged(items, _kept(items, request), request, jobs or processors())


def _merged(items: Sequence[Entry], kept: Mapping[str, Outcome], request: Request, jobs: int) -> Generator[Outcome]:
    """What was kept and what is proved now, in the order of the entries.

    What may be kept is proved in a fresh process, whose modules are no older than the hash of their source.
    """
    fresh = [item for item in items if item.id not in kept]
    workers = min(len(fresh), jobs)
    apart = workers > 1 or (fresh and request.looks_up)
    running = _in_processes(fresh, request, workers) if apart else (prove_entry(item, request) for item in fresh)
    with closing(running):
        for item in items:
            yield kept[item.id] if item.id in kept else next(running)


def _kept(items: Iterable[Entry], request: Request) -> dict[str, Outcome]:
    """The outcomes that were kept, each under the hash of what it depends on now."""
    found = {}
    for item in items:
        key = request.key(item)
        data = cache.read(_place(item, request), key) if key else None
        outcome = _read(data) if data is not None else None
        if outcome is not None and outcome.ok and outcome.id == item.id and set(outcome.trust) == set(item.trust):
            found[item.id] = replace(outcome, cached=True)
    return found


def _keep(item: Entry, request: Request, key: str | None, outcome: Outcome) -> None:
    """Keep what is proved, if nothing that it depends on has changed meanwhile, and if the folder can be written."""
    if outcome.ok and key and key == request.key(item):
        with suppress(OSError):
            write_file(_place(item, request), cache.text(key, asdict(outcome)))


def _place(item: Entry, request: Request) -> Path:
    return (request.cache or Path()) / f"{item.id}{'.recheck' if request.recheck else ''}.json"


def _read(data: Mapping[str, Any]) -> Outcome | None:
    try:
        outcome = Outcome(**data)
        return replace(outcome, trust=tuple(outcome.trust), problems=tuple(outcome.problems))
    except TypeError:
        return None


def prove_entry(item: Entry, request: Request) -> Outcome:
    """Prove one entry in this process.

    Raises:
        UnsupportedError: certificates cannot be found here, or a solver for the recheck is missing.
    """
    start = perf_counter()
    outcome = Outcome(item.id)
    try:
        with store.certificates(item.id, search=request.search, folder=request.folder) as certificates:
            proofs = [build(item, ndim) for ndim in item.ndims or (None,)]
    except UnsupportedError:
        raise
    except Exception as error:  # a wrong proof may fail anywhere, also inside SymPy
        return replace(outcome, seconds=perf_counter() - start, problems=(_sentence(error, item),))
    if request.search and request.folder is not None:
        write_file(store.file_of(item.id, request.folder), certificates.text())
    seconds = perf_counter() - start
    steps = trace(*(theorem for proof in proofs for theorem in proof.theorems))
    if request.smtlib is not None:
        write_smtlib(steps, request.smtlib / item.id)
    outcome = replace(
        outcome,
        seconds=seconds,
        facts=len(certificates.used),
        steps=len(steps),
        trust=tuple(sorted({name for step in steps for name in step["trust"]})),
        problems=tuple(
            f"a certificate is stale, nothing asks for {goal}: {store.remedy(item.id)}" for goal in certificates.stale()
        ),
    )
    return _rechecked(outcome, steps) if request.recheck else outcome


def _rechecked(outcome: Outcome, steps: Sequence[Mapping[str, Any]]) -> Outcome:
    report = _recheck().report(steps)
    answers = {name: Counter(fact.solvers[name].verdict for fact in report.facts) for name in SOLVERS}
    answers["brute force"] = Counter(step.brute.verdict for step in report.steps)
    failed = tuple(f"the recheck does not confirm step {step.line()}" for step in report.steps if not step.ok)
    return replace(
        outcome,
        answers={name: dict(counts) for name, counts in answers.items()},
        recheck_seconds=report.seconds,
        problems=outcome.problems + failed,
    )


@lru_cache(maxsize=1)
def _recheck() -> Recheck:
    """One a process: what entries have in common is rechecked once."""
    return Recheck()


def _sentence(error: Exception, item: Entry) -> str:
    """What went wrong, and the line of the proof where it did."""
    sentence = str(error) if isinstance(error, ConvmathError) else f"{type(error).__name__}: {error}"
    sentence = sentence.removeprefix(f"{item.id}: ")
    home = item.build.__globals__["__file__"]
    lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == home]
    return f"{sentence} ({Path(home).name}, line {lines[-1]})" if lines else sentence


def processors() -> int:
    """The processors that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _in_processes(items: Sequence[Entry], request: Request, workers: int) -> Generator[Outcome]:
    """Every entry in one of the worker processes; they end with the iterator, however that ends."""
    others = multiprocessing.active_children()
    pool = ProcessPoolExecutor(workers, mp_context=multiprocessing.get_context("spawn"))
    keys = [request.key(item) for item in items]
    try:
        with _interrupts_held():
            futures = [pool.submit(_prove_id, item.id, request) for item in items]
        for item, key, future in zip(items, keys, futures, strict=True):
            try:
                outcome = future.result()
            except BrokenProcessPool:
                outcome = Outcome(item.id, problems=("its process ended early, as it does when memory runs out",))
            _keep(item, request, key, outcome)
            yield outcome
    except BaseException:
        for worker in multiprocessing.active_children():
            if worker not in others:
                worker.terminate()
        raise
    finally:
        pool.shutdown(cancel_futures=True)


def _prove_id(identifier: str, request: Request) -> Outcome:
    return prove_entry(entry(identifier), request)


@contextmanager
def _interrupts_held() -> Iterator[None]:
    """Start processes that do not see Ctrl-C: it is for the parent, which ends them."""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)


def orphans(folder: Path | None = None) -> list[Path]:
    """The files of certificates that belong to no entry; other files are left alone."""
    folder = folder or store.committed()
    names = {item.id for item in entries()}
    return sorted(path for path in folder.glob("*.json") if path.stem not in names and _has_certificates(path))


def _has_certificates(path: Path) -> bool:
    try:
        store.load(path.stem, path.parent)
    except ProofError:
        return False
    return True


def writable_folder(folder: Path | None = None) -> Path:
    """The folder into which found certificates are written: the given one, or that of the source tree.

    Raises:
        UnsupportedError: it is not writable, or convmath runs from an installed copy.
    """
    chosen = folder or store.committed()
    if folder is None and not (chosen.parents[1] / "pyproject.toml").is_file():
        raise UnsupportedError(f"{chosen} belongs to an installed copy: search in a source checkout, or name a folder")
    if not (chosen.is_dir() and os.access(chosen, os.W_OK)):
        raise UnsupportedError(f"{chosen} is no folder in which files can be written")
    return chosen
