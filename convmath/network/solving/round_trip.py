"""Whether a network gives back the size of its input: the input sizes, and the output paddings."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ...errors import ConvmathError, DomainError
from ...notebook import brief
from ..graph import Graph
from .padding import OutputPaddings, output_padding
from .parts import name_of
from .sizes import SizesBySymbol, round_trips

if TYPE_CHECKING:
    import sympy

    from ..closed_form.inputs import InputSizes


@dataclass(frozen=True)
class RoundTrip:
    """Whether a network gives back the size of its input, as an autoencoder should.

    Attributes:
        sizes: the input sizes that it gives back as it is, of several symbols for each; None where ``sizes_unknown``
            says why.
        paddings: the output paddings with which it gives back the size that its input has; None where
            ``paddings_unknown`` says why.
        sizes_unknown: why the input sizes are unknown, in words.
        paddings_unknown: why there are no output paddings, in words.

    >>> from convmath.network.operators import Conv, ConvTranspose
    >>> net = Graph()
    >>> code = net.add("code", Conv(1, 8, (3, 3), stride=2, padding=1), net.input((1, 8, 8)))
    >>> _ = net.add("decode", ConvTranspose(8, 1, (3, 3), stride=2, padding=1), code)
    >>> found = round_trip_of(net)
    >>> found.sizes, found.paddings
    (InputSizes(n >= 1 with n mod 2 = 1, proved), OutputPaddings(decode: (1, 1)))
    """

    sizes: InputSizes | SizesBySymbol | None
    paddings: OutputPaddings | None
    sizes_unknown: str = ""
    paddings_unknown: str = ""

    def __repr__(self) -> str:
        """In a line."""
        return brief(self, str(self).replace("\n", "; "))

    @property
    def each(self) -> tuple[InputSizes, ...]:
        """The input sizes for each symbol; none where they are unknown.

        >>> from convmath.network.operators import Pool
        >>> net = Graph()
        >>> _ = net.add("pool", Pool("max", (3, 1), padding=(1, 0), stride=1), net.input((3, "h", "w")))
        >>> round_trip_of(net).each
        (InputSizes(h >= 1, proved), InputSizes(w >= 1, proved))
        """
        if self.sizes is None:
            return ()
        return self.sizes if isinstance(self.sizes, SizesBySymbol) else (self.sizes,)

    def _repr_html_(self) -> str:
        """A table for notebooks."""
        from ..views.answers import table

        return table(self)

    def __str__(self) -> str:
        """A line for the sizes, and one for the output paddings."""
        sizes = "; ".join(f"{found} ({found.label})" for found in self.each) or self.sizes_unknown
        paddings = self.paddings
        found = self.paddings_unknown if paddings is None else str(paddings).replace("\n", ", ")
        return f"input sizes that are given back: {sizes}\nfor the input as it is: {found}"


def round_trip_of(
    graph: Graph,
    *,
    symbol: str | sympy.Symbol | None = None,
    node: str | None = None,
    axis: int | None = None,
    source: str | None = None,
) -> RoundTrip:
    """Both answers; DomainError if there is neither.

    >>> from convmath.network.operators import Pool
    >>> net = Graph()
    >>> _ = net.add("pool", Pool("max", (3, 3), padding=1, stride=1), net.input((3, 8, 8)))
    >>> print(round_trip_of(net))
    input sizes that are given back: n >= 1 (proved)
    for the input as it is: no output padding, as no transposed convolution is before pool
    """
    options: dict[str, Any] = {"node": name_of(graph, node), "axis": axis, "source": source}
    sizes, sizes_unknown = _tried(lambda: round_trips(graph, symbol=symbol, **options))
    if graph.symbols:
        letters = " and ".join(map(str, graph.symbols))
        paddings, paddings_unknown = None, f"output paddings go by the size: needs a number in place of {letters}"
    else:
        paddings, paddings_unknown = _tried(lambda: output_padding(graph, **options))
    if sizes is None and paddings is None:
        raise DomainError("round_trip", True, f"{sizes_unknown}; {paddings_unknown}")
    return RoundTrip(sizes, paddings, sizes_unknown, paddings_unknown)


def _tried(question: Callable[[], Any]) -> tuple[Any, str]:
    try:
        return question(), ""
    except ConvmathError as error:
        return None, error.condition if isinstance(error, DomainError) and error.parameter == "node" else str(error)
