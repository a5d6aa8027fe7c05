"""A convolution as a matrix: the matrix, its product with the input, and its transpose."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import islice
from math import prod
from typing import Any, ClassVar

import numpy as np

from ..errors import ProofError
from ..latex.page import Block, Paragraph, Section
from ..oracle.options import required_shape
from ..oracle.reference import conv_grad_input
from ..oracle.reference.arrays import ObjectArray, zeros
from ..phrases import say
from .conv import Layer
from .layout import Writer, as_rows
from .numbers import array, finished, require_writable
from .steps import element, left_out, matrices


@dataclass(frozen=True, eq=False, repr=False)
class Matrix(Layer):
    """The matrix of a convolution with numbers; its arguments are those of :class:`~.kernelled.Kernelled`.

    The matrix A has a row for each output element and a column for each input element, both in row-major order.

    Args:
        grad_output: what the transpose is applied to, in the shape of the output; the output itself unless given.

    Raises:
        DomainError: shapes or options do not fit together, a number is not finite, or there is too much to write.

    >>> Matrix([[[1, 2, 4]]], [[[[1, -1]]]]).matrix.tolist()
    [[1, -1, 0], [0, 1, -1]]
    """

    grad_output: Any = None
    kind: ClassVar[str] = "matrix"

    def _check(self) -> None:
        super()._check()
        shape = self.relation.y_shape[1:]
        require_writable("matrix", (prod(shape), self.x.size))
        if self.grad_output is not None:
            given = array("grad_output", self.grad_output, (2, 3))
            required_shape("grad_output", given.shape, shape)
            object.__setattr__(self, "grad_output", given)

    @property
    def title(self) -> str:
        """What is computed."""
        return say("A convolution as a matrix")

    @cached_property
    def matrix(self) -> ObjectArray:
        """The matrix: a kernel tap where an output element meets an input element, otherwise 0."""
        found = zeros((prod(self.relation.y_shape), self.x.size))
        for o, i, k in self.relation.triples():
            row = np.ravel_multi_index(o, self.relation.y_shape)
            found[row, np.ravel_multi_index(i, self.relation.x_shape)] = self.w[k]
        return found

    @property
    def result(self) -> ObjectArray:
        """The output: (F, *output_size)."""
        return self.output

    @cached_property
    def source(self) -> str:
        """The name of what the transpose is applied to."""
        return "Y" if self.grad_output is None else "G"

    @cached_property
    def sent_back(self) -> ObjectArray:
        """What the transpose is applied to."""
        return self.output if self.grad_output is None else self.grad_output

    @cached_property
    def transposed(self) -> ObjectArray:
        """The transpose applied to that, in the shape of the input: (C, *size)."""
        dx = conv_grad_input(self.sent_back[None], self.w, input_size=self.x.shape[1:], **self.options)
        return finished("transpose", np.asarray(dx[0]))

    def __post_init__(self) -> None:
        """Refuse a matrix whose products are not those of the convolution and of its transpose."""
        super().__post_init__()
        bias = zeros((self.relation.out_channels,)) if self.bias is None else self.bias
        product = self.matrix.dot(self.x.ravel()).reshape(self.output.shape)
        back = self.matrix.T.dot(self.sent_back.ravel()).reshape(self.x.shape)
        if np.any(product + bias.reshape(-1, *(1,) * (self.x.ndim - 1)) != self.output):
            raise ProofError("the matrix times the input is not the output")
        if np.any(back != self.transposed):
            raise ProofError("the transpose of the matrix is not the gradient for the input")

    def sections(self, write: Writer, steps: int | None) -> Iterator[Section]:
        """The matrix, the product row by row, the transpose and its product."""
        yield self.given(write)
        yield Section(say("Matrix"), tuple(self._matrix(write)))
        yield Section(say("Product"), tuple(self._product(write, steps)))
        yield Section(say("Transpose"), tuple(self._transpose(write, steps)))

    def _matrix(self, write: Writer) -> Iterator[Block]:
        yield Paragraph(
            say(
                "Row after row the input becomes a vector of {columns} elements and the output one of {rows}. In the "
                "row of an output element stands each tap of the kernel at the input element that it meets:",
                columns=self.matrix.shape[1],
                rows=self.matrix.shape[0],
            )
        )
        yield from write.arrays([(write.entry("A", ()), self.matrix)])

    def _product(self, write: Writer, steps: int | None) -> Iterator[Block]:
        flat, y = self.x.ravel(), self.output
        yield Paragraph(say("Each row times the vector of the input, without the zeros of the matrix:"))
        for row, index in enumerate(islice(np.ndindex(y.shape), steps)):
            pairs = [(a, value) for a, value in zip(self.matrix[row], flat, strict=True) if a]
            bias = [] if self.bias is None else [self.bias[index[0]]]
            yield from write.sum(element(write, "y", y, index), pairs, y.item(index), more=bias)
        yield from left_out(write, steps, y.size)
        yield Paragraph(say("In the shape of the output:"))
        yield from write.arrays(matrices(write, "Y", y))

    def _transpose(self, write: Writer, steps: int | None) -> Iterator[Block]:
        flat, back = self.sent_back.ravel(), self.transposed
        yield from write.arrays([(_transposed(write), as_rows(self.matrix.T))])
        yield Paragraph(
            say(
                "The transpose takes the vector of {source} back to the shape of the input. This is the transposed "
                "convolution with the same kernel (entry {entry}):",
                source=write.inline(write.entry(self.source, ())),
                entry=write.dialect.code("transpose.adjoint"),
            )
        )
        if self.grad_output is not None:
            yield from write.arrays(matrices(write, "G", self.grad_output))
        for row, index in enumerate(islice(np.ndindex(back.shape), steps)):
            pairs = [(a, value) for a, value in zip(self.matrix[:, row], flat, strict=True) if a]
            yield from write.sum(element(write, "z", back, index), pairs, back.item(index))
        yield from left_out(write, steps, back.size)
        yield Paragraph(say("In the shape of the input:"))
        yield from write.arrays(matrices(write, "Z", back))
        if self.grad_output is None and np.any(back != self.x):
            yield Paragraph(say("The shape is that of the input, the values are not: the transpose is no inverse."))


def _transposed(write: Writer) -> str:
    return write.dialect.power("A", r"\mathsf{T}" if write.dialect.stacked else "T")
