"""A convolution, a transposed convolution or a gradient: with its data, its answer and its name in other libraries."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from math import prod
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from ..errors import DomainError
from . import dialects
from .answers import ANSWERS
from .axes import Axis
from .base_case import LARGEST_LIMIT, LIMIT, Case, every_axis, require_moderate
from .descriptor import Words, axes_word, pairs_word
from .features import conv_features
from .fill import fill
from .options import Index, Pairs, integer, padding_pairs, per_axis
from .relation import Relation, conv_relation, conv_transpose_relation

Integers = npt.NDArray[np.int64]


@dataclass(frozen=True, kw_only=True, repr=False)
class ConvCase(Case):
    """One call of a convolution or of one of its gradients, with integer data made from ``seed``.

    The kinds are ``conv``, ``conv_transpose``, and the gradients of ``conv``: ``grad_input``, ``grad_weight`` and
    ``grad_bias``. Layouts are those of :mod:`convmath.oracle.reference`. Options have one entry per axis; a single one
    means every axis. Data lies between -limit and limit. DomainError if the shapes do not fit together.

    >>> case = ConvCase.parse("conv c1 o1 i4 k2 s2 p0:1 #3")
    >>> case.options["padding"], case.expected.shape
    (((0, 1),), (1, 1, 2))
    """

    kinds: ClassVar[tuple[str, ...]] = ("conv", "conv_transpose", "grad_input", "grad_weight", "grad_bias")

    kind: str = "conv"
    batch: int = 1
    in_channels: int = 1
    out_channels: int = 1
    groups: int = 1
    input_size: Index
    kernel_size: Index
    stride: Index = (1,)
    padding: Pairs = ((0, 0),)
    dilation: Index = (1,)
    output_padding: Index = (0,)
    bias: bool = False
    seed: int = 0
    limit: int = LIMIT

    def __post_init__(self) -> None:
        """Bring the options to one entry per axis, and refuse what does not fit together."""
        ndim = len(every_axis(self.input_size))
        for name in ("input_size", "kernel_size", "stride", "dilation"):
            self._set(name, per_axis(name, every_axis(getattr(self, name), ndim), ndim))
        self._set("padding", padding_pairs(every_axis(self.padding, ndim), ndim))
        self._set("output_padding", per_axis("output_padding", every_axis(self.output_padding, ndim), ndim, least=0))
        for name in ("batch", "in_channels", "out_channels", "groups", "limit"):
            self._set(name, integer(name, getattr(self, name), least=1))
        self._set("seed", integer("seed", self.seed, least=0))
        if self.limit > LARGEST_LIMIT:
            raise DomainError("limit", self.limit, f"needs limit <= {LARGEST_LIMIT}")
        self._check_kind()
        for name in ("in_channels", "out_channels"):
            if getattr(self, name) % self.groups:
                raise DomainError("groups", self.groups, f"needs to divide {name}={getattr(self, name)}")
        for name, shape in (("x", self.x_shape), ("w", self.w_shape), ("y", self.y_shape)):
            require_moderate(name, shape)

    def _check_kind(self) -> None:
        if self.kind not in self.kinds:
            raise DomainError("kind", self.kind, f"needs one of {', '.join(self.kinds)}")
        if any(self.output_padding) and not self.transposed:
            raise DomainError("output_padding", self.output_padding, "belongs to the kind conv_transpose")
        if self.bias and self.kind not in ("conv", "conv_transpose"):
            raise DomainError("bias", self.bias, "belongs to the kinds conv and conv_transpose")

    @property
    def ndim(self) -> int:
        """Number of spatial axes."""
        return len(self.input_size)

    @property
    def transposed(self) -> bool:
        """Whether this is a transposed convolution."""
        return self.kind == "conv_transpose"

    @property
    def x_shape(self) -> Index:
        """Shape of the layer's input."""
        return (self.batch, self.in_channels, *self.input_size)

    @property
    def w_shape(self) -> Index:
        """Shape of the layer's weight."""
        first, second = self.out_channels, self.in_channels
        if self.transposed:
            first, second = second, first
        return (first, second // self.groups, *self.kernel_size)

    @property
    def y_shape(self) -> Index:
        """Shape of the layer's output."""
        return self.relation.x_shape if self.transposed else self.relation.y_shape

    @cached_property
    def relation(self) -> Relation:
        """The access relation; for a transposed convolution that of the convolution that it transposes."""
        find = conv_transpose_relation if self.transposed else conv_relation
        return find(self.x_shape, self.w_shape, **self._layer_options)

    @property
    def axes(self) -> tuple[Axis, ...]:
        """The access relation's spatial axes."""
        return self.relation.axes

    @property
    def macs(self) -> int:
        """Multiply-accumulates, those with padding included."""
        return prod(self.relation.y_shape) * prod(self.relation.w_shape[1:])

    @cached_property
    def x(self) -> Integers:
        """The layer's input."""
        return fill(self.x_shape, seed=self.seed, stream=0, limit=self.limit)

    @cached_property
    def w(self) -> Integers:
        """The layer's weight."""
        return fill(self.w_shape, seed=self.seed, stream=1, limit=self.limit)

    @cached_property
    def b(self) -> Integers | None:
        """The layer's bias, if it has one."""
        return fill((self.out_channels,), seed=self.seed, stream=2, limit=self.limit) if self.bias else None

    @cached_property
    def grad_output(self) -> Integers:
        """A gradient for the layer's output."""
        return fill(self.y_shape, seed=self.seed, stream=3, limit=self.limit)

    @property
    def arguments(self) -> tuple[Any, ...]:
        """(x, w, bias), or what the gradient is computed from."""
        return {
            "grad_input": (self.grad_output, self.w),
            "grad_weight": (self.x, self.grad_output),
            "grad_bias": (self.grad_output,),
        }.get(self.kind) or (self.x, self.w, self.b)

    @property
    def options(self) -> dict[str, Any]:
        """The layer's keywords, padding as pairs; a gradient also takes input_size or kernel_size."""
        if self.kind == "grad_bias":
            return {}
        extra: dict[str, Any] = {
            "grad_input": {"input_size": self.input_size},
            "grad_weight": {"kernel_size": self.kernel_size},
        }.get(self.kind, {})
        return extra | self._layer_options

    def _answer(self) -> npt.NDArray[Any]:
        return ANSWERS[self.kind](*self.arguments, **self.options)

    @property
    def features(self) -> frozenset[str]:
        """What the case exercises: names out of :data:`convmath.oracle.features.CONV_FEATURES`."""
        return conv_features(self)

    def torch_pad(self) -> tuple[int, ...]:
        """What torch's own padding cannot do, for ``torch.nn.functional.pad``: zeros where it can do all.

        Pad the input with it before a convolution; pad (that is, crop) the output with it after a transposed one.
        UnsupportedError for a transposed convolution with a bias whose padding is negative.
        """
        return dialects.torch_pad(self)

    def torch_kwargs(self) -> dict[str, Any]:
        """Keywords of ``torch.nn.functional.conv1d`` to ``conv_transpose3d``, and of ``torch.nn.grad``.

        For a gradient they are those of the convolution. They hold the padding that both sides share; see
        :meth:`torch_pad` for the rest.

        >>> ConvCase.parse("conv i4 k2 p1:2 #0").torch_kwargs()["padding"]
        (1,)
        """
        return dialects.torch_kwargs(self)

    def jax_kwargs(self) -> dict[str, Any]:
        """Keywords of ``jax.lax.conv_general_dilated``, which takes :attr:`x` and :attr:`jax_weight`.

        For a gradient they are those of the convolution. JAX adds no bias.

        >>> ConvCase.parse("conv i4 k2 p1:2 s3 #0").jax_kwargs()["padding"]
        ((1, 2),)
        """
        return dialects.jax_kwargs(self)

    @property
    def jax_weight(self) -> Integers:
        """:attr:`w` as JAX wants it: a transposed convolution's is flipped, its channels swapped within each group."""
        return dialects.jax_weight(self)

    def onnx_node(self) -> dict[str, Any]:
        """``op_type`` and ``attributes`` of the ONNX operator, whose inputs are :attr:`arguments`.

        UnsupportedError for a gradient and for negative padding, which ONNX does not have.

        >>> ConvCase.parse("conv i4x5 k2x3 p1:2x0 #0").onnx_node()["attributes"]["pads"]
        [1, 0, 2, 0]
        """
        return dialects.onnx_conv(self)

    @classmethod
    def parse(cls, text: str) -> ConvCase:
        """The case of a descriptor; DomainError if it is none.

        >>> str(ConvCase.parse("grad_weight n2 c4 o6 g2 i7x5 k3x2 s2x1 p1:0x0:2 d1x2 #7"))
        'grad_weight n2 c4 o6 g2 i7x5 k3x2 s2x1 p1:0x0:2 d1x2 #7'
        """
        words = Words(text)
        case = cls(
            kind=words.kind(cls.kinds, "conv"),
            batch=words.number("n", 1),
            in_channels=words.number("c", 1),
            out_channels=words.number("o", 1),
            groups=words.number("g", 1),
            input_size=words.axes("i"),
            kernel_size=words.axes("k"),
            stride=words.axes("s", 1),
            padding=words.pairs("p"),
            dilation=words.axes("d", 1),
            output_padding=words.axes("op", 0),
            bias=words.flag("b"),
            seed=words.number("#", 0),
            limit=words.number("v", LIMIT),
        )
        words.finish()
        return case

    def __str__(self) -> str:
        """The descriptor; what has its default value is left out."""
        optional = [
            (self.groups > 1, f"g{self.groups}"),
            (True, axes_word("i", self.input_size)),
            (True, axes_word("k", self.kernel_size)),
            (set(self.stride) != {1}, axes_word("s", self.stride)),
            (any(map(any, self.padding)), pairs_word("p", self.padding)),
            (set(self.dilation) != {1}, axes_word("d", self.dilation)),
            (any(self.output_padding), axes_word("op", self.output_padding)),
            (self.bias, "b"),
            (self.limit != LIMIT, f"v{self.limit}"),
        ]
        words = [self.kind, f"n{self.batch}", f"c{self.in_channels}", f"o{self.out_channels}"]
        return " ".join([*words, *(word for given, word in optional if given), f"#{self.seed}"])

    @property
    def _layer_options(self) -> dict[str, Any]:
        options = {
            "stride": self.stride,
            "padding": self.padding,
            "dilation": self.dilation,
            "groups": self.groups,
        }
        return options | ({"output_padding": self.output_padding} if self.transposed else {})
