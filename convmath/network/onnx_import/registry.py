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


class NotUnderstoodError(Exception):
    """A call that is none of those that are understood; the message says why.

    A handler raises it before it emits anything.

    Attributes: sizes: those of its first output, where they follow from the text of the operator alone.
    """

    def __init__(self, reason: str, sizes: Sizes | None = None) -> None:
        """Say why."""
        super().__init__(reason)
        self.sizes = sizes


def handles(*names: str) -> Callable[[Handler], Handler]:
    """Enter a function under these names."""

    def enter(handler: Handler) -> Handler:
        HANDLERS.update(dict.fromkeys(names, handler))
        return handler

    return enter
