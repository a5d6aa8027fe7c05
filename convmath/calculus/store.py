"""Committed certificates: looked up by fact, independent of variable names; found anew when a search is asked for."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from functools import lru_cache
from importlib.resources import files
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from ..errors import ProofError
from .index import Formula, Json


class Store:
    """The certificates of one entry.

    Attributes:
        used: what the proof asked for so far, in the form in which it is written to the file.
    """

    def __init__(self, name: str, known: dict[str, Json], *, search: bool, folder: Path | None = None) -> None:
        """Take the known certificates, those of a folder; with ``search``, find the missing ones."""
        self.name = name
        self.search = search
        self.folder = folder
        self.used: dict[str, Json] = {}
        self._known = known

    def certificate(self, hypotheses: Sequence[Formula], goal: Formula, cuts: Sequence[Formula]) -> Json:
        """The certificate of a fact, in the fact's own variables."""
        names: dict[str, str] = {}
        fact = [_renamed([h.json() for h in hypotheses], names), _renamed(goal.json(), names)]
        digest = hashlib.sha256(json.dumps(fact).encode()).hexdigest()[:20]
        if digest not in self.used:
            found = self._known[digest]["certificate"] if digest in self._known else None
            if found is None:
                found = self._find(fact, [_renamed(cut.json(), names) for cut in cuts], hypotheses, goal)
            self.used[digest] = {"goal": str(goal), "certificate": found}
        original = {short: name for name, short in names.items()}
        try:
            return _certificate_renamed(self.used[digest]["certificate"], original)
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise ProofError(f"{self.name}: the certificate for {goal} is damaged: {remedy(self.name)}") from error

    def _find(self, fact: Json, cuts: Sequence[Json], hypotheses: Sequence[Formula], goal: Formula) -> Json:
        if not self.search:
            raise ProofError(f"{self.name}: there is no certificate for {goal}: {remedy(self.name)}")
        try:
            return _searched(json.dumps([*fact, cuts]))
        except ProofError as error:
            raise ProofError(f"{self.name}: {_why_not(hypotheses, goal)}") from error

    def stale(self) -> list[str]:
        """The goals of the known certificates that the finished proof did not ask for."""
        return sorted(self._known[digest]["goal"] for digest in self._known.keys() - self.used.keys())

    def text(self) -> str:
        """The file: one certificate a line, in a fixed order."""
        lines = [f"\n{json.dumps(digest)}: {json.dumps(self.used[digest])}" for digest in sorted(self.used)]
        return "{" + ",".join(lines) + "\n}\n"


_CURRENT: ContextVar[Store | None] = ContextVar("certificates", default=None)


def current() -> Store:
    """The store that proofs use now; outside :func:`certificates` an empty one that searches."""
    return _CURRENT.get() or Store("(no entry)", {}, search=True)


@contextmanager
def certificates(name: str, *, search: bool = False, folder: Path | None = None) -> Iterator[Store]:
    """Prove with the certificates of one entry; with ``search`` find all of them anew.

    What is used inside from other entries is proved in the same way.

    Args:
        name: the id of the entry.
        search: whether to find the certificates in place of reading them.
        folder: where the files are; by default the committed ones.

    Raises:
        ProofError: there is no file for the entry, or it holds no certificates.
    """
    outer = _CURRENT.get()
    if outer is not None:
        search, folder = search or outer.search, folder or outer.folder
    known = {} if search else load(name, folder or committed())
    store = Store(name, known, search=search, folder=folder)
    token = _CURRENT.set(store)
    try:
        yield store
    finally:
        _CURRENT.reset(token)


def committed() -> Path:
    """The folder of the committed certificates."""
    return Path(str(files("convmath.proofs.certificates")))


def file_of(name: str, folder: Path) -> Path:
    """The file of an entry's certificates."""
    return folder / f"{name}.json"


def load(name: str, folder: Path) -> dict[str, Json]:
    """The certificates in the file of an entry.

    Raises:
        ProofError: there is no such file, or it holds something else.
    """
    path = file_of(name, folder)
    try:
        known = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise ProofError(f"{name}: its certificates are missing, {path.name}: {remedy(name)}") from error
    except (OSError, ValueError, RecursionError) as error:
        raise ProofError(f"{name}: {path.name} cannot be read ({error}): {remedy(name)}") from error
    items = known.values() if isinstance(known, dict) else [known]
    if not all(isinstance(item, dict) and {"goal", "certificate"} <= item.keys() for item in items):
        raise ProofError(f"{name}: {path.name} is no file of certificates: {remedy(name)}")
    return known  # type: ignore[no-any-return]


@lru_cache(maxsize=1024)
def _searched(question: str) -> Json:
    """The certificate of a fact with its cuts, which several entries may ask for."""
    from .search import find_certificate

    return find_certificate(*json.loads(question))


def remedy(name: str) -> str:
    """What to do when a certificate of an entry is missing, wrong or stale."""
    return f"search again with: convmath prove {name} --search"


def _why_not(hypotheses: Sequence[Formula], goal: Formula) -> str:
    """Why no certificate was found: a validated counterexample, from small numbers or Z3, or that none is known."""
    from .refute import refute

    given = [hypothesis.json() for hypothesis in hypotheses]
    witness = refute(given, goal.json(), solver=find_spec("z3") is not None)
    if witness is not None:
        return f"{goal} is false: {witness.line()}"
    supposed = " and ".join(map(str, hypotheses)) or "nothing"
    return f"no certificate found for {goal}, supposing {supposed}: it may need a cut or a hypothesis more"


def _renamed(expression: Json, names: dict[str, str]) -> Json:
    """Variables and sequences numbered in the order in which they first occur."""
    if isinstance(expression, str):
        return names.setdefault(expression, f"v{len(names)}")
    if isinstance(expression, list):
        if expression and isinstance(expression[0], str):
            head, *rest = expression
            return [head, *(_renamed(part, names) for part in rest)]
        return [_renamed(part, names) for part in expression]
    return expression


def _certificate_renamed(certificate: Json, names: dict[str, str]) -> Json:
    if "close" in certificate:
        equations = [
            [[[number, [names.get(v, v) for v in monomial]] for number, monomial in factor], index]
            for factor, index in certificate["equations"]
        ]
        return {"close": certificate["close"], "equations": equations}
    cases = [_certificate_renamed(case, names) for case in certificate["cases"]]
    if "split" in certificate:
        return {"split": certificate["split"], "cases": cases}
    return {"cut": _formula_renamed(certificate["cut"], names), "cases": cases}


def _formula_renamed(expression: Any, names: dict[str, str]) -> Json:
    if isinstance(expression, str):
        return names[expression]
    if isinstance(expression, list):
        return [expression[0], *(_formula_renamed(part, names) for part in expression[1:])]
    return expression
