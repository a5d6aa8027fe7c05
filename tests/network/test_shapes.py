"""Products of sizes keep their terms, however a network's own code asks for them."""

from __future__ import annotations

import copy
import math
import pickle

import pytest

torch = pytest.importorskip("torch")

from convmath.network import from_torch  # noqa: E402
from convmath.network.torch_import import tracing  # noqa: E402
from convmath.network.torch_import.shapes import Shape  # noqa: E402

from .applied import Apply  # noqa: E402

PRODUCTS = {
    "of the shape": lambda x: x.view(1, x.shape.numel()),
    "of the size": lambda x: x.view(1, x.size().numel()),
    "of a part": lambda x: x.view(x.shape[0], x.shape[1], x.shape[-2:].numel()),
    "of two parts": lambda x: x.view(1, (x.shape[:2] + x.shape[2:]).numel()),
    "with other sizes before": lambda x: x.view(1, ((1, 8) + x.shape[2:]).numel()),  # noqa: RUF005
    "with other sizes after": lambda x: x.view(1, (x.shape[2:] + (8,)).numel()),  # noqa: RUF005
    "as a part of others": lambda x: x.view(x.shape[:2] + (x.shape[2:].numel(),)),  # noqa: RUF005
    "twice": lambda x: x[:, :1].expand(x.shape[0], (x.shape[2:3] * 2).numel(), -1, -1),
    "by math": lambda x: x.view(1, math.prod(x.shape)),
    "by the tensor": lambda x: x.view(1, x.numel()),
    "by its other name": lambda x: x.view(1, x.nelement()),
    "by torch": lambda x: x.view(1, torch.numel(x)),
    "of what is a torch.Size": lambda x: x.view(1, -1) if isinstance(x.shape[1:], torch.Size) else x,
}


def torchs(function, n):
    return tuple(function(torch.empty((1, 8, n, n), device="meta")).shape)


def wrong(function):
    """How the closed form is known, and the sizes at which it is another one than torch's."""
    form = from_torch(Apply(function), (3, "n", "n"), at=6).closed_forms().output
    if form.label != "proved" or form.reading != "by construction":
        return str(form)
    return [n for n in (1, 2, 7, 30) if form.at(n) != torchs(function, n)]


@pytest.mark.parametrize("name", PRODUCTS)
def test_a_product_of_sizes_keeps_its_term(name):
    assert wrong(PRODUCTS[name]) == []


def test_a_product_that_torch_computes_is_no_term(monkeypatch):
    monkeypatch.setitem(tracing._ATTRIBUTES, "shape", lambda value: torch.Size(value.asked))
    assert wrong(PRODUCTS["of the shape"]) != []


def test_a_shape_is_what_a_torch_size_is():
    shape, size = Shape((2, 3, 4)), torch.Size((2, 3, 4))
    for same in (tuple, hash, repr, str, len, "{}".format):
        assert same(shape) == same(size)
    for one, other in [
        (shape[1:], size[1:]),
        (shape[::-2], size[::-2]),
        (shape + (5,), size + (5,)),  # noqa: RUF005
        ((5,) + shape, (5,) + size),  # noqa: RUF005
        (shape * 2, size * 2),
        (2 * shape, 2 * size),
        (copy.deepcopy(shape), size),
        (pickle.loads(pickle.dumps(shape)), size),  # noqa: S301
    ]:
        assert (type(one), one, one.numel()) == (Shape, other, other.numel())
    assert (shape[1], shape.count(3), shape.index(4)) == (size[1], size.count(3), size.index(4))
    for asked in (lambda one: one + [1], lambda one: one.ndim):  # noqa: RUF005
        for one in (shape, size):
            with pytest.raises((TypeError, AttributeError)):
                asked(one)
    assert torch.empty(shape, device="meta").shape == size
