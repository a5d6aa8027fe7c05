"""Attention."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from ...assumptions import require
from ...division import mod
from ...errors import DomainError
from ..fields.field import Field
from .base import Operator, Reads, Size, Sizes, Work, broadcast, product, require_equal, stretched, stretched_to
from .domains import FLAG, POSITIVE, SHARE, Domains
from .sequence import running


@dataclass(frozen=True)
class Attention(Operator):
    """Sums of values, weighted by the softmax of the products of queries and keys; inputs: query, key, value and masks.

    Queries of the sizes ``(..., L, E)``, keys ``(..., S, E)`` and values ``(..., S, V)`` give ``(..., L, V)``; a mask
    is stretched to ``(..., L, S)``, or to ``(..., heads, L, S)`` if it has a dimension more than the output.

    Attributes: heads: parts into which the features are split, each with weights of its own. dropout: the share of the
        weights that is dropped in training. causal: whether a query reads only the keys and values up to its place.
        grouped: whether the dimension before the positions has fewer keys and values than queries, of which as many
        after another share each.

    Source: [VaswaniEtAl2017, equation 1].

    >>> heads = [(1, 8, 10, 64)] * 3
    >>> Attention().sizes(*heads), Attention().work(heads, (1, 8, 10, 64)).macs
    ((1, 8, 10, 64), 102400)
    """

    heads: int = 1
    dropout: float = 0.0
    causal: bool = False
    grouped: bool = False

    domains: ClassVar[Domains] = {"heads": POSITIVE, "dropout": SHARE, "causal": FLAG, "grouped": FLAG}

    def sizes(self, *inputs: Sizes) -> Sizes:
        """A sum of values for every query."""
        least = 3 if self.grouped else 2
        if len(inputs) < 3 or min(map(len, inputs[:3])) < least:
            raise DomainError("inputs", inputs, f"attention needs query, key and value of at least {least} dimensions")
        query, key, value = inputs[:3]
        require_equal(self, "features of the key", key[-1], query[-1])
        require_equal(self, "number of values", value[-2], key[-2])
        for name, features in (("query", query[-1]), ("value", value[-1])) if self.heads != 1 else ():
            needs = f"attention needs heads to divide the {features} features of the {name}"
            require("==", mod(features, self.heads), 0, "heads", needs, heads=self.heads)
        stacks = [key[:-2], value[:-2]]
        for number, heads in enumerate((key[-3], value[-3]) if self.grouped else ()):
            needs = f"attention needs the {heads} heads of keys or values to divide those of the query"
            require("==", mod(query[-3], heads), 0, "heads", needs, heads=query[-3])
            stacks[number] = (*stacks[number][:-1], 1)
        output = (*broadcast(self, query[:-2], *stacks), query[-2], value[-1])
        for mask in inputs[3:]:
            heads = (self.heads,) if len(mask) > len(output) else ()
            broadcast(self, mask, (*output[:-2], *heads, query[-2], key[-2]))
        return output

    def reads(self, inputs: Sequence[Sizes], output: Sizes) -> tuple[Reads, ...]:
        """A query is read in its place; keys and values are read whole, whatever a mask leaves of them, or up to it."""

        def stacked(source: Sizes, dimensions: int) -> Reads:
            return tuple(stretched(source, output, dimension) for dimension in range(dimensions))

        def shared(source: Sizes) -> Reads:
            if not self.grouped:
                return stacked(source, stacks)
            each = output[-3] // source[-3]
            return (*stacked(source, stacks - 1), (len(source) - 3, Field.spread(each, stride=each)))

        def masked(mask: Sizes) -> Reads:
            row = (len(mask) - 2, stretched_to(mask[-2], output[-2])) if len(mask) > 1 else None
            return (*stacked(mask[: len(output)], stacks), row, None)

        stacks = len(output) - 2
        query, key, value, *masks = inputs
        rows = running(output[-2]) if self.causal else None
        read_of = [None if rows is None else (len(source) - 2, rows) for source in (key, value)]
        return (
            (*stacked(query, stacks), (len(query) - 2, Field.same()), None),
            (*shared(key), read_of[0], None),
            (*shared(value), read_of[1], (len(value) - 1, Field.same())),
            *map(masked, masks),
        )

    def work(self, inputs: Sequence[Sizes], output: Sizes) -> Work:
        """The products of all queries and keys, scaled and with the mask, their softmax, and the sums of values."""
        query, key, _, *masks = inputs
        rows = product(output[:-1])
        weights = rows * key[-2]
        macs = weights * (query[-1] + output[-1])
        other = (4 + len(masks)) * weights - rows
        return Work(macs, weights * self.heads + product(output), 0, other * self.heads)

    def input_gradient_macs(self, inputs: Sequence[Sizes], output: Sizes, learned: Sequence[bool]) -> Size:
        """Both products have a gradient for each factor; that for the weights leads to queries, keys and mask."""
        query, key = inputs[:2]
        from_query, from_key, from_value, *masks = learned
        by_weights = any((from_query, from_key, *masks))
        each = query[-1] * (from_query + from_key) + output[-1] * (from_value + by_weights)
        return product(output[:-1]) * key[-2] * each
