"""A function under test: as an object, or as a name that is imported where it runs."""

from __future__ import annotations

import inspect
import pkgutil
import re
import sys
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from typing import Any

from ..errors import DomainError, calling, first_line

_PATH = re.compile(r"[^\W\d]\w*(\.[^\W\d]\w*)*:[^\W\d]\w*(\.[^\W\d]\w*)*")
_POSITIONAL = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)


@dataclass(frozen=True)
class Target:
    """A function, and ``module:attribute`` where that leads to it; with a path alone it is not imported here.

    >>> Target.of("math:gcd").name, Target.of(Target.of).path, Target.of(lambda: 0).path
    ('gcd', 'convmath.oracle.target:Target.of', None)
    """

    name: str
    path: str | None
    fn: Callable[..., Any] | None = field(default=None, compare=False)

    @classmethod
    def of(cls, fn: Any) -> Target:
        """The target that a callable or a path is; DomainError for anything else."""
        if isinstance(fn, str):
            if not _PATH.fullmatch(fn):
                raise DomainError("fn", fn, "needs the form module:attribute")
            return cls(fn.partition(":")[2], fn)
        if not callable(fn):
            raise DomainError("fn", fn, "needs a callable, or the form module:attribute")
        name = getattr(fn, "__qualname__", None) or type(fn).__qualname__
        return cls(name.rpartition("<locals>.")[2], _path_of(fn), fn)

    def load(self) -> Callable[..., Any]:
        """The function, imported if need be; DomainError if that is not possible, whatever the reason."""
        if self.fn is not None:
            return self.fn
        with calling(lambda error: DomainError("fn", self.path, f"cannot be imported: {first_line(error)}")):
            found = pkgutil.resolve_name(self.path or "")
        if not callable(found):
            raise DomainError("fn", self.path, f"needs a callable, but is of type {type(found).__name__}")
        return found  # type: ignore[no-any-return]


def left_out(fn: Callable[..., Any], optional: Collection[str]) -> tuple[str, ...]:
    """Which of the options that never vary ``fn`` does not take; ``bias`` stands for a third argument.

    >>> left_out(lambda x, w, *, stride: 0, ["bias", "groups", "stride"])
    ('bias', 'groups')
    """
    try:
        parameters = inspect.signature(fn).parameters
    except (TypeError, ValueError):  # many functions written in C have no signature
        return tuple(name for name in optional if name != "bias")
    kinds = [parameter.kind for parameter in parameters.values()]
    third = sum(kind in _POSITIONAL for kind in kinds) > 2 or inspect.Parameter.VAR_POSITIONAL in kinds
    anything = inspect.Parameter.VAR_KEYWORD in kinds
    return tuple(name for name in optional if not (third if name == "bias" else anything or name in parameters))


def _path_of(fn: Any) -> str | None:
    """The path of a function, if its module has it under its name; a script's own functions have none."""
    module, name = getattr(fn, "__module__", None), getattr(fn, "__qualname__", None)
    if not isinstance(module, str) or not isinstance(name, str) or module == "__main__" or "<" in name:
        return None
    found: Any = sys.modules.get(module)
    for part in name.split("."):
        found = getattr(found, part, None)
    same = found is fn or (inspect.ismethod(fn) and found == fn)
    return f"{module}:{name}" if same else None
