"""What torch itself says of sizes: its functions on tensors that have sizes and types but no elements."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any, TypeAlias

import torch

from ..sizes.in_operators import numbers
from ..sizes.number import number_of
from .values import Value, mapped

if TYPE_CHECKING:
    from .builder import Builder


@dataclass(frozen=True, slots=True)
class Answer:
    """What torch says of a call.

    Attributes: result: what it gives, its tensors without elements. refusal: the first line of why it refuses. kind:
        the class of the error with which it does.
    """

    result: Any = None
    refusal: str = ""
    kind: type[Exception] = RuntimeError


def ask(
    builder: Builder, function: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any], *, computes: bool = True
) -> Answer | None:
    """What torch says of a call of its own; None where it cannot say without elements.

    Args:
        builder: that of the call.
        function: what is called.
        args: values and plain Python.
        kwargs: by name.
        computes: whether elements are computed: for how these lie the device matters, and ``meta`` stands for a CPU.
    """
    try:
        place = builder.device if computes and builder.device != _META else torch.device("cpu" if computes else "meta")
        return Answer(_run(builder, function, args, kwargs, place, _without_elements if computes else nullcontext))
    except _CHECKS as error:
        sentence = str(error).strip().partition("\n")[0][:300]
        if isinstance(error, _needs_elements()) or any(word in sentence for word in _ELEMENTS):
            return None
        kind = next(kind for kind in _CHECKS if isinstance(error, kind))
        return Answer(refusal=sentence or type(error).__name__, kind=kind)
    except Exception:  # whatever it is, torch does not say
        return None


_CHECKS: tuple[type[Exception], ...] = (RuntimeError, ValueError, TypeError, IndexError)
"""The errors of torch's own checks."""

_ELEMENTS = ("FakeTensor", "data pointer", "its data is not allocated")
"""What is in the sentences of errors of torch that come from tensors having no elements."""


@cache
def _needs_elements() -> tuple[type[Exception], ...]:
    """The errors of torch that come from tensors having no elements, and say nothing of a call on others."""
    from torch._subclasses import fake_tensor
    from torch.fx.experimental.symbolic_shapes import GuardOnDataDependentSymNode

    return (
        fake_tensor.DataDependentOutputException,
        fake_tensor.DynamicOutputShapeException,
        fake_tensor.FakeTensorDeviceMismatchError,
        fake_tensor.MetadataMismatchError,
        fake_tensor.MissingOpProfile,
        fake_tensor.UnsupportedFakeTensorException,
        fake_tensor.UnsupportedMutationAliasingException,
        fake_tensor.UnsupportedOperatorException,
        GuardOnDataDependentSymNode,
        NotImplementedError,
    )


def outputs(
    builder: Builder, function: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any], made: Made | None = None
) -> Any:
    """The result of a call, its tensors without elements; None where torch does not say what it is.

    Unlike in :func:`ask` these are on the builder's device even if it is ``meta``, as the weights of the called are.
    What is made for the values among the arguments goes into ``made``.
    """
    try:
        return _run(builder, function, args, kwargs, builder.device, _without_elements, made)
    except Exception:  # whatever it is, torch does not say
        return None


_META = torch.device("meta")


Made: TypeAlias = list[tuple[Value, Any]]
"""Values, each with a tensor without elements that was made for it."""


def shared_with(made: Made, tensor: Any) -> Value | None:
    """The value in whose memory a tensor lies that torch has made of others; None if it has memory of its own."""
    own = tensor.untyped_storage()._cdata
    return next((value for value, one in made if one.untyped_storage()._cdata == own), None)


def _run(
    builder: Builder,
    function: Any,
    args: tuple[Any, ...],
    kwargs: Mapping[str, Any],
    place: Any,
    mode: Any,
    made: Made | None = None,
) -> Any:
    def empty(item: Any) -> Any:
        if isinstance(item, Value):
            sizes, options = numbers(item.carried), {"dtype": item.dtype, "device": place}
            alone = torch.empty_strided(sizes, item.strides, **options) if item.strides else None
            alone = torch.empty(sizes, **options) if alone is None else alone
            if made is not None:
                made.append((item, alone))
            return alone
        return place if isinstance(item, torch.device) and item == builder.device else number_of(item)

    with suspended(builder), torch.no_grad(), warnings.catch_warnings(), mode():
        warnings.simplefilter("ignore")  # what torch warns of is the network's, and not to be said twice
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


@contextmanager
def _without_elements() -> Iterator[None]:
    """Meanwhile tensors have a device, but no elements."""
    with silenced(), _mode():
        yield


@cache
def _mode() -> Any:
    from torch._subclasses.fake_tensor import FakeTensorMode

    return FakeTensorMode(allow_non_fake_inputs=True)
