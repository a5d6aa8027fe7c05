"""``network.solve``: questions read backwards, which inputs, parameters or changes give what is wanted."""

from __future__ import annotations

from collections.abc import Callable
from difflib import get_close_matches
from inspect import Parameter, signature
from typing import TYPE_CHECKING, Any, Literal, overload

from ...errors import DomainError, renamed
from ...notebook import brief
from ..graph import Graph
from ..report import NetworkReport
from .field import Changes
from .field import receptive_field as enlarged
from .layers import PerAxis, Windows, layers
from .padding import output_padding
from .round_trip import RoundTrip, round_trip_of
from .sizes import SizesBySymbol, input_sizes, round_trips

if TYPE_CHECKING:
    from ..closed_form.inputs import InputSizes

QUESTIONS = (
    "ask one question: (graph, output_size=...) for the input sizes that give it, (graph, round_trip=True) for the "
    "input sizes that it gives back, (graph, receptive_field=...) for changes that make it at least that large, or "
    "without a graph (input_size=..., output_size=...) for the layers between them"
)


class Solver:
    """Questions read backwards. Called, it asks one of four; each has a function of its own, too.

    - ``solve(graph, output_size=7)``: the input sizes that give this output, :func:`input_sizes`.
    - ``solve(graph, round_trip=True)``: the input sizes that it gives back, :func:`round_trips`, and the output
      paddings with which it gives back that of the input that it has, :func:`output_padding`.
    - ``solve(graph, receptive_field=200)``: changes that make a receptive field at least as large,
      :func:`receptive_field`.
    - ``solve(input_size=224, output_size=112)``: the layers that take one size to the other, :func:`layers`.

    The questions about a graph take ``node``, the name of the node that is asked about, by default the last that
    the network returns; ``axis``, a spatial axis, by default all of them; and ``source``, the name of an input. Those
    about input sizes take ``symbol``, that of the input size that is asked for; where there are several, as in
    ``(3, "h", "w")``, there is an answer for each of them by default. Sizes are in elements.

    Raises:
        DomainError: it is no question or more than one, an option belongs to none, or there is no answer.
    Source: those of the functions.

    >>> from convmath.network import Graph
    >>> from convmath.network.operators import Conv, ConvTranspose
    >>> net = Graph()
    >>> code = net.add("encode", Conv(1, 8, (3, 3), stride=2, padding=1), net.input((1, 28, 28)))
    >>> _ = net.add("decode", ConvTranspose(8, 1, (3, 3), stride=2, padding=1), code)
    >>> print(solve(net, output_size=14, node="encode"))
    27 <= n <= 28
    >>> print(solve(net, round_trip=True))
    input sizes that are given back: n >= 1 with n mod 2 = 1 (proved)
    for the input as it is: decode: output padding (1, 1)
    >>> print(solve(net, receptive_field=9, layers=["encode"])[0])
    encode: dilation 3 for 1, padding 3 for 1: receptive field 9 x 9, +0 parameters, +0 MACs
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
    def __call__(
        self, graph: Graph | NetworkReport, *, output_size: PerAxis, **options: Any
    ) -> InputSizes | SizesBySymbol: ...

    @overload
    def __call__(self, graph: Graph | NetworkReport, *, round_trip: Literal[True], **options: Any) -> RoundTrip: ...

    @overload
    def __call__(self, graph: Graph | NetworkReport, *, receptive_field: PerAxis, **options: Any) -> Changes: ...

    @overload
    def __call__(self, *, input_size: PerAxis, output_size: PerAxis, **options: Any) -> Windows: ...

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
            round_trip: whether to ask for the input sizes that the network gives back.
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
            _require_known(options, [*asked, "round_trip", *(name for one in _EACH for name in _options_of(one))])
            raise DomainError("solve", ", ".join((*(["graph"] if net else []), *found)), QUESTIONS)
        if round_trip:
            return _asked(round_trip_of, options, net)
        (wanted,) = found.values()
        if "output_size" in found:
            return _asked(input_sizes, options, net, wanted)
        with renamed(at_least="receptive_field"):
            return _asked(enlarged, options, net, wanted)


def _asked(question: Callable[..., Any], options: dict[str, Any], *arguments: Any) -> Any:
    """The answer of a question's own function, whose options they have to be."""
    _require_known(options, _options_of(question))
    return question(*arguments, **options)


_EACH = (layers, round_trip_of, input_sizes, enlarged)


def _options_of(question: Callable[..., Any]) -> list[str]:
    return [name for name, one in signature(question).parameters.items() if one.kind is Parameter.KEYWORD_ONLY]


def _require_known(options: dict[str, Any], known: list[str]) -> None:
    for name in options:
        if name not in known:
            near = get_close_matches(name, known, n=1)
            hint = f"did you mean {near[0]}?" if near else f"it takes {', '.join(dict.fromkeys(known))}"
            raise DomainError(name, options[name], f"is no option of this question; {hint}")


solve = Solver()
"""Questions read backwards: see :class:`Solver`."""
