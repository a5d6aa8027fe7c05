"""The closed form of a node's sizes, with how they are made and the theorem that they are that."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TypeAlias

import sympy

from ...calculus.index import Term, eq, integers
from ...calculus.kernel import Theorem
from ...errors import DomainError
from ...inert import Rounding
from ...notebook import brief, plain
from ..row import without
from .laws import Label, Step, combined, linked, made_size, proved, weakest
from .reading import BY_CONSTRUCTION
from .sets import SizeSet
from .showing import Line
from .terms import shown


@dataclass(frozen=True, eq=False)
class Length:
    """A size that depends on the input size, where it is made.

    Attributes:
        form: the closed form.
        step: how it is made of other sizes, and that this is its closed form; None for the input's own size.
        of: the sizes of which it is made, with their placeholders.
        label: what the closed form rests on, all the way from the input.
        term: how it is made of the placeholders; None for the input's own size.
        ways: where the network's code goes several ways, the size on each of them, and that this closed form is its.

    >>> n = integers("n")
    >>> made = Length(2 * n, of=((integers("m"), Length(n)),), term=2 * integers("m"))
    >>> made, made.of[0][1]
    (Length(2*n, proved), Length(n, proved))
    """

    form: Term
    step: Step | None = None
    of: tuple[tuple[sympy.Symbol, Length], ...] = ()
    label: Label = "proved"
    term: Term | None = None
    ways: tuple[tuple[Length, Theorem], ...] = ()

    @cached_property
    def factors(self) -> tuple[Length, ...]:
        """The sizes whose product it is, with a number; itself if it is made otherwise."""
        if self.term is None or self.term.atoms(sympy.Add, Rounding):
            return (self,)
        return tuple(dict.fromkeys(factor for _, length in self.of for factor in length.factors))

    def named(self, names: Mapping[Length, Term]) -> Term:
        """Its name, or the product of the names of its factors."""
        if self in names or self.term is None:
            return names[self]
        return self.term.xreplace({place: length.named(names) for place, length in self.of})

    def __repr__(self) -> str:
        """The closed form, without the sizes of which it is made."""
        return brief(self, shown(self.form), self.label)


Dimension: TypeAlias = int | Length


@dataclass(frozen=True, repr=False)
class ClosedForm(Line):
    """The sizes of a node's output in terms of the input size, all in elements.

    Attributes:
        name: the name of the node.
        symbol: the input size.
        dimensions: the sizes, the batch first, with how they are made; None where they are unknown.
        valid: the input sizes for which it is known that there is this output; None where they are unknown.
        reason: why the sizes are unknown, in words.
        reading: how the network is known to be the same at every size: ``"by construction"``, where it was built by
            hand or its code was told no number of a size; else it was ``"read again at 12 other sizes"``, and found the
            same.
        batch: the dimension of the output that is the batch; None where none is.
        given: what else is taken to hold for valid input sizes, in words.

    >>> n = integers("n")
    >>> form = ClosedForm("conv", n, (1, 8, Length(2 * n)), SizeSet(least=3))
    >>> print(form)
    conv: (8, 2*n) for n >= 3, proved
    >>> form.sizes, form.output_size, form.size, form.at(5)
    ((1, 8, 2*n), (8, 2*n), 2*n, (1, 8, 10))
    >>> form.algebra, form.cells
    ('proved', ('conv', '(8, 2*n)', 'n >= 3', 'proved'))
    """

    name: str
    symbol: sympy.Symbol
    dimensions: tuple[Dimension, ...] | None
    valid: SizeSet | None = field(default_factory=SizeSet)
    reason: str = ""
    reading: str = BY_CONSTRUCTION
    batch: int | None = 0
    given: str = ""

    @property
    def sizes(self) -> tuple[int | Term, ...] | None:
        """The sizes, the batch first, as ints and SymPy terms; None where they are unknown."""
        return self.dimensions and tuple(n.form if isinstance(n, Length) else n for n in self.dimensions)

    @property
    def output_size(self) -> tuple[int | Term, ...] | None:
        """The sizes without the batch."""
        return without(self.batch, self.sizes)

    @property
    def size(self) -> Term | None:
        """The first size that depends on the input size; None if none does, or if they are unknown."""
        return self._length.form if self._length else None

    @property
    def _length(self) -> Length | None:
        return next((n for n in self.dimensions or () if isinstance(n, Length) and self._own(n)), None)

    def _own(self, length: Length) -> bool:
        """Whether a size goes by the input size and by no other symbol."""
        return set(length.form.free_symbols) <= {self.symbol}

    @property
    def label(self) -> Label:
        """What the sizes rest on for valid input sizes; ``"unknown"`` where it is unknown which these are.

        >>> n = integers("n")
        >>> ClosedForm("conv", n, (1, 8, Length(2 * n)), valid=None).label
        'unknown'
        """
        return "unknown" if self.valid is None else self.sizes_label

    @property
    def sizes_label(self) -> Label:
        """Whether the sizes are ``"proved"``, ``"checked by sampling"`` or ``"unknown"``, :attr:`reading` included.

        >>> n = integers("n")
        >>> ClosedForm("conv", n, (1, 8, Length(2 * n)), reading="read again at 12 other sizes").sizes_label
        'checked by sampling'
        """
        return weakest((self.algebra, "proved" if self.reading == BY_CONSTRUCTION else "checked by sampling"))

    @property
    def algebra(self) -> Label:
        """The label of the sizes as they follow from the graph, if that is the network's at every size."""
        if self.dimensions is None:
            return "unknown"
        return weakest(n.label for n in self.dimensions if isinstance(n, Length))

    @property
    def _words(self) -> str:
        """The label, and what it comes from where that is the reading."""
        if self.valid is None:
            return "unknown: so is where they hold"
        given = f" {self.given}" if self.given else ""
        if self.reading == BY_CONSTRUCTION:
            return f"{self.label}{given}"
        return f"{self.label} (network {self.reading}, algebra {self.algebra}){given}"

    @cached_property
    def theorem(self) -> Theorem | None:
        """That :attr:`size` is the last of the sizes that the layers make one of the other; None without a proof.

        Its hypotheses say how each layer makes the size after it of those before. Where the network's code goes several
        ways, there is one for each: see :attr:`theorems`.

        >>> from convmath.network import Graph, operators
        >>> net = Graph()
        >>> _ = net.add("pool", operators.Pool("max", (2,)), net.input((3, 8)))
        >>> print(net.closed_forms()["pool"].theorem, len(net.closed_forms()["pool"].theorems))
        <Theorem n_1 = ⌊n/2⌋> 1
        """
        return self.theorems[0] if len(self.theorems) == 1 else None

    @cached_property
    def theorems(self) -> tuple[Theorem, ...]:
        """The :attr:`theorem` for each way that the network's code goes, at the input sizes of which it goes so."""
        return () if self._length is None else theorems_of(self._length, self.symbol)

    def at(self, n: int) -> tuple[int, ...]:
        """The sizes of the output, the batch first, for an input size.

        Raises:
            DomainError: the network does not take this size, or the sizes are unknown.
        """
        self.require(n)
        others = [length for length in self.dimensions or () if isinstance(length, Length) and not self._own(length)]
        if others:
            needs = f"{self.name} has the size {shown(others[0].form)}, too; Graph.at() takes a number for each symbol"
            raise DomainError(self.symbol.name, n, needs)
        return tuple(size if isinstance(size, int) else int(size.subs(self.symbol, n)) for size in self.sizes or ())

    def require(self, n: int) -> None:
        """Require an input size that the network takes.

        Raises:
            DomainError: it does not, or the sizes are unknown.

        >>> ClosedForm("conv", integers("n"), (1, 8, 4), SizeSet(least=3)).require(2)
        Traceback (most recent call last):
        convmath.errors.DomainError: n=2: conv needs n >= 3
        """
        if self.sizes is None or self.valid is None:
            raise DomainError("name", self.name, f"its sizes are unknown: {self.reason or 'so are the valid inputs'}")
        if n not in self.valid:
            raise DomainError(self.symbol.name, n, f"{self.name} needs {self.valid.text(self.symbol.name)}")

    @property
    def cells(self) -> tuple[str, str, str, str]:
        """The name, the sizes without the batch, the valid input sizes and the label, as text."""
        if self.output_size is None:
            return plain(self.name), "?", "?", plain(f"unknown: {self.reason}")
        sizes = ", ".join(shown(sympy.Integer(size) if isinstance(size, int) else size) for size in self.output_size)
        valid = "an unknown set" if self.valid is None else self.valid.text(self.symbol.name)
        return plain(self.name), f"({sizes})", valid, self._words

    def latex(self, valid: Iterable[tuple[SizeSet | None, sympy.Symbol]]) -> str | None:
        r"""The sizes without the batch, sets of input sizes and the label; None if one of them is unknown.

        >>> n = integers("n")
        >>> print(ClosedForm("conv", n, (1, 8, Length(2 * n))).latex([(SizeSet(least=3), n)]))
        $\displaystyle \left(8, 2n\right),\quad n \ge 3\quad\text{(proved)}$
        """
        from ...latex.printer import latex

        sets = [None if found is None else found.latex(symbol) for found, symbol in valid]
        if self.output_size is None or None in sets:
            return None
        sizes = ", ".join(latex(sympy.Integer(size) if isinstance(size, int) else size) for size in self.output_size)
        known = r";\quad ".join(filter(None, sets))
        return rf"$\displaystyle \left({sizes}\right),\quad {known}\quad\text{{({self._words})}}$"

    def _repr_latex_(self) -> str | None:
        """The sizes without the batch, the valid input sizes and the label, for notebooks; None if they are unknown."""
        return self.latex([(self.valid, self.symbol)])


