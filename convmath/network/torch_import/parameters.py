"""The tensors that a network holds, each as one value, and the steps that count those that are parameters."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import TYPE_CHECKING

import torch

from ...errors import DomainError
from ..operators.base import product
from . import framework
from .integers import INDICES, in_tensor
from .values import Torch, Value

if TYPE_CHECKING:
    from .builder import Builder


class Parameters:
    """Those of a network, with its buffers and other constants; a parameter counts at the first step that uses it."""

    def __init__(self, builder: Builder) -> None:
        """None is known yet."""
        self._builder = builder
        self._values: dict[int, Value] = {}
        self._counted: dict[int, int] = {}
        self._uses: list[tuple[Value, int]] = []

    def enter(self, module: Torch, path: str) -> None:
        """Give the parameters and buffers of a module their names; not those of its parts.

        Raises:
            DomainError: the sizes of one are not known yet.
        """
        for name, tensor in (*module._parameters.items(), *module._buffers.items()):
            if tensor is None or id(tensor) in self._values:
                continue
            full = f"{path}.{name}" if path else name
            if torch.nn.parameter.is_lazy(tensor):
                needs = "its sizes are set by the first real input; needs to have seen one"
                raise DomainError("module", full, needs)
            self._values[id(tensor)] = self._made(tensor, full)

    def value(self, tensor: Torch, name: str = "constant") -> Value:
        """A parameter, a buffer or another tensor that is there before the network runs: one value for each tensor."""
        found = self._values.get(id(tensor))
        if found is None:
            with framework.suspended(self._builder):
                found = self._values[id(tensor)] = self._made(tensor, name)
        return found

    def _made(self, tensor: Torch, name: str) -> Value:
        sizes, learns = tuple(tensor.shape), tensor.requires_grad
        found = Value(sizes, tensor.dtype, constant=True, source=tensor, name=name, trained=learns)
        if sizes and tensor.dtype in INDICES:
            with framework.suspended(self._builder):
                found.integers = in_tensor(tensor)
        return self._builder.checks.note_as(found, tensor)

    def claim(self, *weights: Value) -> int:
        """The learned parameters among the weights of the next step that no step before it has counted."""
        learned = [one for one in weights if one.step is None and isinstance(one.source, torch.nn.Parameter)]
        return sum([self._fresh(weight, len(self._builder.steps)) for weight in learned])

    def count(self, parameters: Iterable[Torch], step: int) -> None:
        """Add torch's parameters to those of a step, by its number; None among them is none."""
        values = [self.value(one) for one in parameters if one is not None]
        self._builder.steps[step].add(sum([self._fresh(one, step) for one in values]))

    def _fresh(self, weight: Value, step: int) -> int:
        """The elements of a parameter, counted for a step; none if they are counted already."""
        first = self._counted.get(id(weight.source))
        if first != step:
            self._uses.append((weight, step))
        if first is not None:
            return 0
        self._counted[id(weight.source)] = step
        return int(product(weight.sizes or ()))

    def forget(self, mark: int) -> None:
        """Take back what the steps from ``mark`` on have counted."""
        while self._uses and self._uses[-1][1] >= mark:
            weight, step = self._uses.pop()
            if self._counted.get(id(weight.source)) == step:
                del self._counted[id(weight.source)]

    def settle(self, kept: Collection[int]) -> None:
        """Count what steps have counted that no node is made of at the next one that uses it."""
        counted, self._counted = self._counted, {}
        for weight, step in self._uses:
            one = id(weight.source)
            if step in kept and one not in self._counted:
                self._counted[one] = step
                self._builder.steps[step].add(0 if counted[one] == step else int(product(weight.sizes or ())))

    def unused(self, module: Torch) -> dict[str, int]:
        """The parts of a module whose parameters no step has counted, and how many these are."""
        found: dict[str, int] = {}
        used, waiting = self._counted, [("", module)]
        while waiting:
            path, part = waiting.pop()
            every = list(part.parameters())
            idle = [one for one in every if id(one) not in used]
            if idle and len(idle) == len(every) and path:
                found[path] = sum(one.numel() for one in idle)
            elif idle:
                dot = f"{path}." if path else ""
                own = ((name, one) for name, one in part.named_parameters(recurse=False) if id(one) not in used)
                found |= {dot + name: one.numel() for name, one in own}
                waiting += [(dot + name, child) for name, child in reversed(list(part.named_children()))]
        return found
