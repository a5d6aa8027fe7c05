"""The catalogue: every proved statement with its permanent id, and how to look it up and prove it."""

from __future__ import annotations

import pkgutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING, Any

from .errors import DomainError, ProofError
from .notebook import brief, counted

if TYPE_CHECKING:
    import sympy

    from .calculus.derive import Part
    from .calculus.index import Formula
    from .calculus.kernel import Theorem
    from .calculus.terms import Statement, Value


@dataclass(frozen=True)
class Notation:
    """A symbol or an indexed name that stands for a value on the page: ``left`` is written for ``right``."""

    words: str
    left: Any
    right: Value


@dataclass(frozen=True)
class Example:
    """Small numbers at which a reader can check the statement by hand.

    ``tensors`` gives the entries from index 0 on, nested lists by name; elsewhere they are 0. ``sequences`` gives those
    that the statement asks for.
    """

    numbers: Mapping[sympy.Symbol, int]
    tensors: Mapping[str, Any] = field(default_factory=dict)
    sequences: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Mistake:
    """What is often written instead, as a statement that the engine has to refuse with a witness."""

    words: str
    claim: Statement
    given: tuple[Formula | Statement, ...] = ()


@dataclass(frozen=True)
class Proof:
    """What the proof of an entry consists of; the last part is its main statement.

    Attributes: parts: the theorems with their calculations, in the order of the page; those named in ``main`` are the
        statement. symbols: what each symbol means, in the order in which the page introduces them. notations: names
        for values that the page uses. special: consequences worth a box, such as the case of stride 1.

    >>> entry("size.valid").proof().symbols
    {n: 'input size', k: 'kernel size', o: 'index of a window, from 0'}
    """

    parts: tuple[Part, ...]
    symbols: Mapping[Any, str]
    example: Example
    mistake: Mistake
    notations: tuple[Notation, ...] = ()
    special: tuple[Part, ...] = ()
    main: int = 1

    def __repr__(self) -> str:
        """The number of theorems, and what they rest on."""
        return brief(self, counted(len(self.theorems), "theorem"), *sorted(self.trust))

    @property
    def trust(self) -> frozenset[str]:
        """What the theorems rest on.

        >>> entry("size.valid").proof().trust
        frozenset({'kernel'})
        """
        return frozenset[str]().union(*(theorem.trust for theorem in self.theorems))

    @property
    def statements(self) -> tuple[Part, ...]:
        """The parts that are the entry's statement: the last ``main`` ones.

        >>> [str(part.theorem) for part in entry("size.valid").proof().statements]
        ['<Theorem ∑(o≥0) [o + k - 1 ≤ n - 1] = n - k + 1>']
        """
        return self.parts[-self.main :]

    @property
    def theorems(self) -> tuple[Theorem, ...]:
        """All theorems of the entry.

        >>> len(entry("size.conv").proof().theorems)
        2
        """
        return tuple(part.theorem for part in (*self.parts, *self.special))


