"""Recurrent layers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import ClassVar

from ...errors import DomainError
from ..fields.field import Field
from .base import Operator, Reads, Size, Sizes, Work, one, product, require_dims, require_equal
from .domains import COUNT, DIM, FLAG, INTEGERS, NONE, POSITIVE, Domains, between, one_of
from .sequence import running

GATES = {"rnn": 1, "gru": 3, "lstm": 4}
"""Sums of products of each cell, one for every hidden feature."""

MOST_LAYERS = 1024
"""Layers that may lie on each other: each has weights with a name of its own."""

_FUNCTIONS = {"rnn": 1, "gru": 8, "lstm": 9}
"""Function values, products and sums of a cell for every hidden feature, beyond the sums of products and their sum."""


@dataclass(frozen=True)
class Recurrent(Operator):
    """Layers of cells that read a sequence step by step; inputs: the sequence, and perhaps the states before it.

    A sequence has the sizes ``(..., features)``, of which one is the time, and a state ``(cells, batch, features)``.

    Attributes:
        cell: ``"rnn"``, ``"gru"`` or ``"lstm"``.
        input_size: features of the input.
        hidden_size: features of a cell.
        time: the dimension along which it runs.
        layers: how many lie on each other.
        bias: whether each sum of products has two, one for the input and one for the state.
        both: whether other cells read each sequence from its end, and their outputs are appended.
        reverse: whether all cells read from the end.
        projected: features that an LSTM's output is projected to; 0 for none.

    Source: [torch.nn.LSTM], [torch.nn.GRU], [torch.nn.RNN].

    >>> layer = Recurrent("lstm", 10, 20, both=True)
    >>> layer.sizes((7, 3, 10)), layer.params, layer.work([(7, 3, 10)], (7, 3, 40)).macs
    ((7, 3, 40), 5120, 100800)
    """

    cell: str
    input_size: int
    hidden_size: int
    time: int = 0
    layers: int = 1
    bias: bool = True
    both: bool = False
    reverse: bool = False
    projected: int = 0

    domains: ClassVar[Domains] = {
        "cell": one_of(*GATES),
        "input_size": POSITIVE,
        "hidden_size": POSITIVE,
        "time": DIM,
        "layers": between(1, MOST_LAYERS),
        **dict.fromkeys(("bias", "both", "reverse"), FLAG),
        "projected": COUNT,
    }

    def __post_init__(self) -> None:
        """Require a projection to fewer features, of an LSTM.

        Raises:
            DomainError: it is otherwise, or a parameter lies outside of its domain.
        """
        super().__post_init__()
        if self.projected and not (self.cell == "lstm" and self.projected < self.hidden_size):
            needs = f"needs an lstm, and fewer features than hidden_size={self.hidden_size}"
            raise DomainError("projected", self.projected, needs)

    @property
    def kind(self) -> str:
        """The name of the cell."""
        return self.cell

    @property
    def features(self) -> int:
        """Features of the output of a cell.

        >>> Recurrent("lstm", 16, 32).features, Recurrent("lstm", 16, 32, projected=8).features
        (32, 8)
        """
        return self.projected or self.hidden_size

    @property
    def directions(self) -> int:
        """Two where cells read from both ends.

        >>> Recurrent("lstm", 16, 32, both=True).directions
        2
        """
        return 2 if self.both else 1

    @property
    def params(self) -> int:
        """Weights of the input, of the state and of the projection, and biases."""
        gates = GATES[self.cell] * self.hidden_size
        biases = 2 * gates if self.bias else 0
        return sum(self._products(layer) + biases for layer in range(self.layers)) * self.directions

    @property
    def weights(self) -> dict[str, Sizes]:
        """The sizes of the weights and biases by torch's names.

        >>> list(Recurrent("gru", 4, 5, bias=False, both=True).weights)
        ['weight_ih_l0', 'weight_hh_l0', 'weight_ih_l0_reverse', 'weight_hh_l0_reverse']
        """
        gates, found = GATES[self.cell] * self.hidden_size, {}
        for layer in range(self.layers):
            for end in ("", "_reverse")[: self.directions]:
                own: dict[str, Sizes] = {"weight_ih": (gates, self._inputs(layer)), "weight_hh": (gates, self.features)}
                own |= {"bias_ih": (gates,), "bias_hh": (gates,)} if self.bias else {}
                own |= {"weight_hr": (self.projected, self.hidden_size)} if self.projected else {}
                found.update({f"{name}_l{layer}{end}": sizes for name, sizes in own.items()})
        return found

    @property
    def halves(self) -> tuple[Recurrent, ...]:
        """The features of a single layer that reads from both ends are of one of them each."""
        ends = (self.reverse, not self.reverse) if self.both and self.layers == 1 else ()
        return tuple(replace(self, both=False, reverse=reverse) for reverse in ends)

    def _inputs(self, layer: int) -> int:
        return self.input_size if layer == 0 else self.features * self.directions

    def _products(self, layer: int) -> int:
        """Products of a cell for one step."""
        gates = GATES[self.cell] * self.hidden_size
        return gates * (self._inputs(layer) + self.features) + self.hidden_size * self.projected

    def sizes(self, *inputs: Sizes) -> Sizes:
        """The features of the last layer, of both directions, for every step."""
        if not inputs or not 0 <= self.time < len(inputs[0]) - 1:
            raise DomainError("inputs", inputs, f"{self.cell} needs a sequence with features after the time")
        require_equal(self, "features", inputs[0][-1], self.input_size)
        return (*inputs[0][:-1], self.features * self.directions)

    def reads(self, inputs: Sequence[Sizes], output: Sizes) -> tuple[Reads, ...]:
        """All steps up to its own, or from it on; all of them where both directions are read."""
        length = output[self.time]
        field = Field.whole(length) if self.both else running(length, reverse=self.reverse)
        rest = tuple((d, Field.same()) if d != self.time else (d, field) for d in range(len(output) - 1))
        batch = tuple((1, Field.same()) if d not in (self.time, len(output) - 1) else None for d in range(len(output)))
        states = (batch if len(state) == 3 else (None,) * len(output) for state in inputs[1:])
        return ((*rest, None), *states)

    def _steps(self, output: Sizes) -> Size:
        """Steps of all sequences, in one direction or both."""
        return product(output[:-1]) * self.directions

    def work(self, inputs: Sequence[Sizes], output: Sizes) -> Work:
        """The sums of products of every cell at every step."""
        steps, gates = self._steps(output), GATES[self.cell] * self.hidden_size
        macs = sum(self._products(layer) for layer in range(self.layers))
        sums = self.layers * (2 * gates + self.projected)
        biases = self.layers * 2 * gates if self.bias else 0
        other = self.layers * (gates + _FUNCTIONS[self.cell] * self.hidden_size)
        return Work(steps * macs, steps * sums, steps * biases, steps * other)

    def input_gradient_macs(self, inputs: Sequence[Sizes], output: Sizes, learned: Sequence[bool]) -> Size:
        """Back through all layers and steps; to the sequence and the states before it only where they are learned."""
        gates = GATES[self.cell] * self.hidden_size
        first = gates * self.input_size
        every = sum(self._products(layer) for layer in range(self.layers)) - (0 if learned[0] else first)
        start = 0 if any(learned[1:]) else self.layers * gates * self.features
        steps = self._steps(output)
        return steps * every - steps // output[self.time] * start


@dataclass(frozen=True)
class LastState(Operator):
    """The state of every cell after the sequence: of the output of a recurrent layer, and its inputs.

    Attributes:
        shape: the sizes of the output.
        batch: the dimension of the sequences' batch; None for a single one.

    >>> LastState((1, 5, 32), batch=0).sizes((5, 10, 32))
    (1, 5, 32)
    """

    shape: tuple[Size, ...]
    batch: int | None

    domains: ClassVar[Domains] = {"shape": INTEGERS, "batch": DIM | NONE}

    @property
    def kind(self) -> str:
        """``last_state``."""
        return "last_state"

    def sizes(self, *inputs: Sizes) -> Sizes:
        """The given sizes."""
        require_dims(self, one(self, inputs), *(() if self.batch is None else (self.batch,)), parameter="batch")
        return self.shape

    def reads(self, inputs: Sequence[Sizes], output: Sizes) -> tuple[Reads, ...]:
        """All steps of its own sequence."""
        own = len(output) - 2
        batch = None if self.batch is None else (self.batch, Field.same())
        return (tuple(batch if d == own else None for d in range(len(output))),)
