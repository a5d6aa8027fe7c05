"""Another file of a network, which asks what something is."""

from __future__ import annotations

from typing import Any

import torch

WEIGHT = torch.nn.Parameter(torch.ones(1))


def type_is_int(n: Any) -> bool:
    """By the class itself."""
    return type(n) is int


def class_is_int(n: Any) -> bool:
    """By the attribute."""
    return n.__class__ is int


def type_is_tensor(x: Any) -> bool:
    """By the class itself."""
    return type(x) is torch.Tensor


def is_tensor(x: Any) -> bool:
    """Or a subclass."""
    return isinstance(x, torch.Tensor)


def is_proxy(x: Any) -> bool:
    """As of a network that is traced."""
    return isinstance(x, torch.fx.Proxy)


def is_symbol(n: Any) -> bool:
    """As of a network that is exported."""
    return isinstance(n, torch.SymInt)


def has_node(n: Any) -> bool:
    """As a symbol has."""
    return hasattr(n, "node")


def reads_node(n: Any) -> bool:
    """As a symbol has."""
    try:
        return n.node is not None
    except AttributeError:
        return False


def matched(n: Any) -> bool:
    """By a pattern."""
    match n:
        case int():
            return True
    return False


def is_same(n: Any, m: Any) -> bool:
    """Whether two are one object."""
    return n is m
