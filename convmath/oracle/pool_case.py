"""A maximum or average pooling layer or its gradient: with its data, its answer and its name in other libraries."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from math import lcm, prod
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from ..errors import DomainError
from . import dialects
from .answers import ANSWERS
from .axes import Axis, pool_axes
from .base_case import LARGEST_LIMIT, LIMIT, Case, every_axis, require_moderate
from .descriptor import Words, axes_word, pairs_word
from .exact.arithmetic import INT64_LIMIT
from .exact.pool import window_divisors
from .features import pool_features
from .fill import fill
from .options import Index, Pairs, integer, padding_pairs, per_axis

Integers = npt.NDArray[np.int64]


@dataclass(frozen=True, kw_only=True, repr=False)
class PoolCase(Case):
    """One call of a pooling layer or of its gradient, with integer data made from ``seed``.

    The kinds are ``max_pool``, ``avg_pool``, ``max_pool_grad_input`` and ``avg_pool_grad_input``. Options have one
    entry per axis; a single one means every axis, no stride means the kernel size. Data lies between -limit and limit,
    for averages times a common multiple of the divisors, so that every answer is an integer. DomainError if the shapes
    do not fit together.

    >>> PoolCase.parse("avg_pool i3 k2 s1 #0").expected.dtype
    dtype('int64')
    """

    kinds: ClassVar[tuple[str, ...]] = ("max_pool", "avg_pool", "max_pool_grad_input", "avg_pool_grad_input")

    kind: str = "max_pool"
    batch: int = 1
    channels: int = 1
    input_size: Index
    kernel_size: Index
    stride: Index = ()
    padding: Pairs = ((0, 0),)
    dilation: Index = (1,)
    ceil_mode: bool = False
    count_include_pad: bool = True
    divisor_override: int | None = None
    seed: int = 0
    limit: int = LIMIT

    def __post_init__(self) -> None:
        """Bring the options to one entry per axis, and refuse what does not fit together."""
        ndim = len(every_axis(self.input_size))
        for name in ("input_size", "kernel_size"):
            self._set(name, per_axis(name, every_axis(getattr(self, name), ndim), ndim))
        self._set("stride", per_axis("stride", every_axis(self.stride or self.kernel_size, ndim), ndim))
        self._set("dilation", per_axis("dilation", every_axis(self.dilation, ndim), ndim))
        self._set("padding", padding_pairs(every_axis(self.padding, ndim), ndim))
        for name in ("batch", "channels", "limit"):
            self._set(name, integer(name, getattr(self, name), least=1))
        self._set("seed", integer("seed", self.seed, least=0))
        if self.limit > LARGEST_LIMIT:
            raise DomainError("limit", self.limit, f"needs limit <= {LARGEST_LIMIT}")
        self._check_kind()
        for name, shape in (("x", self.x_shape), ("y", self.y_shape)):
            require_moderate(name, shape)

    def _check_kind(self) -> None:
        if self.kind not in self.kinds:
            raise DomainError("kind", self.kind, f"needs one of {', '.join(self.kinds)}")
        if self.averages:
            if self.divisor_override is not None:
                self._set("divisor_override", integer("divisor_override", self.divisor_override, least=1))
        elif self.divisor_override is not None or not self.count_include_pad:
            raise DomainError("kind", self.kind, "takes neither count_include_pad nor divisor_override")

    @property
    def ndim(self) -> int:
        """Number of spatial axes."""
        return len(self.input_size)

    @property
    def averages(self) -> bool:
        """Whether this is average pooling, or its gradient."""
        return self.kind.startswith("avg_pool")

    @property
    def x_shape(self) -> Index:
        """Shape of the layer's input."""
        return (self.batch, self.channels, *self.input_size)

    @property
    def y_shape(self) -> Index:
        """Shape of the layer's output."""
        return (self.batch, self.channels, *(axis.output_size for axis in self.axes))

    @cached_property
    def axes(self) -> tuple[Axis, ...]:
        """The access relation's spatial axes."""
        return pool_axes(
            self.input_size,
            kernel_size=self.kernel_size,
            stride=self.stride,
            padding=self.padding,
            dilation=self.dilation,
            ceil_mode=self.ceil_mode,
        )

    @property
    def macs(self) -> int:
        """Elements that are compared or added, those of the padding included."""
        return prod(self.y_shape) * prod(self.kernel_size)

    @cached_property
    def scale(self) -> int:
        """What the data is multiplied by: 1, or the least common multiple of an average's divisors.

        DomainError if int64 cannot hold that data.
        """
        if not self.averages:
            return 1
        divisors = window_divisors(self.axes, self.count_include_pad, self.divisor_override)
        scale = lcm(*divisors.ravel().tolist())
        if self.limit * scale >= INT64_LIMIT:
            raise DomainError("limit", self.limit, f"times {scale}, a multiple of every divisor, overflows int64")
        return scale

    @cached_property
    def x(self) -> Integers:
        """The layer's input."""
        return fill(self.x_shape, seed=self.seed, stream=0, limit=self.limit) * self.scale

    @cached_property
    def grad_output(self) -> Integers:
        """A gradient for the layer's output."""
        return fill(self.y_shape, seed=self.seed, stream=3, limit=self.limit) * self.scale

    @property
    def arguments(self) -> tuple[Any, ...]:
        """(x,), or what the gradient is computed from."""
        return {
            "max_pool_grad_input": (self.grad_output, self.x),
            "avg_pool_grad_input": (self.grad_output,),
        }.get(self.kind) or (self.x,)

    @property
    def options(self) -> dict[str, Any]:
        """The layer's keywords, padding as pairs; an average's gradient also takes input_size."""
        options: dict[str, Any] = {
            "kernel_size": self.kernel_size,
            "stride": self.stride,
            "padding": self.padding,
            "dilation": self.dilation,
            "ceil_mode": self.ceil_mode,
        }
        if self.averages:
            options |= {"count_include_pad": self.count_include_pad, "divisor_override": self.divisor_override}
        return options | ({"input_size": self.input_size} if self.kind == "avg_pool_grad_input" else {})

    def _answer(self) -> npt.NDArray[Any]:
        return ANSWERS[self.kind](*self.arguments, **self.options)

    @property
    def features(self) -> frozenset[str]:
        """What the case exercises: names out of :data:`convmath.oracle.features.POOL_FEATURES`."""
        return pool_features(self)

    def torch_kwargs(self) -> dict[str, Any]:
        """Keywords of ``torch.nn.functional.max_pool1d`` to ``avg_pool3d``; for a gradient, of the layer.

        UnsupportedError for what torch does not have: padding that differs between the sides or exceeds half the
        window, a dilated average, a divisor_override in one dimension.

        >>> PoolCase.parse("max_pool i4 k2 p1 #0").torch_kwargs()["padding"]
        (1,)
        """
        return dialects.torch_pool_kwargs(self)

    def jax_kwargs(self) -> dict[str, Any]:
        """Keywords of ``jax.lax.reduce_window``, over the batch and channel axes too; an average is divided afterwards.

        >>> PoolCase.parse("max_pool i5 k2 ceil #0").jax_kwargs()["padding"]
        ((0, 0), (0, 0), (0, 1))
        """
        return dialects.jax_pool_kwargs(self)

    def onnx_node(self) -> dict[str, Any]:
        """``op_type`` and ``attributes`` of the ONNX operator, of opset 22, whose input is :attr:`x`.

        UnsupportedError for a gradient and for a divisor_override, which ONNX does not have.

        >>> PoolCase.parse("avg_pool i4 k2 exclude_pad #0").onnx_node()["attributes"]["count_include_pad"]
        0
        """
        return dialects.onnx_pool(self)

    @classmethod
    def parse(cls, text: str) -> PoolCase:
        """The case of a descriptor; DomainError if it is none.

        >>> str(PoolCase.parse("avg_pool n2 c3 i7x5 k3x2 s2x1 p1:0x0:1 ceil exclude_pad div7 #7"))
        'avg_pool n2 c3 i7x5 k3x2 s2x1 p1:0x0:1 ceil exclude_pad div7 #7'
        """
        words = Words(text)
        kernel_size = words.axes("k")
        case = cls(
            kind=words.kind(cls.kinds, "max_pool"),
            batch=words.number("n", 1),
            channels=words.number("c", 1),
            input_size=words.axes("i"),
            kernel_size=kernel_size,
            stride=words.axes("s") if "s" in words.left else kernel_size,
            padding=words.pairs("p"),
            dilation=words.axes("d", 1),
            ceil_mode=words.flag("ceil"),
            count_include_pad=not words.flag("exclude_pad"),
            divisor_override=words.number("div") if "div" in words.left else None,
            seed=words.number("#", 0),
            limit=words.number("v", LIMIT),
        )
        words.finish()
        return case

    def __str__(self) -> str:
        """The descriptor; what has its default value is left out, but for the stride."""
        optional = [
            (any(map(any, self.padding)), pairs_word("p", self.padding)),
            (set(self.dilation) != {1}, axes_word("d", self.dilation)),
            (self.ceil_mode, "ceil"),
            (not self.count_include_pad, "exclude_pad"),
            (self.divisor_override is not None, f"div{self.divisor_override}"),
            (self.limit != LIMIT, f"v{self.limit}"),
        ]
        sizes = zip("iks", (self.input_size, self.kernel_size, self.stride), strict=True)
        words = [self.kind, f"n{self.batch}", f"c{self.channels}", *(axes_word(name, size) for name, size in sizes)]
        return " ".join([*words, *(word for given, word in optional if given), f"#{self.seed}"])
