"""What a wrong kernel is: a twin with one step changed."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from .twins import TWINS


@dataclass(frozen=True)
class Specimen:
    """A wrong kernel, and what it is judged as.

    ``make`` gives a new one, for some remember earlier calls; ``upstream`` is the report of a bug of the same nature,
    "" if there is none; ``judged`` are further arguments of the check, such as the dtype.
    """

    make: type
    ndim: int
    upstream: str
    judged: Mapping[str, Any] = field(default_factory=dict)

    @property
    def kind(self) -> str:
        """What the kernel is said to compute."""
        return self.make.kind

    @property
    def twin(self) -> Callable[..., Any]:
        """The correct kernel."""
        return TWINS[self.kind]

    @property
    def name(self) -> str:
        """The class as words."""
        return re.sub(r"(?<!^)(?=[A-Z])", "_", self.make.__name__).lower()

    @property
    def mistake(self) -> str:
        """What is wrong, in a sentence."""
        return " ".join(self.make.__doc__.split())


def collector() -> tuple[list[Specimen], Callable[..., Callable[[type], type]]]:
    """An empty list, and the decorator that adds wrong kernels to it."""
    found: list[Specimen] = []

    def wrong(*, ndim: int = 2, upstream: str = "", **judged: Any) -> Callable[[type], type]:
        def enter(make: type) -> type:
            found.append(Specimen(make, ndim, upstream, judged))
            return make

        return enter

    return found, wrong
