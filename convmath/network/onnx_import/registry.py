"""The operators of ONNX by name, and what each becomes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from ..operators import Sizes
    from .call import Call
    from .value import Value

Handler: TypeAlias = "Callable[[Call], Value | Sequence[Value | None]]"
"""Takes a call and gives its output, or all of them; None for one that is not understood."""

HANDLERS: dict[str, Handler] = {}
"""By the name of the operator, after that of its domain and a dot where it is not ONNX's own."""


def key(domain: str, name: str) -> str:
    """Under which an operator is entered."""
    return f"{domain}.{name}" if domain else name


class NotUnderstoodError(Exception):
    """A call that is none of those that are understood; the message says why.

    A handler raises it before it emits anything.

    Attributes: sizes: those of its first outputs, where they follow all the same; None for one that is not known.
    """

    def __init__(self, reason: str, *sizes: Sizes | None) -> None:
        """Say why."""
        super().__init__(reason)
        self.sizes = sizes


def handles(*names: str, domain: str = "") -> Callable[[Handler], Handler]:
    """Enter a function under these names of a domain; that of ONNX itself is empty."""

    def enter(handler: Handler) -> Handler:
        HANDLERS.update({key(domain, name): handler for name in names})
        return handler

    return enter


_BLOCKED = "com.microsoft.nchwc"
"""The domain of operators on tensors in blocks of channels, padded as fits one machine."""


def not_understood(domain: str) -> str:
    """Why an operator of a domain is not, in words."""
    if domain == _BLOCKED:
        save = "save the model with the optimizations of level EXTENDED, or as it was"
        return f"the domain {domain} is ONNX Runtime's own for one machine, with channels in padded blocks: {save}"
    if domain:
        return f"the operators of the domain {domain} are not understood"
    return "it is not one of the operators that are understood"
