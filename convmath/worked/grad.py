"""The gradients of a convolution: for the kernel, the input and the bias, from the gradient of the output."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, ClassVar

import numpy as np

from ..latex.page import Block, Paragraph, Section
from ..oracle.options import per_axis, required_shape
from ..oracle.reference import conv_grad_bias, conv_grad_input, conv_grad_weight
from ..oracle.reference.arrays import ObjectArray, zeros
from ..oracle.relation import Relation, conv_relation
from ..phrases import say
from .calculation import stepwise
from .conv import Layer
from .layout import Writer
from .numbers import array, finished
from .steps import element, kernel_steps, left_out, matrices, padded, show_step, window_steps


@dataclass(frozen=True, eq=False, repr=False)
class Gradients(Layer):
    """The gradients of a convolution with numbers; its arguments are those of :class:`~.kernelled.Kernelled`.

    Args:
        grad_output: the gradient of the output, in its shape (F, *output_size).

    Raises:
        DomainError: shapes or options do not fit together, a number is not finite, or there is too much to write.

    >>> given = Gradients([[[1, 2, 3]]], [[[[1, -1]]]], grad_output=[[[1, 10]]])
    >>> given.for_input.tolist(), given.for_kernel.tolist(), given.for_bias.tolist()
    ([[[1, 9, -10]]], [[[[21, 32]]]], [11])
    """

    grad_output: Any = field(kw_only=True)
    kind: ClassVar[str] = "grad"

    def _check(self) -> None:
        super()._check()
        dy = array("grad_output", self.grad_output, (2, 3))
        required_shape("grad_output", dy.shape, self.relation.y_shape[1:])
        object.__setattr__(self, "grad_output", dy)

    @property
    def title(self) -> str:
        """What is computed."""
        return say("The gradients of a convolution step by step")

    @cached_property
    def for_kernel(self) -> ObjectArray:
        """The gradient for the kernel, in its shape."""
        dw = conv_grad_weight(
            self.x[None], self.grad_output[None], kernel_size=self.w.shape[2:], **self.options
        )  # fmt: skip
        return finished("gradient for the kernel", dw)

    @cached_property
    def for_input(self) -> ObjectArray:
        """The gradient for the input, in its shape: (C, *size)."""
        dx = conv_grad_input(self.grad_output[None], self.w, input_size=self.x.shape[1:], **self.options)
        return finished("gradient for the input", np.asarray(dx[0]))

    @cached_property
    def for_bias(self) -> ObjectArray:
        """The gradient for the bias: a number per output channel."""
        return finished("gradient for the bias", conv_grad_bias(self.grad_output[None]))

    @property
    def result(self) -> ObjectArray:
        """The gradient for the input."""
        return self.for_input

    @cached_property
    def stretched(self) -> ObjectArray:
        """The output's gradient with stride - 1 zeros between its elements and the padding of the full correlation."""
        axes, dy = self.relation.axes, self.grad_output
        spread = zeros((len(dy), *(axis.stride * (axis.output_size - 1) + 1 for axis in axes)))
        spread[(slice(None), *(slice(None, None, axis.stride) for axis in axes))] = dy
        pads = [
            (span - axis.lo, axis.input_size + axis.lo - axis.stride * (axis.output_size - 1) - 1)
            for axis, span in ((axis, axis.dilation * (axis.kernel_size - 1)) for axis in axes)
        ]
        return padded(spread, pads)

    @cached_property
    def turned(self) -> ObjectArray:
        """The kernel turned round in every axis, its input and output channels exchanged: (C, F/groups, *kernel)."""
        flipped = np.flip(self.w, axis=tuple(range(2, self.w.ndim)))
        per_group = np.split(flipped, self.groups)
        return np.concatenate([np.swapaxes(part, 0, 1) for part in per_group])

    @cached_property
    def backward(self) -> Relation:
        """The access relation of the correlation that gives the gradient for the input."""
        dilation = per_axis("dilation", self.dilation, self.x.ndim - 1)
        return conv_relation((1, *self.stretched.shape), self.turned.shape, dilation=dilation, groups=self.groups)

    def sections(self, write: Writer, steps: int | None) -> Iterator[Section]:
        """What is given, and each gradient element by element."""
        yield self.given(write)
        yield from self.padding_section(write)
        yield Section(say("Output gradient"), tuple(write.arrays(matrices(write, "G", self.grad_output))))
        yield Section(say("Gradient for the kernel"), tuple(self._about_kernel(write)))
        yield from stepwise("", self._kernel(write, steps))
        yield Section("", tuple(self._together(write, matrices(write, "dW", self.for_kernel, kernel=True))))
        yield Section(say("Gradient for the input"), tuple(self._about_input(write)))
        yield from stepwise("", self._input(write, steps))
        yield Section("", tuple(self._together(write, matrices(write, "dX", self.for_input))))
        yield Section(say("Gradient for the bias"), tuple(self._bias(write)))

    def _about_kernel(self, write: Writer) -> Iterator[Block]:
        yield Paragraph(
            say(
                "The gradient for a tap sums the products of the output gradient with the inputs that the tap meets "
                "(entry {entry}).",
                entry=write.dialect.code("grad.weight"),
            )
        )

    def _kernel(self, write: Writer, steps: int | None) -> Iterator[Iterator[Block]]:
        dw, several = self.for_kernel, self.relation.in_channels > 1
        for step in kernel_steps(self.on_padded, self.padded, self.grad_output, dw, steps):
            name = element(write, "dw", dw, step.index, kernel=True)
            yield show_step(write, step, name, self.source, several=several)
        yield left_out(write, steps, dw.size)

    def _about_input(self, write: Writer) -> Iterator[Block]:
        yield Paragraph(
            say(
                "The gradient for the input is the correlation of {source} with {kernel}: the output gradient with "
                "stride - 1 zeros between its elements and with padding, and the kernel turned round in every axis "
                "(entry {entry}).",
                source=write.inline(write.entry("Q", ())),
                kernel=write.inline(write.entry("R", ())),
                entry=write.dialect.code("grad.input.rot180"),
            )
        )
        yield from write.arrays(
            [*matrices(write, "Q", self.stretched), *matrices(write, "R", self.turned, kernel=True)]
        )

    def _input(self, write: Writer, steps: int | None) -> Iterator[Iterator[Block]]:
        dx, several = self.for_input, self.relation.out_channels > 1
        for step in window_steps(self.backward, self.stretched, self.turned, None, dx, steps):
            yield show_step(write, step, element(write, "dx", dx, step.index), "Q", several=several)
        yield left_out(write, steps, dx.size)

    @staticmethod
    def _together(write: Writer, named: list[tuple[str, ObjectArray]]) -> Iterator[Block]:
        yield Paragraph(say("Together:"))
        yield from write.arrays(named)

    def _bias(self, write: Writer) -> Iterator[Block]:
        db = self.for_bias
        yield Paragraph(
            say(
                "The gradient for a bias is the sum of its channel's output gradient (entry {entry}).",
                entry=write.dialect.code("grad.bias"),
            )
        )
        for f, value in enumerate(db):
            name = write.entry("db", (f,) if len(db) > 1 else ())
            yield from write.chain(name, [write.terms(list(self.grad_output[f].ravel())), write.terms([value])])
