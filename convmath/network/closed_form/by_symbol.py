"""Closed forms of a network whose input sizes are several symbols: every size in them, and the sets for each."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import sympy

from ...calculus.index import Term
from ...errors import DomainError, unknown
from ...notebook import listed
from .form import ClosedForm
from .inputs import InputSizes
from .laws import Label, weakest
from .report import ClosedForms
from .sets import SizeSet
from .showing import Line, Lines


@dataclass(frozen=True, repr=False)
class FormBySymbol(Line):
    """The sizes of a node's output in terms of several input sizes, all in elements.

    Attributes: each: the closed form with what it says about each of the symbols.

    >>> from convmath.network import Graph, operators
    >>> net = Graph()
    >>> _ = net.add("pool", operators.Pool("max", (2, 3)), net.input((3, "h", "w")))
    >>> net.closed_forms()["pool"]
    FormBySymbol(pool: (3, floor(h/2), floor(w/3)) for h >= 2; w >= 3, proved)
    """

    each: tuple[ClosedForm, ...]

    @property
    def name(self) -> str:
        """The name of the node.

        >>> from convmath.network import Graph
        >>> net = Graph()
        >>> _ = net.input((3, "h", "w"), "image")
        >>> net.closed_forms().output.name
        'image'
        """
        return self.each[0].name

    @property
    def sizes(self) -> tuple[int | Term, ...] | None:
        """The sizes, the batch first, as ints and SymPy terms; None where they are unknown.

        >>> from convmath.network import Graph
        >>> net = Graph()
        >>> _ = net.input((3, "h", "w"))
        >>> net.closed_forms().output.sizes
        (1, 3, h, w)
        """
        return self.each[0].sizes

    @property
    def output_size(self) -> tuple[int | Term, ...] | None:
        """The sizes without the batch.

        >>> from convmath.network import Graph
        >>> net = Graph()
        >>> _ = net.input((3, "h", "w"))
        >>> net.closed_forms().output.output_size
        (3, h, w)
        """
        return self.each[0].output_size

    @property
    def valid(self) -> Mapping[str, SizeSet | None]:
        """For each symbol, the sizes for which it is known that there is this output; None where they are unknown.

        >>> from convmath.network import Graph, operators
        >>> net = Graph()
        >>> _ = net.add("pool", operators.Pool("max", (2, 3)), net.input((3, "h", "w")))
        >>> {name: found.text(name) for name, found in net.closed_forms()["pool"].valid.items()}
        {'h': 'h >= 2', 'w': 'w >= 3'}
        """
        return {form.symbol.name: form.valid for form in self.each}

    @property
    def label(self) -> Label:
        """What the sizes rest on for valid input sizes; ``"unknown"`` where it is unknown which these are.

        >>> from convmath.network import Graph, operators
        >>> net = Graph()
        >>> _ = net.add("pool", operators.Pool("max", (2, 3)), net.input((3, "h", "w")))
        >>> net.closed_forms()["pool"].label
        'proved'
        """
        return weakest(form.label for form in self.each)

    @property
    def reason(self) -> str:
        """Why the sizes are unknown, in words.

        >>> from convmath.network import Graph, operators
        >>> net = Graph()
        >>> _ = net.add("odd", operators.Unknown("my_op", "it is not one of the operators"), net.input((3, "h", "w")))
        >>> net.closed_forms()["odd"].reason
        'odd (my_op) is not understood: it is not one of the operators'
        """
        return self.each[0].reason

    @property
    def reading(self) -> str:
        """How the network is known to be the same at every size.

        >>> from convmath.network import Graph
        >>> net = Graph()
        >>> _ = net.input((3, "h", "w"))
        >>> net.closed_forms().output.reading
        'by construction'
        """
        return self.each[0].reading

    @property
    def given(self) -> str:
        """What else is taken to hold for valid input sizes, in words.

        >>> from convmath.network import Graph, operators
        >>> net = Graph()
        >>> _ = net.add("pool", operators.Pool("max", (2, 3)), net.input((3, "h", "w")))
        >>> net.closed_forms()["pool"].given
        ''
        """
        return self.each[0].given

    def at(self, size: int | None = None, /, **sizes: int) -> tuple[int, ...]:
        """The sizes of the output, the batch first, for input sizes.

        Args:
            size: the number for every symbol.
            sizes: the number of each symbol, by its name.

        Raises:
            DomainError: a symbol lacks its number, the network does not take it, or the sizes are unknown.

        >>> from convmath.network import Graph, operators
        >>> net = Graph()
        >>> _ = net.add("pool", operators.Pool("max", (2, 3)), net.input((3, "h", "w")))
        >>> net.closed_forms()["pool"].at(h=10, w=12), net.closed_forms()["pool"].at(12)
        ((1, 3, 5, 4), (1, 3, 6, 4))
        """
        from ..symbolic import numbers_for

        given = numbers_for([form.symbol.name for form in self.each], sizes if size is None else size)
        for form in self.each:
            form.require(given[form.symbol.name])
        values = {form.symbol: given[form.symbol.name] for form in self.each}
        found = tuple(n if isinstance(n, int) else n.subs(values) for n in self.sizes or ())
        open_ = [n for n in found if not isinstance(n, int) and n.free_symbols]
        if open_:
            raise DomainError("name", self.name, f"has the size {open_[0]}, too; Graph.at() takes a number for it")
        return tuple(map(int, found))

    @property
    def cells(self) -> tuple[str, str, str, str]:
        """The name, the sizes without the batch, the valid input sizes and the label, as text.

        >>> from convmath.network import Graph, operators
        >>> net = Graph()
        >>> _ = net.add("pool", operators.Pool("max", (2, 3)), net.input((3, "h", "w")))
        >>> net.closed_forms()["pool"].cells
        ('pool', '(3, floor(h/2), floor(w/3))', 'h >= 2; w >= 3', 'proved')
        """
        name, sizes, _, _ = self.each[0].cells
        weak = next(form for form in self.each if form.label == self.label)
        valid = "; ".join(dict.fromkeys(form.cells[2] for form in self.each))
        return name, sizes, valid, weak.cells[3]

    def _repr_latex_(self) -> str | None:
        """The sizes, the valid input sizes and the label, for notebooks; None if they are unknown."""
        return self.each[0].latex([(form.valid, form.symbol) for form in self.each])


@dataclass(frozen=True, repr=False)
class FormsBySymbol(Lines):
    """The closed forms of a network whose input sizes are several symbols.

    Attributes: each: the closed forms with what they say about each of the symbols.

    >>> from convmath.network import Graph, operators
    >>> net = Graph()
    >>> _ = net.add("pool", operators.Pool("max", (2, 3)), net.input((3, "h", "w")))
    >>> print(net.closed_forms())
    input: (3, h, w) for h >= 1; w >= 1, proved
    pool: (3, floor(h/2), floor(w/3)) for h >= 2; w >= 3, proved
    valid: h >= 2
    valid: w >= 3
    matching: h >= 1
    matching: w >= 1
    lossless: h >= 2 with h mod 2 = 0
    lossless: w >= 3 with w mod 3 = 0
    """

    each: tuple[ClosedForms, ...]

    @property
    def symbols(self) -> tuple[sympy.Symbol, ...]:
        """The input sizes.

        >>> from convmath.network import Graph
        >>> net = Graph()
        >>> _ = net.input((3, "h", "w"))
        >>> net.closed_forms().symbols
        (h, w)
        """
        return tuple(forms.symbol for forms in self.each)

    def about(self, symbol: str | sympy.Symbol) -> ClosedForms:
        """The closed forms with what they say about one of the symbols: its sets, theorems and scope.

        Raises:
            DomainError: it is none of them.

        >>> from convmath.network import Graph, operators
        >>> net = Graph()
        >>> _ = net.add("pool", operators.Pool("max", (2, 3)), net.input((3, "h", "w")))
        >>> net.closed_forms().about("w").lossless
        InputSizes(w >= 3 with w mod 3 = 0, proved)
        """
        found = {forms.symbol.name: forms for forms in self.each}
        if str(symbol) not in found:
            raise unknown("symbol", str(symbol), found, "input size", listed(found))
        return found[str(symbol)]

    def __iter__(self) -> Iterator[FormBySymbol]:
        """The closed forms in order."""
        return (self[name] for name in self.each[0].forms)

    def __len__(self) -> int:
        """The number of nodes."""
        return len(self.each[0])

    def __getitem__(self, name: str) -> FormBySymbol:
        """The closed form of a node.

        Raises:
            DomainError: there is none of this name.
        """
        return FormBySymbol(tuple(forms[name] for forms in self.each))

    @property
    def outputs(self) -> tuple[FormBySymbol, ...]:
        """Those of the nodes whose results the network returns, in its order.

        >>> from convmath.network import Graph
        >>> net = Graph()
        >>> _ = net.input((3, "h", "w"), "left"), net.input((1, "h"), "right")
        >>> [form.output_size for form in net.closed_forms().outputs]
        [(3, h, w), (1, h)]
        """
        return tuple(self[form.name] for form in self.each[0].outputs)

    @property
    def output(self) -> FormBySymbol:
        """That of the last node whose result the network returns; of several, :attr:`outputs` has all.

        Raises:
            DomainError: there are no nodes.

        >>> from convmath.network import Graph
        >>> net = Graph()
        >>> _ = net.input((3, "h", "w"))
        >>> print(net.closed_forms().output)
        input: (3, h, w) for h >= 1; w >= 1, proved
        """
        return self[self.each[0].output.name]

    @property
    def label(self) -> Label:
        """What all of them rest on together.

        >>> from convmath.network import Graph, operators
        >>> net = Graph()
        >>> _ = net.add("pool", operators.Pool("max", (2, 3)), net.input((3, "h", "w")))
        >>> net.closed_forms().label
        'proved'
        """
        return weakest(forms.label for forms in self.each)

    @property
    def valid(self) -> Mapping[str, InputSizes]:
        """For each symbol, the input sizes for which every layer has an output and branches match.

        >>> from convmath.network import Graph, operators
        >>> net = Graph()
        >>> _ = net.add("pool", operators.Pool("max", (2, 3)), net.input((3, "h", "w")))
        >>> net.closed_forms().valid
        {'h': InputSizes(h >= 2, proved), 'w': InputSizes(w >= 3, proved)}
        """
        return {forms.symbol.name: forms.valid for forms in self.each}

    @property
    def matching(self) -> Mapping[str, InputSizes]:
        """For each symbol, the input sizes for which branches that meet have equal sizes.

        >>> from convmath.network import Graph, operators
        >>> net = Graph()
        >>> half = net.add("half", operators.Pool("max", (2, 1)), net.input((1, "h", "w")))
        >>> again = net.add("again", operators.ConvTranspose(1, 1, (2, 1), stride=(2, 1)), half)
        >>> _ = net.add("sum", operators.Combine("add"), again, "input")
        >>> net.closed_forms().matching
        {'h': InputSizes(h >= 2 with h mod 2 = 0, proved), 'w': InputSizes(w >= 1, proved)}
        """
        return {forms.symbol.name: forms.matching for forms in self.each}

    @property
    def lossless(self) -> Mapping[str, InputSizes]:
        """For each symbol, the valid input sizes for which no layer leaves elements over after its last window.

        >>> from convmath.network import Graph, operators
        >>> net = Graph()
        >>> _ = net.add("pool", operators.Pool("max", (2, 3)), net.input((3, "h", "w")))
        >>> {name: str(found) for name, found in net.closed_forms().lossless.items()}
        {'h': 'h >= 2 with h mod 2 = 0', 'w': 'w >= 3 with w mod 3 = 0'}
        """
        return {forms.symbol.name: forms.lossless for forms in self.each}

    def sets(self) -> Iterator[tuple[str, InputSizes]]:
        """The sets of input sizes for each symbol, with their names.

        >>> from convmath.network import Graph, operators
        >>> net = Graph()
        >>> _ = net.add("pool", operators.Pool("max", (2, 3)), net.input((3, "h", "w")))
        >>> for name, found in net.closed_forms().sets():
        ...     print(f"{name}: {found}")
        valid: h >= 2
        valid: w >= 3
        matching: h >= 1
        matching: w >= 1
        lossless: h >= 2 with h mod 2 = 0
        lossless: w >= 3 with w mod 3 = 0
        """
        for kind, found in (("valid", self.valid), ("matching", self.matching), ("lossless", self.lossless)):
            yield from ((kind, one) for one in found.values())
