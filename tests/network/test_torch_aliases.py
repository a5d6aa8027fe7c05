"""Which results lie in the memory of their tensor: torch against what is read, and what is written into them."""

from __future__ import annotations

import random

import pytest

torch = pytest.importorskip("torch")

from torch import nn  # noqa: E402

from convmath.network import from_torch  # noqa: E402
from convmath.network.operators import Identity, Unknown  # noqa: E402
from convmath.network.torch_import.registry import VIEWS  # noqa: E402

from .computing import Function  # noqa: E402
from .test_saved import kept  # noqa: E402

SIZE = (4, 8)
ARGUMENTS = ((), (1,), (0, 1), ((1, 2, 0),), ((1, 4, 8),), (torch.float64,))
NOT_CALLED = {"backward", "share_memory", "cuda", "xpu", "ipu", "diff"}
METHODS = sorted(
    name for name in dir(torch.Tensor) if not name.startswith("_") and not name.endswith("_") and name not in NOT_CALLED
)


def part_of(x, name, arguments):
    """What a method of a tensor gives, or the first of it."""
    part = getattr(x, name)
    part = part(*arguments) if callable(part) else part
    return part[0] if isinstance(part, tuple | list) else part


def written_into(name, arguments):
    """A tensor after something was written into what a method of it gives."""

    def run(x):
        y = x * 1
        part_of(y, name, arguments).add_(x.mean())
        return y + 0

    return run


def changes(name, arguments):
    """Whether torch changes the tensor; None where it refuses, or where nothing is written."""
    x = torch.ones(1, *SIZE)
    try:
        return not torch.equal(written_into(name, arguments)(x), x) if part_of(x, name, arguments).numel() else None
    except Exception:  # there are all methods, with arguments that many do not take
        return None


def is_said_to_change(name, arguments):
    """Whether the result reads what was written, or is unknown."""
    graph = from_torch(Function(written_into(name, arguments)), SIZE)
    behind, waiting = set(), list(graph.outputs)
    while waiting:
        name = waiting.pop()
        behind.add(name)
        waiting += graph[name].inputs
    return any(name.startswith("mean") or isinstance(graph[name].operator, Unknown) for name in behind)


@pytest.mark.parametrize("arguments", ARGUMENTS, ids=str)
def test_what_is_written_into_a_result_is_seen_by_its_tensor_where_they_share_memory(arguments):
    """Of every method of tensors that takes these arguments; of others only those that may give a view."""
    torchs = {name: found for name in METHODS if (found := changes(name, arguments)) is not None}
    names = [name for name, shares in torchs.items() if shares or name in VIEWS]
    assert {name: is_said_to_change(name, arguments) for name in names} == {name: torchs[name] for name in names}


@pytest.mark.parametrize("name", ["cpu", "real", "float", "resolve_conj", "positive"])
def test_a_result_that_is_no_view_is_caught(name, monkeypatch):
    assert changes(name, ()) is is_said_to_change(name, ()) is True
    monkeypatch.setattr("convmath.network.torch_import.in_place.VIEWS", VIEWS - {name})
    assert not is_said_to_change(name, ())


PARTS = {
    "chunks": lambda y: y.chunk(3, -1),
    "slices": lambda y: (y[..., :8], y[..., 8:16], y[..., 16:]),
    "splits": lambda y: y.split(8, -1),
    "parts of a view": lambda y: y.unflatten(-1, (3, 8)).unbind(-2),
}
COPIES = {
    "clone": lambda x: x.clone(),
    "contiguous": lambda x: x.contiguous(),
    "double": lambda x: x.double().float(),
    "half": lambda x: x.to(torch.float16).float(),
    "itself": lambda x: x.cpu(),
    "activation": lambda x: x.sigmoid(),
}


def program(dice):
    """Copies of parts of a tensor, multiplied."""
    ways = [dice.choice(list(COPIES)) for _ in range(3)]
    parts = dice.choice(list(PARTS))

    def run(x, dense):
        found = [COPIES[way](part) for way, part in zip(ways, PARTS[parts](dense(x)), strict=True)]
        return found[0] * found[1] + found[2].exp()

    return run


@pytest.mark.parametrize("seed", range(20))
def test_copies_of_parts_are_kept_as_torch_keeps_them(seed):
    module = Function(program(random.Random(seed)), nn.Linear(8, 24))  # noqa: S311
    saved = from_torch(module, SIZE).analyze().saved()
    assert (saved.value, saved.status) == (kept(module, torch.rand(1, *SIZE)), "complete")


@pytest.mark.parametrize("copy", ["clone", "double", "half"])
@pytest.mark.parametrize("parts", PARTS)
def test_what_is_written_into_a_copy_of_a_part_leaves_the_part(parts, copy):
    def run(x, dense):
        part = PARTS[parts](dense(x))[0]
        other = {"clone": part.clone, "double": part.double, "half": part.half}[copy]()
        other.add_(x.mean())
        return part.relu()

    graph = from_torch(Function(run, nn.Linear(8, 24)), SIZE)
    assert not graph.analyze().missing
    assert [type(graph[name].operator) for name in graph["add"].inputs[:1]] == [Identity]
    assert graph["relu"].inputs[0] not in ("add", graph["add"].inputs[0])
