"""What a backend is: a framework's operators behind the calls that ``check`` makes, and what they claim to compute."""

from __future__ import annotations

import warnings
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from types import MappingProxyType
from typing import Any, ClassVar, TypeAlias

import numpy as np
import numpy.typing as npt

from ...errors import UnsupportedError
from ..options import Index, Pairs, padding_pairs
from .properties import AnyCase, properties

Array: TypeAlias = npt.NDArray[Any]
Tensor: TypeAlias = Any
"""An array of the framework."""


@dataclass(frozen=True)
class Convolution:
    """The options of a convolution, one entry per axis; ``output_padding`` is a transposed one's."""

    stride: Index
    padding: Pairs
    dilation: Index
    groups: int
    output_padding: Index = ()


@dataclass(frozen=True)
class Pooling:
    """The options of a pooling layer, one entry per axis."""

    kernel_size: Index
    stride: Index
    padding: Pairs
    dilation: Index = ()
    ceil_mode: bool = False
    count_include_pad: bool = True
    divisor_override: int | None = None


@dataclass(frozen=True)
class Operator:
    """What a framework documents that one of its operators computes.

    Attributes:
        name: as the framework calls it.
        rule: the address of its documentation, by which it is judged.
        dtypes: the formats that it takes.
        lacks: properties of a case that it does not have, each with the reason.
        ndims: the numbers of spatial axes that it takes.
        composed: what the adapter does around it; "" if nothing but to name the options.
    """

    name: str
    rule: str
    dtypes: tuple[str, ...] = ("float32", "float64")
    lacks: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    ndims: tuple[int, ...] = (1, 2, 3)
    composed: str = ""

    def refusal(self, case: AnyCase, dtype: str) -> str:
        """Why it does not compute a case; "" if it does.

        >>> from convmath.oracle import ConvCase
        >>> operator = Operator("correlate", "https://docs.scipy.org", lacks={"groups": "has no groups"})
        >>> operator.refusal(ConvCase.parse("c2 o2 g2 i3 k2 #0"), "float64")
        'correlate has no groups'
        """
        if dtype not in self.dtypes:
            return f"{self.name} takes {', '.join(self.dtypes)}, not {dtype}"
        found = properties(case)
        return next((f"{self.name} {reason}" for name, reason in self.lacks.items() if name in found), "")


