"""What the cost helpers share: checked counts, conventions, and products that do not overflow."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Literal, TypeAlias

from ..assumptions import Integer, integer, require, require_least, require_one_kind
from ..division import floor_div, is_array, maximum, mod
from ..errors import DomainError
from ..geometry import PerAxis, is_per_axis

Convention: TypeAlias = Literal["mac", "2mac", "exact"]

CONVENTIONS = ("mac", "2mac", "exact")

ARRAY_COST = 2**60
"""The largest product of arrays: then the sum of a few of them fits 64 bits."""


def counts(**values: Integer) -> tuple[Integer, ...]:
    """The values as integers of one kind, each at least 1.

    Raises:
        DomainError: a value is no integer, or below 1.

    >>> counts(in_channels=3, batch_size=8)
    (3, 8)
    """
    checked = {name: integer(value, name) for name, value in values.items()}
    require_one_kind(checked)
    for name, value in checked.items():
        require_least(1, value, name)
    return tuple(checked.values())


def channels_of_a_group(in_channels: Integer, out_channels: Integer, groups: Integer) -> Integer:
    """Input channels that each output channel reads, from checked counts.

    Raises:
        DomainError: groups does not divide both numbers of channels.

    >>> channels_of_a_group(64, 128, 32)
    2
    """
    for name, channels in (("in_channels", in_channels), ("out_channels", out_channels)):
        if not (_is_one(groups) or groups is channels):
            require(
                "==",
                mod(channels, groups),
                0,
                "groups",
                f"needs groups to divide {name}",
                "does not divide {name}={channels}",
                groups=groups,
                channels=channels,
                name=name,
            )
    if groups is in_channels:  # a depthwise convolution; like a single group it needs no division, on symbols either
        return 1
    return in_channels if _is_one(groups) else floor_div(in_channels, groups)


def _is_one(groups: Integer) -> bool:
    return type(groups) is int and groups == 1


def product(factors: Iterable[tuple[str, Integer]]) -> Integer:
    """The product of named factors >= 0; on arrays it must stay within 64 bits.

    Raises:
        DomainError: an array's product is too large; the parameter is the factor that makes it so.
        UnsupportedError: the factors are of several kinds besides ints.

    >>> product([("in_channels", 3), ("out_channels", 64)])
    192
    """
    factors = tuple(factors)
    require_one_kind({name: value for name, value in factors if type(value) is not int})
    total: Integer = 1
    for name, value in factors:
        if is_array(total) or is_array(value):
            room = floor_div(ARRAY_COST, maximum(total, 1))
            require("<=", value, room, name, "array arithmetic needs a cost of at most 2**60", **{name: value})
        total = total * value
    return total


def named(name: str, values: PerAxis) -> list[tuple[str, Integer]]:
    """The values of all axes as factors of one name.

    >>> named("input_size", (224, 320))
    [('input_size', 224), ('input_size', 320)]
    """
    return [(name, value) for value in (values if is_per_axis(values) else (values,))]


def operations(convention: Convention, macs: Integer, outputs: Callable[[], Integer], bias: bool) -> Integer:
    """Operations by a convention: the outputs, each made of some products, are only counted where they matter.

    >>> operations("exact", 12, lambda: 4, False)
    20
    """
    require_convention(convention)
    if convention == "mac":
        return macs
    return 2 * macs if convention == "2mac" or bias else 2 * macs - outputs()


def require_convention(convention: Any) -> None:
    """Require the name of a convention.

    >>> require_convention("2mac")
    """
    if convention not in CONVENTIONS:
        raise DomainError("convention", convention, "needs 'mac', '2mac' or 'exact'")


def require_flag(name: str, value: Any) -> None:
    """Require True or False.

    >>> require_flag("bias", True)
    """
    if not isinstance(value, bool):
        raise DomainError(name, value, "needs True or False")
