"""What the forward of a network keeps from call to call, outside of its modules, too: no proxy stays behind."""

from __future__ import annotations

from contextlib import nullcontext, suppress
from functools import cache, lru_cache

import pytest
import torch
from torch import nn

from convmath.errors import DomainError, UnsupportedError
from convmath.network import from_torch
from convmath.network.torch_import import following

FILE: dict[int, torch.Tensor] = {}
SEEN: list[torch.Tensor] = []


@lru_cache
def grid(n):
    return torch.arange(n) / n


@cache
def pair(n):
    return n, (torch.arange(n) / n,)


class Keeping(nn.Module):
    def __init__(self, keep):
        super().__init__()
        self.keep, self.nested = keep, {"grids": {}}

    def forward(self, x):
        return x + self.keep(self, x, x.shape[2])


def in_dictionary(held, n):
    if n not in held:
        held[n] = torch.arange(n) / n
    return held[n]


def in_list(x):
    SEEN.append(x)
    return SEEN[-1] * 0


KEPT = {
    "a cached function": lambda self, x, n: grid(n),
    "a cached tuple": lambda self, x, n: pair(n)[1][0],
    "a dictionary of the file": lambda self, x, n: in_dictionary(FILE, n),
    "a dictionary in another": lambda self, x, n: in_dictionary(self.nested["grids"], n),
    "a list of the file": lambda self, x, n: in_list(x),
    "by torch.export": lambda self, x, n: grid(n) * (1 if x.stride(-1) == 1 else 2),
}


@pytest.fixture(autouse=True)
def _afresh():
    for cached in (grid, pair):
        cached.cache_clear()
    FILE.clear()
    SEEN.clear()


def described(graph):
    return [(node.name, node.operator, node.inputs) for node in graph]


@pytest.mark.parametrize("name", KEPT)
def test_a_network_is_read_again_and_runs_as_if_it_had_not_been_read(name):
    module = Keeping(KEPT[name])
    first, second = (from_torch(module, (3, 6, 6)) for _ in range(2))
    assert described(first) == described(second)
    assert first.analyze().status == "complete"
    SEEN.clear()
    out = module(torch.ones(1, 3, 6, 6))
    assert type(out) is torch.Tensor
    assert {type(one) for one in (grid(6), *pair(6)[1], *FILE.values(), *SEEN)} == {torch.Tensor}


def test_a_proxy_that_stays_is_caught(monkeypatch):
    monkeypatch.setattr(following, "forget", lambda *_: None)
    with suppress(UnsupportedError):
        from_torch(Keeping(KEPT["a cached function"]), (3, 6, 6))
    assert type(grid(6)) is not torch.Tensor


def test_what_a_refused_network_has_kept_is_gone_too():
    def refused(self, x, n):
        return nn.functional.conv2d(grid(n) + x, torch.ones(4, 4, 1, 1))

    with pytest.raises(DomainError):
        from_torch(Keeping(refused), (3, 6, 6))
    assert type(grid(6)) is torch.Tensor


def test_what_was_kept_before_stays():
    real = FILE[0] = grid(6)
    from_torch(Keeping(KEPT["a dictionary of the file"]), (3, 6, 6))
    assert grid(6) is real
    assert list(FILE.items()) == [(0, real)]


def by_export(self, x, n):
    if not torch.compiler.is_exporting():
        raise RuntimeError
    return torch.arange(n)


def after_locals(self, x, n):
    raise RuntimeError(len(locals()))


@pytest.mark.parametrize("keep", [lambda self, x, n: torch.arange(n), by_export, after_locals])
def test_nothing_is_searched_where_nothing_is_kept(keep, monkeypatch):
    searched = []
    monkeypatch.setattr(following, "forget", lambda *_: searched.append(keep))
    with nullcontext() if keep is not after_locals else pytest.raises(UnsupportedError, match="RuntimeError: 3"):
        from_torch(Keeping(keep), (3, 6, 6))
    assert searched == []


def test_what_is_kept_is_searched_for(monkeypatch):
    searched = []
    monkeypatch.setattr(following, "forget", lambda *_: searched.append(1))
    with suppress(UnsupportedError):
        from_torch(Keeping(KEPT["a cached function"]), (3, 6, 6))
    assert searched