@dataclass(frozen=True)
class Entry:
    """A proved statement of the catalogue.

    Attributes:
        id: the permanent name, such as ``"size.conv"``.
        title: what it says, in a few words.
        summary: what it says, in a sentence.
        sources: bibliography keys with the place, or a note that it is new here.
        ndims: the numbers of axes for which it can be derived; empty for statements about one axis.
        helper: the public function that computes it, if there is one.
        trust: exactly what its theorems rest on: the kernel, and SymPy's integrals where there are some.

    >>> found = entry("size.conv")
    >>> found.title, found.helper, found.sources[0]
    ('Output size of a convolution', 'conv_output_size', 'DumoulinVisin2016, relationship 6')
    """

    id: str
    title: str
    summary: str
    sources: tuple[str, ...]
    ndims: tuple[int, ...]
    helper: str | None
    build: Callable[..., Proof]
    trust: tuple[str, ...] = ("kernel",)

    def __repr__(self) -> str:
        """Id and title."""
        return brief(self, f"{self.id}: {self.title}")

    def __str__(self) -> str:
        """What it says, and where that is printed."""
        return f"{self.id}: {self.title}\n{self.summary}\nSources: {'; '.join(self.sources)}"

    def proof(self, ndim: int | None = None) -> Proof:
        """The proof from the committed certificates, made once a process.

        Args:
            ndim: the number of axes, one of ``ndims``; the default is the first of them.

        Raises:
            DomainError: the entry has no such number of axes.
            ProofError: a step does not follow, or a certificate is missing or stale.

        >>> entry("size.conv").proof()
        Proof(2 theorems, kernel)
        """
        return _proved(self, self._axes(ndim))

    def _axes(self, ndim: int | None) -> int | None:
        if ndim is None:
            return self.ndims[0] if self.ndims else None
        if ndim not in self.ndims:
            needs = (
                f"needs one of {', '.join(map(str, self.ndims))}" if self.ndims else "is about one axis: leave ndim out"
            )
            raise DomainError("ndim", ndim, f"{self.id} {needs}")
        return ndim

    @property
    def theorem(self) -> Theorem:
        """The main theorem.

        Raises:
            ProofError: as :meth:`proof`.

        >>> print(entry("size.valid").theorem)
        <Theorem ∑(o≥0) [o + k - 1 ≤ n - 1] = n - k + 1>
        """
        return self.proof().statements[-1].theorem

    @property
    def assumptions(self) -> tuple[Statement, ...]:
        """What the main theorem supposes.

        Raises:
            ProofError: as :meth:`proof`.

        >>> [str(one.body) for one in entry("size.conv").assumptions]
        ['0 <= p_l', '0 <= p_r', '1 <= d', '1 <= k', '1 <= n', '1 <= s', 'd*(k - 1) + 1 <= n + p_l + p_r']
        """
        return tuple(sorted(self.theorem.hypotheses, key=lambda statement: repr(statement.json())))

    @property
    def expr(self) -> sympy.Basic:
        """The main statement as an ordinary SymPy object.

        Raises:
            ProofError: as :meth:`proof`.

        >>> entry("receptive.size").expr
        Eq(R[L], Sum((k[j] - 1)*J[j - 1]*d[j], (j, 1, L)) + 1)
        """
        from .calculus.export import to_sympy
        from .calculus.index import Formula

        given = [h.body for h in self.assumptions if not h.variables and isinstance(h.body, Formula)]
        return to_sympy(self.theorem.conclusion, given)

    def _repr_latex_(self) -> str:
        """The main statement, for Jupyter."""
        statement: str = import_module("convmath.latex.printer").latex(self.theorem.conclusion)
        return rf"$\displaystyle {statement}$"

    def _repr_markdown_(self) -> str:
        """The whole page, for Jupyter."""
        page: str = import_module("convmath.latex.document").render(self, style="markdown")
        return page


_ENTRIES: dict[str, Entry] = {}


def theorem(
    identifier: str,
    *,
    title: str,
    sources: tuple[str, ...],
    ndims: tuple[int, ...] = (),
    helper: str | None = None,
    trust: tuple[str, ...] = ("kernel",),
) -> Callable[[Callable[..., Proof]], Callable[..., Proof]]:
    """Register a proof under its permanent id; its docstring's first line is the summary."""

    def register(build: Callable[..., Proof]) -> Callable[..., Proof]:
        if identifier in _ENTRIES:
            raise ProofError(f"there are two entries {identifier}")
        summary = (build.__doc__ or "").strip().splitlines()[0]
        _ENTRIES[identifier] = Entry(identifier, title, summary, sources, ndims, helper, build, trust)
        return build

    return register


@cache
def _load() -> dict[str, Entry]:
    package = import_module("convmath.proofs")
    for module in sorted(info.name for info in pkgutil.iter_modules(package.__path__) if not info.ispkg):
        import_module(f"convmath.proofs.{module}")
    return _ENTRIES


def entries() -> tuple[Entry, ...]:
    """All entries, module by module as they were loaded; the book has them in the order of a textbook.

    >>> [one.id for one in entries() if one.id.startswith("winograd")]
    ['winograd.filter', 'winograd.infinity']
    """
    return tuple(_load().values())


def entry(identifier: str) -> Entry:
    """The entry with a permanent id.

    Raises:
        DomainError: there is none; the message names the nearest ids.

    >>> entry("size.conv")
    Entry(size.conv: Output size of a convolution)
    """
    known = _load()
    if identifier not in known:
        from difflib import get_close_matches

        near = get_close_matches(identifier, known, n=3, cutoff=0.4)
        hint = f"did you mean {' or '.join(near)}?" if near else "see: convmath list"
        raise DomainError("id", identifier, f"no entry has this id; {hint}")
    return known[identifier]


@cache
def _proved(item: Entry, ndim: int | None) -> Proof:
    from .calculus.store import certificates

    with certificates(item.id):
        return build(item, ndim)


def build(item: Entry, ndim: int | None) -> Proof:
    """Run the proof of an entry in the current store of certificates, and check what it rests on."""
    from .latex.notebook import show_theorems

    show_theorems()
    proof = item.build() if ndim is None else item.build(ndim)
    if more := proof.trust - set(item.trust):
        raise ProofError(f"{item.id} rests on {', '.join(sorted(more))}, which is not allowed")
    if less := set(item.trust) - proof.trust:
        raise ProofError(f"{item.id} does not rest on {', '.join(sorted(less))}, as it declares")
    return proof
