"""Closed forms of a network's sizes, node by node, and the input sizes that the network takes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property, reduce

import sympy

from ...errors import DomainError, unknown
from ...notebook import listed
from .claims import Claim
from .form import ClosedForm
from .inputs import InputSizes
from .laws import Label, weakest
from .scope import Scope
from .sets import EMPTY, SizeSet
from .showing import Lines


@dataclass(frozen=True, repr=False)
class ClosedForms(Lines):
    """The closed forms of a network's sizes, node by node, and the input sizes that it takes.

    Attributes:
        symbol: the input size.
        forms: the closed form of every node by its name, each after those that it reads.
        returned: the names of the nodes whose results the network returns.
        conditions: what the input size has to satisfy for the network to work.
        matches: those of the conditions that say that branches that meet have equal sizes.
        tails: that no element of a layer's input comes after its last windows.
        tails_label: whether the closed forms in these are proved.
        lossy: the nodes of which some of that comes after them at every input size.
        scope: among which input sizes :attr:`valid`, :attr:`matching` and :attr:`lossless` are complete: for others the
            network's code may go another way, or a branch of size 1 be stretched, and nothing is said of them.
        ways: the closed forms for input sizes for which the network's code goes other ways, but its outputs have the
            same closed forms: these, and the sets, are for the sizes of all ways.

    >>> from convmath.network import Graph, operators
    >>> net = Graph()
    >>> _ = net.add("conv", operators.Conv(3, 8, (3, 3), stride=2), net.input((3, 8, 8)))
    >>> forms = net.closed_forms()
    >>> print(forms)
    input: (3, n, n) for n >= 1, proved
    conv: (8, ceil(n/2) - 1, ceil(n/2) - 1) for n >= 3, proved
    valid: n >= 3
    matching: n >= 1
    lossless: n >= 3 with n mod 2 = 1
    >>> forms.label, forms.output.size, forms.everything, forms.valid.least, forms.lossless.up_to(8)
    ('proved', CeilDiv(n, 2) - 1, InputSizes(n >= 1, proved), 3, [3, 5, 7])
    """

    symbol: sympy.Symbol
    forms: Mapping[str, ClosedForm]
    returned: tuple[str, ...]
    conditions: tuple[Claim, ...]
    matches: tuple[Claim, ...]
    tails: tuple[Claim, ...]
    tails_label: Label
    scope: Scope = field(default_factory=Scope)
    ways: tuple[ClosedForms, ...] = ()
    lossy: tuple[str, ...] = ()

    def __iter__(self) -> Iterator[ClosedForm]:
        """The closed forms in order."""
        return iter(self.forms.values())

    def __len__(self) -> int:
        """The number of nodes."""
        return len(self.forms)

    def __getitem__(self, name: str) -> ClosedForm:
        """The closed form of a node.

        Raises:
            DomainError: there is none of this name.
        """
        if name not in self.forms:
            raise unknown("name", name, self.forms, "node", listed(self.forms))
        return self.forms[name]

    @property
    def outputs(self) -> tuple[ClosedForm, ...]:
        """Those of the nodes whose results the network returns, in its order.

        >>> from convmath.network import Graph, operators
        >>> net = Graph()
        >>> image = net.input((1, 9))
        >>> heads = [net.add(f"by {size}", operators.Pool("max", (size,)), image) for size in (2, 3)]
        >>> [str(form) for form in net.closed_forms().outputs]
        ['by 2: (1, floor(n/2)) for n >= 2, proved', 'by 3: (1, floor(n/3)) for n >= 3, proved']
        """
        return tuple(self.forms[name] for name in self.returned)

    @property
    def output(self) -> ClosedForm:
        """That of the last node whose result the network returns; of several, :attr:`outputs` has all.

        Raises:
            DomainError: there are no nodes.
        """
        found = [form for form in self if form.name in self.returned]
        if not found:
            raise DomainError("forms", self.forms, "an empty network has no output")
        return found[-1]

    @property
    def label(self) -> Label:
        """What all of them rest on together."""
        return weakest(form.label for form in self)

    @property
    def everything(self) -> InputSizes:
        """All sizes of at least 1, or that nothing is known, as nodes are not understood."""
        reason = next((form.reason for form in self if form.dimensions is None), "")
        label = weakest(form.sizes_label for form in self)
        return InputSizes(None if reason else SizeSet(), self.symbol, label, (), reason, self.scope)

    @cached_property
    def valid(self) -> InputSizes:
        """The input sizes for which every layer has an output and branches match, complete within its scope."""
        return self.on_all_ways(lambda way: way.everything.where(way.conditions))

    @cached_property
    def matching(self) -> InputSizes:
        """The input sizes for which branches that meet have equal sizes, whether or not every layer has an output.

        >>> from convmath.network import Graph, operators
        >>> net = Graph()
        >>> half = net.add("half", operators.Pool("max", (2,)), net.input((1, 8)))
        >>> again = net.add("again", operators.ConvTranspose(1, 1, (2,), stride=2), half)
        >>> _ = net.add("sum", operators.Combine("add"), again, "input")
        >>> print(net.closed_forms().matching)
        n >= 2 with n mod 2 = 0
        """
        return self.on_all_ways(lambda way: way.everything.where(way.matches))

    @cached_property
    def lossless(self) -> InputSizes:
        """The valid input sizes for which no layer leaves elements of its input over after its last window.

        Padding that is left over is none of them, but what a layer of its own pads with is; nor are elements inside
        that dilated windows step over. What a network crops, or takes each second of, it does not lose.

        >>> from convmath.network import Graph, operators
        >>> net = Graph()
        >>> _ = net.add("pool", operators.Pool("max", (3,), stride=2, padding=1), net.input((1, 8)))
        >>> bare = net.replaced({"pool": operators.Pool("max", (3,), stride=2)})
        >>> print(net.closed_forms().lossless, "|", bare.closed_forms().lossless)
        n >= 1 | n >= 3 with n mod 2 = 1
        """
        found = self.on_all_ways(lambda way: way.everything.where(way.tails).where(way.conditions))
        label = weakest((found.label, *(way.tails_label for way in (self, *self.ways))))
        why = f"{listed(self.lossy)} loses some at every size" if self.lossy and found.sizes == EMPTY else found.reason
        return replace(found, label=label, reason=why)

    def on_all_ways(self, sizes: Callable[[ClosedForms], InputSizes]) -> InputSizes:
        """The sizes of each way, together."""
        return reduce(InputSizes.union, map(sizes, self.ways), sizes(self))

    def sets(self) -> Iterator[tuple[str, InputSizes]]:
        """The sets of input sizes, each with its name."""
        yield from {"valid": self.valid, "matching": self.matching, "lossless": self.lossless}.items()
