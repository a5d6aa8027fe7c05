"""Costs of dense layers, matrix products and elementwise operations."""

from __future__ import annotations

from functools import partial

from ..assumptions import Integer
from ..geometry import PerAxis, axes_of, each_axis
from .cost_product import Convention, counts, named, operations, product, require_convention, require_flag


def linear_params(in_features: Integer, out_features: Integer, *, bias: bool = True) -> Integer:
    """Parameters of a dense layer: a weight for every pair of an input and an output, and a bias for every output.

    Args:
        in_features: inputs, >= 1.
        out_features: outputs, >= 1.
        bias: whether each output has a bias.

    Returns:
        the number of parameters.

    Raises:
        DomainError: a value lies outside its domain.

    Entry: cost.linear. Source: [torch.nn.Linear, variables].

    >>> linear_params(1920 * 1080, 1000, bias=False)
    2073600000
    >>> linear_params(32 * 32 * 3, 28 * 28 * 6, bias=False)  # 4704 x 3072
    14450688
    """
    require_flag("bias", bias)
    in_features, out_features = counts(in_features=in_features, out_features=out_features)
    return product([("out_features", out_features), ("in_features", in_features + int(bias))])


def linear_macs(in_features: Integer, out_features: Integer, *, batch_size: Integer = 1) -> Integer:
    """Multiply-accumulates of a dense layer.

    Args:
        in_features: inputs, >= 1.
        out_features: outputs, >= 1.
        batch_size: rows that the layer is applied to, >= 1.

    Returns:
        the number of multiply-accumulates; a bias adds none.

    Raises:
        DomainError: a value lies outside its domain.

    Entry: cost.linear. Source: [MolchanovTyreeKarrasAilaKautz2017, appendix A.1].

    >>> linear_macs(512, 1000, batch_size=2)
    1024000
    """
    in_features, out_features, batch_size = counts(
        in_features=in_features, out_features=out_features, batch_size=batch_size
    )
    return product([("batch_size", batch_size), ("out_features", out_features), ("in_features", in_features)])


def linear_flops(
    in_features: Integer, out_features: Integer, *, convention: Convention, bias: bool = True, batch_size: Integer = 1
) -> Integer:
    """Operations of a dense layer, by a named convention.

    Args:
        in_features: inputs, >= 1.
        out_features: outputs, >= 1.
        convention: ``"mac"``: one for each multiply-accumulate; ``"2mac"``: two for each; ``"exact"``: multiplications
            and additions as they are, 2*in_features - 1 for each output and one more with a bias.
        bias: whether each output has a bias, which the exact convention alone counts.
        batch_size: rows that the layer is applied to, >= 1.

    Returns:
        the number of operations.

    Raises:
        DomainError: a value lies outside its domain, or the convention is unknown.

    Entry: cost.linear. Source: [MolchanovTyreeKarrasAilaKautz2017, appendix A.1].

    >>> linear_flops(512, 1000, convention="exact"), linear_flops(512, 1000, convention="exact", bias=False)
    (1024000, 1023000)
    """
    require_convention(convention)
    require_flag("bias", bias)
    macs = linear_macs(in_features, out_features, batch_size=batch_size)
    return operations(convention, macs, partial(_outputs, batch_size=batch_size, out_features=out_features), bias)


def linear_backward_macs(
    in_features: Integer, out_features: Integer, *, batch_size: Integer = 1, input_gradient: bool = True
) -> Integer:
    """Multiply-accumulates of a dense layer's gradients for its input and its weight, each those of the layer itself.

    Args:
        in_features: inputs, >= 1.
        out_features: outputs, >= 1.
        batch_size: rows that the layer is applied to, >= 1.
        input_gradient: whether the gradient for the input is needed; in a network's first layer it is not.

    Returns:
        the number of multiply-accumulates.

    Raises:
        DomainError: a value lies outside its domain.

    Entry: cost.linear. Source: [GoodfellowBengioCourville2016, section 6.5].

    >>> linear_backward_macs(512, 1000), linear_backward_macs(512, 1000, input_gradient=False)
    (1024000, 512000)
    """
    require_flag("input_gradient", input_gradient)
    return (1 + int(input_gradient)) * linear_macs(in_features, out_features, batch_size=batch_size)


def matmul_flops(m: Integer, n: Integer, p: Integer, *, convention: Convention, batch_size: Integer = 1) -> Integer:
    """Operations of the product of an m x n and an n x p matrix, by a named convention.

    Args:
        m: rows of the first matrix, >= 1.
        n: columns of the first and rows of the second, >= 1.
        p: columns of the second, >= 1.
        convention: ``"mac"``: one for each multiply-accumulate; ``"2mac"``: two for each; ``"exact"``: n
            multiplications and n - 1 additions for each entry of the result.
        batch_size: pairs of matrices that are multiplied, >= 1.

    Returns:
        the number of operations.

    Raises:
        DomainError: a value lies outside its domain, or the convention is unknown.

    Entry: cost.matmul. Source: [Higham2002, chapter 23].

    >>> matmul_flops(2, 3, 4, convention="exact"), matmul_flops(2, 3, 4, convention="2mac")
    (40, 48)
    """
    require_convention(convention)
    m, n, p, batch_size = counts(m=m, n=n, p=p, batch_size=batch_size)
    outputs = [("batch_size", batch_size), ("m", m), ("p", p)]
    return operations(convention, product([*outputs, ("n", n)]), partial(product, outputs), bias=False)


def elementwise_flops(shape: PerAxis) -> Integer:
    """Operations that do one thing to each element of an array, such as a sum of two arrays or a ReLU: its elements.

    Args:
        shape: elements per axis, an integer or one per axis, each >= 1.

    Returns:
        the number of operations.

    Raises:
        DomainError: a size is no integer or below 1.

    Entry: cost.elementwise.

    >>> elementwise_flops((64, 112, 112))
    802816
    """
    sizes = each_axis(_checked_size, axes_of(shape), {"size": shape})
    return product(named("size", sizes))


def _outputs(**factors: Integer) -> Integer:
    return product(zip(factors, counts(**factors), strict=True))


def _checked_size(axis: int | None, size: Integer) -> Integer:
    return size
