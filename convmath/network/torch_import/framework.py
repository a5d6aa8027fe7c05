"""What torch itself says of sizes: its functions on tensors that have sizes and types but no elements."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from typing import TYPE_CHECKING, Any

import torch

from ..computed_sizes import Size, numbers
from .values import Value, mapped

if TYPE_CHECKING:
    from .builder import Builder


def outputs(builder: Builder, function: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Any:
    """The result of a call, its tensors without elements; None where torch cannot say what it is."""
    try:
        return _run(builder, function, args, kwargs)
    except Exception:  # whatever it is, torch does not say
        return None


def refuses(builder: Builder, function: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> bool:
    """Whether torch refuses a call, too."""
    try:
        _run(builder, function, args, kwargs)
    except Exception:  # torch has no common class of errors for sizes that do not fit
        return True
    return False


def _run(builder: Builder, function: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Any:
    def empty(item: Any) -> Any:
        if isinstance(item, Value):
            return torch.empty(numbers(item.carried), dtype=item.dtype, device=builder.device)
        return int(item) if type(item) is Size else item

    with suspended(builder), silenced(), _without_elements(), torch.no_grad():
        plain_args, plain_kwargs = mapped(args, empty), mapped(dict(kwargs), empty)
        return function(*plain_args, **plain_kwargs)


@contextmanager
def suspended(builder: Builder) -> Iterator[None]:
    """Nothing is recorded meanwhile."""
    before, builder.suspended = builder.suspended, True
    try:
        yield
    finally:
        builder.suspended = before


@contextmanager
def silenced() -> Iterator[None]:
    """Meanwhile no handler passes on what the loggers of torch say: what it refuses is in its error, too."""
    named = [logger for logger in logging.root.manager.loggerDict.values() if isinstance(logger, logging.Logger)]
    handlers = {handler for logger in (logging.root, *named) for handler in logger.handlers}
    handlers |= {logging.lastResort} if logging.lastResort else set()
    for handler in handlers:
        handler.addFilter(_is_not_torchs)
    try:
        yield
    finally:
        for handler in handlers:
            handler.removeFilter(_is_not_torchs)


def _is_not_torchs(record: logging.LogRecord) -> bool:
    return record.name.partition(".")[0] != "torch"


@cache
def _without_elements() -> Any:
    from torch._subclasses.fake_tensor import FakeTensorMode

    return FakeTensorMode(allow_non_fake_inputs=True)


def tensors_in(result: Any) -> list[Any]:
    """Every tensor in nested lists, tuples and dictionaries, in order."""
    if isinstance(result, dict):
        result = list(result.values())
    if isinstance(result, list | tuple):
        return [tensor for item in result for tensor in tensors_in(item)]
    return [result] if isinstance(result, torch.Tensor) else []