class Backend(ABC):
    """A framework, which is imported when an instance is made; what it supports is known without.

    Its methods are named by the kinds of :func:`convmath.oracle.check`, and are called as that calls a function: with
    NumPy arrays and keywords. They exist for every kind in ``operators``.
    """

    name: ClassVar[str]
    extra: ClassVar[str]
    packages: ClassVar[tuple[str, ...]]
    """The distributions whose versions matter, or by which the framework is known."""
    modules: ClassVar[tuple[str, ...]]
    """What is imported."""
    operators: ClassVar[Mapping[str, tuple[Operator, ...]]]
    """Those of each kind, for different numbers of axes."""

    @classmethod
    def absence(cls) -> str:
        """Why the backend cannot be used here; "" if it can."""
        if all(find_spec(module) is not None for module in cls.modules):
            return ""
        return f"{cls.name} needs {' and '.join(cls.modules)}: pip install 'convmath[{cls.extra}]'"

    @classmethod
    def versions(cls) -> dict[str, str]:
        """The installed version of each package that is installed."""
        return {package: found for package in cls.packages if (found := _installed(package))}

    @classmethod
    def refusal(cls, case: AnyCase, dtype: str) -> str:
        """Why the framework does not compute a case; "" if it does."""
        operators = cls.operators.get(case.kind, ())
        operator = next((operator for operator in operators if case.ndim in operator.ndims), None)
        if operator is None:
            axes = f" with {'1 axis' if case.ndim == 1 else f'{case.ndim} axes'}" if operators else ""
            return f"{cls.name} has no operator for {case.kind}{axes}"
        return operator.refusal(case, dtype)

    def __init__(self) -> None:
        """Import the framework; UnsupportedError if it is not installed."""
        if absence := self.absence():
            raise UnsupportedError(absence)
        self._import()

    @abstractmethod
    def _import(self) -> None:
        """Import what is needed, and keep it."""

    def run(self, *arrays: Array | None, kind: str, **options: Any) -> Array:
        """Whatever ``kind`` computes; what a framework warns of is no verdict, whatever filters its caller has."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            result: Array = getattr(self, kind)(*arrays, **options)
        return result

    def conv(self, x: Array, w: Array, bias: Array | None = None, **options: Any) -> Array:
        """A convolution."""
        with self._settings():
            return self._out(self._conv(*self._operands(x, w, bias), _convolution(x, options)))

    def conv_transpose(self, x: Array, w: Array, bias: Array | None = None, **options: Any) -> Array:
        """A transposed convolution."""
        with self._settings():
            return self._out(self._conv_transpose(*self._operands(x, w, bias), _convolution(x, options)))

    def max_pool(self, x: Array, **options: Any) -> Array:
        """Maxima over windows."""
        with self._settings():
            return self._out(self._max_pool(self._tensor(x), _pooling(x, options)))

    def avg_pool(self, x: Array, **options: Any) -> Array:
        """Averages over windows."""
        with self._settings():
            return self._out(self._avg_pool(self._tensor(x), _pooling(x, options)))

    def _settings(self) -> AbstractContextManager[Any]:
        """What holds while the framework works."""
        return nullcontext()

    def _tensor(self, array: Array) -> Tensor:
        return array

    def _out(self, tensor: Tensor) -> Array:
        return np.asarray(tensor)

    def _operands(self, x: Array, w: Array, bias: Array | None) -> tuple[Tensor, Tensor, Tensor | None]:
        return self._tensor(x), self._tensor(w), None if bias is None else self._tensor(bias)

    def _conv(self, x: Tensor, w: Tensor, bias: Tensor | None, options: Convolution) -> Tensor:
        raise UnsupportedError(f"{self.name} has no operator for conv")

    def _conv_transpose(self, x: Tensor, w: Tensor, bias: Tensor | None, options: Convolution) -> Tensor:
        raise UnsupportedError(f"{self.name} has no operator for conv_transpose")

    def _max_pool(self, x: Tensor, options: Pooling) -> Tensor:
        raise UnsupportedError(f"{self.name} has no operator for max_pool")

    def _avg_pool(self, x: Tensor, options: Pooling) -> Tensor:
        raise UnsupportedError(f"{self.name} has no operator for avg_pool")


class Differentiable(Backend):
    """A framework that differentiates: gradients are those that it gives of its own layers."""

    @abstractmethod
    def _pullback(self, layer: Callable[[Tensor], Tensor], at: Array, grad_output: Array) -> Tensor:
        """The gradient of <layer(x), grad_output> for x."""

    def grad_input(self, grad_output: Array, w: Array, *, input_size: Index, **options: Any) -> Array:
        """The gradient of a convolution for its input."""
        layer = _convolution(w, options)
        x = np.zeros((len(grad_output), layer.groups * w.shape[1], *input_size), w.dtype)
        with self._settings():
            weight = self._tensor(w)
            return self._out(self._pullback(lambda x: self._conv(x, weight, None, layer), x, grad_output))

    def grad_weight(self, x: Array, grad_output: Array, *, kernel_size: Index, **options: Any) -> Array:
        """The gradient of a convolution for its weight."""
        layer = _convolution(x, options)
        w = np.zeros((grad_output.shape[1], x.shape[1] // layer.groups, *kernel_size), x.dtype)
        with self._settings():
            data = self._tensor(x)
            return self._out(self._pullback(lambda w: self._conv(data, w, None, layer), w, grad_output))

    def grad_bias(self, grad_output: Array) -> Array:
        """The gradient of a convolution, with a kernel of one element, for its bias."""
        batch, channels, *size = grad_output.shape
        ones, dtype = (1,) * len(size), grad_output.dtype
        x, w = np.zeros((batch, 1, *size), dtype), np.zeros((channels, 1, *ones), dtype)
        bias, layer = np.zeros(channels, dtype), Convolution(ones, ((0, 0),) * len(size), ones, 1)
        with self._settings():
            data, weight, _ = self._operands(x, w, None)
            return self._out(self._pullback(lambda bias: self._conv(data, weight, bias, layer), bias, grad_output))

    def max_pool_grad_input(self, grad_output: Array, x: Array, **options: Any) -> Array:
        """The gradient of maxima for the input."""
        layer = _pooling(x, options)
        with self._settings():
            return self._out(self._pullback(lambda x: self._max_pool(x, layer), x, grad_output))

    def avg_pool_grad_input(self, grad_output: Array, *, input_size: Index, **options: Any) -> Array:
        """The gradient of averages for the input."""
        layer = _pooling(grad_output, options)
        x = np.zeros((*grad_output.shape[:2], *input_size), grad_output.dtype)
        with self._settings():
            return self._out(self._pullback(lambda x: self._avg_pool(x, layer), x, grad_output))


def _installed(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return ""


def _convolution(array: Array, options: dict[str, Any]) -> Convolution:
    return Convolution(**options | {"padding": padding_pairs(options["padding"], array.ndim - 2)})


def _pooling(array: Array, options: dict[str, Any]) -> Pooling:
    return Pooling(**options | {"padding": padding_pairs(options["padding"], array.ndim - 2)})
