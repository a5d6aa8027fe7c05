"""Cases: one call of a layer each, with data, answer and a descriptor."""

from __future__ import annotations

from .conv_case import ConvCase
from .pool_case import PoolCase

__all__ = ["ConvCase", "PoolCase", "parse_case"]


def parse_case(text: str) -> ConvCase | PoolCase:
    """The case of a descriptor, whose first word says whether it pools; DomainError if it is none.

    >>> type(parse_case("max_pool i4 k2 #0")).__name__, type(parse_case("c2 i4 k2 #0")).__name__
    ('PoolCase', 'ConvCase')
    """
    first = text.split(maxsplit=1)[:1] if isinstance(text, str) else []
    return PoolCase.parse(text) if first and first[0] in PoolCase.kinds else ConvCase.parse(text)
