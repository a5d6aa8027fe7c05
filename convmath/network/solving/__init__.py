"""``network.solve``: questions read backwards, which inputs, parameters or changes give what is wanted."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from inspect import Parameter, signature
from typing import TYPE_CHECKING, Any, Literal, overload

from ...errors import ConvmathError, DomainError
from ...notebook import Answers, brief, html_text
from ..graph import Graph
from ..report import NetworkReport
from .field import Change
from .field import receptive_field as enlarged
from .layers import PerAxis, Window, layers
from .padding import OutputPaddings, output_padding
from .parts import name_of
from .sizes import input_sizes, round_trips

if TYPE_CHECKING:
    import sympy

    from ..closed_form.inputs import InputSizes

QUESTIONS = (
    "ask one question: (graph, output_size=...) for the input sizes that give it, (graph, round_trip=True) for what "
    "comes back in its own size, (graph, receptive_field=...) for changes that make it at least that large, or "
    "without a graph (input_size=..., output_size=...) for the layers between them"
)


@dataclass(frozen=True)
class RoundTrip:
    """Whether a network gives back the size of its input, as an autoencoder should.

    Attributes:
        sizes: the input sizes that it gives back as it is; None where ``sizes_unknown`` says why.
        paddings: the output paddings with which it gives back the size that its input has; None where
            ``paddings_unknown`` says why.
        sizes_unknown: why the input sizes are unknown, in words.
        paddings_unknown: why there are no output paddings, in words.
    """

    sizes: InputSizes | None
    paddings: OutputPaddings | None
    sizes_unknown: str = ""
    paddings_unknown: str = ""

    def __repr__(self) -> str:
        """In a line."""
        return brief(self, str(self).replace("\n", "; "))

    def _repr_html_(self) -> str:
        """Both lines, for notebooks."""
        return html_text(str(self))

    def __str__(self) -> str:
        """A line for the sizes, and one for the output paddings."""
        sizes = self.sizes_unknown if self.sizes is None else f"{self.sizes} ({self.sizes.label})"
        paddings = self.paddings
        found = self.paddings_unknown if paddings is None else str(paddings).replace("\n", ", ")
        return f"input sizes that come back: {sizes}\nfor the input as it is: {found}"


class Solver:
    """Questions read backwards. Called, it asks one of four; each has a function of its own, too.

    - ``solve(graph, output_size=7)``: the input sizes that give this output, :func:`input_sizes`.
    - ``solve(graph, round_trip=True)``: the input sizes that come back, :func:`round_trips`, and the output paddings
      with which the input that the graph has comes back, :func:`output_padding`.
    - ``solve(graph, receptive_field=200)``: changes that make a receptive field at least as large,
      :func:`receptive_field`.
    - ``solve(input_size=224, output_size=112)``: the layers that take one size to the other, :func:`layers`.

    The questions about a graph take ``node``, the name of the node that is asked about, by default the last that
    the network returns; ``axis``, a spatial axis, by default all of them; and ``source``, the name of an input. Those
    about input sizes take ``symbol``, that of the input size that is asked for where there are several.

    >>> from convmath.network import Graph
    >>> from convmath.network.operators import Conv, ConvTranspose
    >>> net = Graph()
    >>> code = net.add("encode", Conv(1, 8, (3, 3), stride=2, padding=1), net.input((1, 28, 28)))
    >>> _ = net.add("decode", ConvTranspose(8, 1, (3, 3), stride=2, padding=1), code)
    >>> print(solve(net, output_size=14, node="encode"))
    27 <= n <= 28
    >>> print(solve(net, round_trip=True))
    input sizes that come back: n >= 1 with n mod 2 = 1 (proved)
    for the input as it is: decode: output padding (1, 1)
    >>> print(solve(net, receptive_field=9, layers=["encode"])[0])
    encode: dilation 3 for 1: receptive field 9 x 9, +0 parameters, +0 MACs
    >>> print(solve(input_size=224, output_size=112, max_kernel_size=3)[-1])
    kernel_size=3, stride=2, padding=2, dilation=2
    """

    input_sizes = staticmethod(input_sizes)
    round_trips = staticmethod(round_trips)
    output_padding = staticmethod(output_padding)
    receptive_field = staticmethod(enlarged)
    layers = staticmethod(layers)

    def __repr__(self) -> str:
        """The questions."""
        return brief(self, *(name for name, one in vars(Solver).items() if isinstance(one, staticmethod)))

    @overload
    def __call__(self, graph: Graph | NetworkReport, *, output_size: PerAxis, **options: Any) -> InputSizes: ...

    @overload
    def __call__(self, graph: Graph | NetworkReport, *, round_trip: Literal[True], **options: Any) -> RoundTrip: ...

    @overload
    def __call__(
        self, graph: Graph | NetworkReport, *, receptive_field: PerAxis, **options: Any
    ) -> Answers[Change]: ...

    @overload
    def __call__(self, *, input_size: PerAxis, output_size: PerAxis, **options: Any) -> Answers[Window]: ...

    def __call__(
        self,
        graph: Graph | NetworkReport | None = None,
        *,
        output_size: PerAxis | None = None,
        input_size: PerAxis | None = None,
        round_trip: bool = False,
        receptive_field: PerAxis | None = None,
        **options: Any,
    ) -> Any:
        """Ask one question.

        Args:
            graph: the network, or its report; none for layers.
            output_size: positions that are wanted, one integer or one per axis.
            input_size: elements that a layer is given; without a graph.
            round_trip: whether to ask for what comes back in its own size.
            receptive_field: elements that are wanted at least, one integer or one per axis.
            options: ``node``, ``axis``, ``source`` and the other options of the question's own function.

        Raises:
            DomainError: it is no question or more than one, an option belongs to none, or there is no answer.
        """
        asked = {"output_size": output_size, "input_size": input_size, "receptive_field": receptive_field}
        found = {name: value for name, value in asked.items() if value is not None}
        if type(round_trip) is not bool:
            raise DomainError("round_trip", round_trip, "needs True or False")
        if round_trip:
            found["round_trip"] = round_trip
        question = frozenset(found)
        if graph is None and question == {"input_size", "output_size"}:
            return _asked(layers, options, input_size, output_size)
        net = graph.graph if isinstance(graph, NetworkReport) else graph
        if not isinstance(net, Graph) and net is not None:
            raise DomainError("graph", type(graph).__name__, "needs a Graph, or its report")
        if net is None or len(question) != 1 or "input_size" in question:
            raise DomainError("solve", ", ".join((*(["graph"] if net else []), *found)), QUESTIONS)
        if round_trip:
            return _asked(_round_trip, options, net)
        (wanted,) = found.values()
        if "output_size" in found:
            return _asked(input_sizes, options, net, wanted)
        try:
            return _asked(enlarged, options, net, wanted)
        except DomainError as error:
            if error.parameter != "at_least":
                raise
            raise DomainError("receptive_field", wanted, error.condition) from None


def _asked(question: Callable[..., Any], options: dict[str, Any], *arguments: Any) -> Any:
    """The answer of a question's own function, whose options they have to be."""
    known = [name for name, one in signature(question).parameters.items() if one.kind is Parameter.KEYWORD_ONLY]
    for name in options:
        if name not in known:
            raise DomainError(name, options[name], f"is no option of this question; it takes {', '.join(known)}")
    return question(*arguments, **options)


def _round_trip(
    graph: Graph,
    *,
    symbol: str | sympy.Symbol | None = None,
    node: str | None = None,
    axis: int | None = None,
    source: str | None = None,
) -> RoundTrip:
    """Both answers; DomainError if there is neither."""
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
        return None, str(error)


solve = Solver()
"""Questions read backwards: see :class:`Solver`."""
