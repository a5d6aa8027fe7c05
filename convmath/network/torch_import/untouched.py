"""A module comes back as it was, whatever its forward did to it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from operator import is_
from typing import Any

CONTAINERS = (dict, list, set)


@contextmanager
def untouched(modules: Iterable[Any]) -> Iterator[None]:
    """On leaving, every attribute of these modules is the object that it was, and every container holds the same.

    Containers are restored as far as they are attributes themselves, not those within them.
    """
    own = [vars(module) for module in modules]
    attributes = [held.copy() for held in own]
    containers = [one for before in attributes for one in before.values() if isinstance(one, CONTAINERS)]
    filled = [(container, container.copy()) for container in containers if container]
    empty = [container for container in containers if not container]
    try:
        yield
    finally:
        for held, before in zip(own, attributes, strict=True):
            _restore(held, before)
        for container, held in filled:
            _restore(container, held)
        for container in empty:
            if container:
                container.clear()


def _restore(container: Any, before: Any) -> None:
    """Make a container hold what it held, where it does not."""
    if _holds(container, before):
        return
    container.clear()
    (container.extend if isinstance(container, list) else container.update)(before)


def _holds(container: Any, before: Any) -> bool:
    """Whether a container holds the objects that it held, in their order."""
    if len(container) != len(before) or not all(map(is_, container, before)):
        return False
    return not isinstance(container, dict) or all(map(is_, container.values(), before.values()))