def theorems_of(length: Length, symbol: sympy.Symbol) -> tuple[Theorem, ...]:
    """That a size has its closed form, on each way that a network's code goes; none without a proof of all."""
    found = []
    for one, equal in length.ways or ((length, None),):
        theorem = theorem_of(one, symbol)
        if theorem is not None and equal is not None:
            made, form = theorem.formula.args[0], equal.formula.args[1]
            theorem = combined(eq(made, form), (theorem, equal))
        if theorem is None:
            return ()
        found.append(theorem)
    return tuple(found)


def theorem_of(length: Length, symbol: sympy.Symbol) -> Theorem | None:
    """That a size has its closed form, from how the layers make each size of those before it; None without a proof."""
    if length.label != "proved":
        return None
    names: dict[Length, sympy.Symbol] = {}
    found: dict[Length, Theorem] = {}
    for one in _before(length):
        if one.step is None:
            names[one], theorem = symbol, proved(eq(symbol, symbol))
        else:
            names[one] = integers(f"{symbol.name}_{len(names)}")
            theorem = one.step.theorem
            if theorem is not None:
                at = {made_size(symbol): names[one], **{place: names[other] for place, other in one.of}}
                theorem = linked(theorem, at, [found[other] for _, other in one.of])
        if theorem is None:
            return None
        found[one] = theorem
    return found[length]


def _before(length: Length) -> Iterator[Length]:
    """The sizes of which a size is made, itself the last, each after those of which it is made."""
    seen: set[Length] = set()
    waiting = [(length, False)]
    while waiting:
        one, ready = waiting.pop()
        if ready:
            yield one
        elif one not in seen:
            seen.add(one)
            waiting.append((one, True))
            waiting += [(other, False) for _, other in one.of]
