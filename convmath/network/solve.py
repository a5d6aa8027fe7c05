"""Questions read backwards: which inputs, parameters or changes give what is wanted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import product
from typing import TYPE_CHECKING, Any, TypeAlias

from ..errors import DomainError
from ..formulas.inverse import conv_input_sizes, conv_transpose_output_padding
from .graph import Graph
from .operators.convolution import per_axis
from .solve_field import Change, receptive_field
from .solve_padding import OutputPaddings, output_padding
from .solve_parts import part_up_to

if TYPE_CHECKING:
    from .closed_form_inputs import InputSizes
    from .closed_form_report import ClosedForm, ClosedForms
    from .closed_form_sets import Claim

__all__ = [
    "Change",
    "OutputPaddings",
    "Window",
    "input_sizes",
    "layers",
    "output_padding",
    "receptive_field",
    "round_trips",
]

PerAxis: TypeAlias = int | tuple[int, ...]


def input_sizes(
    graph: Graph, output_size: PerAxis, *, node: str | None = None, axis: int | None = None, source: str | None = None
) -> InputSizes:
    """All input sizes from which a node makes an output size, and whether that is proved.

    Args:
        graph: the network.
        output_size: the wanted positions, an int for every dimension that depends on the input size, or one for each of
            these.
        node: the name of the node; by default the last.
        axis: the spatial axis of the input that is asked for; by default all of them have the same size.
        source: the name of the input; by default all of them.

    Raises:
        DomainError: the node's sizes are unknown or do not depend on the input size.

    >>> from convmath.network.operators import Conv
    >>> net = Graph()
    >>> _ = net.add("conv", Conv(3, 64, (7, 7), stride=2, padding=3), net.input((3, 224, 224)))
    >>> found = input_sizes(net, 112)
    >>> print(found, found.label)
    223 <= n <= 224 proved
    """
    from .closed_form_sets import Claim

    forms, form = _forms(graph, node, axis, source)
    sizes = _moving(form)
    wanted = per_axis(output_size, len(sizes))
    if len(wanted) != len(sizes) or any(not isinstance(n, int) or n < 1 for n in wanted):
        needs = f"needs a size of at least 1, or one for each of the {len(sizes)} that depend on the input size"
        raise DomainError("output_size", output_size, needs)
    return _where(forms, [Claim.of("==", size, _number(n)) for size, n in zip(sizes, wanted, strict=True)])


def round_trips(
    graph: Graph, *, node: str | None = None, axis: int | None = None, source: str | None = None
) -> InputSizes:
    """All input sizes that a node gives back, as an autoencoder should.

    Args and errors as for :func:`input_sizes`.

    >>> from convmath.network.operators import ConvTranspose, Pool
    >>> net = Graph()
    >>> half = net.add("down", Pool("max", (2, 2)), net.input((8, 64, 64)))
    >>> _ = net.add("up", ConvTranspose(8, 8, (2, 2), stride=2), half)
    >>> print(round_trips(net))
    n >= 2 with n mod 2 = 0
    """
    from .closed_form_sets import Claim

    forms, form = _forms(graph, node, axis, source)
    return _where(forms, [Claim.of("==", size, forms.symbol) for size in _moving(form)])


def _forms(graph: Graph, node: str | None, axis: int | None, source: str | None) -> tuple[ClosedForms, ClosedForm]:
    part = graph if node is None else part_up_to(graph, node)
    forms = part.closed_forms(axis=axis, source=source)
    return forms, forms.output if node is None else forms[node]


def _moving(form: ClosedForm) -> list[Any]:
    """The sizes that depend on the input size."""
    if form.sizes is None:
        raise DomainError("node", form.name, f"its sizes are unknown: {form.reason}")
    found = [size for size in form.sizes if not isinstance(size, int)]
    if not found:
        raise DomainError("node", form.name, f"its sizes {form.output_size} do not depend on the input size")
    return found


def _number(n: int) -> Any:
    from sympy import Integer

    return Integer(n)


def _where(forms: ClosedForms, claims: Sequence[Claim]) -> InputSizes:
    return forms.everything.where((*claims, *forms.conditions))


@dataclass(frozen=True, order=True)
class Window:
    """The parameters of a convolution or of pooling on every axis alike, in the order in which they are looked for."""

    kernel_size: int
    dilation: int
    stride: int
    padding: int
    output_padding: int = 0


def layers(
    input_size: PerAxis,
    output_size: PerAxis,
    *,
    transposed: bool = False,
    max_kernel_size: int = 7,
    max_dilation: int = 2,
    max_stride: int = 4,
    max_padding: int = 3,
) -> tuple[Window, ...]:
    """All parameters within bounds with which a layer takes one size to another, small kernels first.

    Args:
        input_size: elements per axis, an int or one per axis, each >= 1.
        output_size: positions per axis, >= 1.
        transposed: whether it is a transposed convolution.
        max_kernel_size: the most taps.
        max_dilation: the most elements between neighbouring taps; a kernel of one tap has 1 only.
        max_stride: the largest stride.
        max_padding: the largest padding, the same before and after.

    Raises:
        DomainError: a size or a bound is less than it can be, or the numbers of axes differ.

    Entry: size.preimage, size.conv_transpose.recovers.

    >>> layers(4, 2, max_kernel_size=2, max_stride=2, max_padding=0)[0]
    Window(kernel_size=1, dilation=1, stride=2, padding=0, output_padding=0)
    >>> layers(4, 8, transposed=True, max_kernel_size=3)[-1]
    Window(kernel_size=3, dilation=2, stride=3, padding=3, output_padding=0)
    """
    sizes, wanted = _pairs(input_size, output_size)
    least = {"max_kernel_size": 1, "max_dilation": 1, "max_stride": 1, "max_padding": 0}
    bounds = (max_kernel_size, max_dilation, max_stride, max_padding)
    for (name, low), bound in zip(least.items(), bounds, strict=True):
        if bound < low:
            raise DomainError(name, bound, f"needs {name} >= {low}")
    find = _transposed_window if transposed else _window
    ranges = (range(low, bound + 1) for low, bound in zip(least.values(), bounds, strict=True))
    found = (find(Window(*numbers), sizes, wanted) for numbers in product(*ranges) if numbers[0] > 1 or numbers[1] == 1)
    return tuple(window for window in found if window is not None)


def _pairs(input_size: PerAxis, output_size: PerAxis) -> tuple[tuple[int, ...], tuple[int, ...]]:
    axes = max(len(size) if isinstance(size, tuple) else 1 for size in (input_size, output_size))
    pair = per_axis(input_size, axes), per_axis(output_size, axes)
    for name, size in zip(("input_size", "output_size"), pair, strict=True):
        if len(size) != axes or any(not isinstance(n, int) or n < 1 for n in size):
            raise DomainError(name, size, f"needs sizes of at least 1, one for each of {axes} axes")
    return pair


def _window(window: Window, sizes: tuple[int, ...], wanted: tuple[int, ...]) -> Window | None:
    options = {"stride": window.stride, "padding": window.padding, "dilation": window.dilation}
    fits = (n in conv_input_sizes(m, window.kernel_size, **options) for n, m in zip(sizes, wanted, strict=True))
    return window if all(fits) else None


def _transposed_window(window: Window, sizes: tuple[int, ...], wanted: tuple[int, ...]) -> Window | None:
    options = {"stride": window.stride, "padding": window.padding, "dilation": window.dilation}
    try:
        paddings = set(conv_transpose_output_padding(sizes, wanted, (window.kernel_size,) * len(sizes), **options))
        (padding,) = paddings if len(paddings) == 1 else (None,)
    except DomainError:
        return None
    return None if padding is None else replace(window, output_padding=padding)
