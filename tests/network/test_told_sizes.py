"""Sizes whose numbers are told: whoever can know the number of a size is noted, and nothing that was told is proved."""

from __future__ import annotations

import copy
import functools
import json
import math
import numbers
import operator
import pickle
import struct
from collections.abc import Iterable

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F  # noqa: N812 - torch's own habit

from convmath import network
from convmath.errors import UnsupportedError
from convmath.network.closed_form.forms import closed_forms
from convmath.network.sizes.in_operators import sizes_of_node
from convmath.network.sizes.size import Size
from convmath.network.sizes.trail import Leaf, Recorder
from convmath.network.torch_import.passing import PASSED_FOR

from .computing import Function, checked

N = 9
TABLE = list(range(100))

IN_C = {
    "range": lambda n: len(range(n)),
    "end of a range": lambda n: list(range(0, 20, n)),
    "copies of a list": lambda n: len([0] * n),
    "copies of a tuple": lambda n: len(n * (0,)),
    "copies of text": lambda n: "ab" * n,
    "entry of a list": lambda n: TABLE[n],
    "slice of a list": lambda n: len(TABLE[n:]),
    "slice of text": lambda n: "abcdefghijkl"[:n],
    "bytes": lambda n: bytes(n),
    "bytearray": lambda n: len(bytearray(n)),
    "numpy zeros": lambda n: np.zeros(n).size,
    "entry of an array": lambda n: int(np.arange(20)[n]),
    "reshaped array": lambda n: np.zeros((2, N)).reshape(n, 2).shape,
    "packed": lambda n: struct.pack("i", n),
    "chr": chr,
    "factorial": math.factorial,
    "greatest divisor": lambda n: math.gcd(n, 6),
}
"""What code in C asks of a number."""

TOLD = IN_C | {
    "int": int,
    "float": float,
    "complex": complex,
    "index": operator.index,
    "text": str,
    "shown": repr,
    "formatted": lambda n: f"{n}",
    "formatted with width": lambda n: f"{n:04d}",
    "by format": "{}".format,
    "by percent": lambda n: "%d %s" % (n, n),  # noqa: UP031 - this way, too
    "joined": lambda n: "x".join(map(str, (n, n))),
    "hash": hash,
    "in a set": lambda n: n in {N, 3},
    "key of a dictionary": lambda n: {N: "nine"}.get(n),
    "new key of a dictionary": lambda n: list({n: 1}.values()),
    "key of a dataclass": lambda n: hash((n, 3)),
    "remembered": lambda n: functools.lru_cache(lambda m: 3)(n),
    "square root": math.sqrt,
    "logarithm": lambda n: math.log2(n),
    "power": lambda n: n**0.5,
    "of a base": lambda n: 2**n,
    "by a long float": lambda n: n * 0.7,
    "and": lambda n: n & 3,
    "or": lambda n: 3 | n,
    "exclusive or": lambda n: n ^ 1,
    "shifted by": lambda n: 1 << n,
    "shifted far": lambda n: n << 40,
    "bits": lambda n: n.bit_length(),
    "as bytes": lambda n: n.to_bytes(2, "big"),
    "numerator": lambda n: n.numerator,
    "rounded to digits": lambda n: round(n, -1),
    "divided by less than nothing": lambda n: n // -2,
    "numpy array": lambda n: np.array([n, n]).tolist(),
    "numpy's root": lambda n: float(np.sqrt(n)),
    "times a number of numpy": lambda n: int(np.int64(3) * n),
    "numpy's product": lambda n: int(np.prod((n, n))),
    "quotient as int": lambda n: int(n / 2),
    "quotient as float": lambda n: float(n / 2),
    "quotient as text": lambda n: f"{n / 2:.1f}",
    "quotient of a rounded quotient": lambda n: n / 3 / 2,
    "product of a rounded quotient": lambda n: n / 3 * 3,
    "quotient by nothing": lambda n: n / 2 / -2,
    "product of floats": lambda n: n / 2 * 0.5,
    "sum of rounded quotients": lambda n: n / 3 + n / 3,
    "sum of a quotient by a size": lambda n: n / 3 + 1 / (n - 8),
    "rounded quotients compared": lambda n: n / 3 + 1 == (n + 3) / 3,
    "rounded quotients in order": lambda n: n / 3 < n / 7 + 1,
    "quotient's ratio": lambda n: (n / 2).as_integer_ratio(),
    "pickled": lambda n: len(pickle.dumps(n)) > 0,
    "sorted by text": lambda n: sorted([n, 3], key=str)[0] == 3,
    "numbers of elements": lambda n: torch.Size([2, n]).numel(),
    "shape as text": lambda n: str(torch.Size([2, n])),
}
"""Ways to come to know the number of a size."""

KEPT = {
    "half": lambda n: n // 2,
    "remainder": lambda n: -n % 4,
    "both": lambda n: divmod(n, 2)[0],
    "square": lambda n: n**2,
    "shifted": lambda n: (n << 2) >> 1,
    "least": lambda n: min(n, 20),
    "largest": lambda n: max(n, 3),
    "sum": lambda n: sum([n, n]),
    "product": lambda n: math.prod([n, n]),
    "apart": lambda n: abs(n - 20),
    "rounded": round,
    "rounded down": lambda n: math.floor(n / 2),
    "rounded up": lambda n: math.ceil(n * 0.75),
    "rounded to the next": lambda n: round(n / 4),
    "truncated": lambda n: math.trunc(n / 2),
    "as windows are counted": lambda n: math.floor((n + 2 - 3) / 2 + 1),
    "half of a half": lambda n: math.floor(n / 2 / 2),
    "half of three quarters": lambda n: math.ceil(n * 0.75 / 2),
    "half and three times": lambda n: math.floor(n / 2 * 3),
    "three times and half": lambda n: math.ceil(3 * (n / 2)),
    "half by a size": lambda n: math.ceil(n / 2 / n),
    "half times a size": lambda n: math.floor(n * (n / 2)),
    "half by a float": lambda n: math.ceil(n / 2 / 1.5),
    "with a half": lambda n: math.floor(n / 2 + 0.5),
    "less a half": lambda n: math.ceil(n - 0.5),
    "copied": copy.copy,
    "copied with all": lambda n: copy.deepcopy([n])[0],
    "in a shape": lambda n: torch.Size([1, n])[1:][0],
    "larger for torch": lambda n: torch.sym_max(n, 3),
    "int for torch": torch.sym_int,
}
"""Ways to compute with a size that keep its term."""

ASKED = {
    "larger": lambda n: n > 4,
    "not nothing": bool,
    "not": lambda n: not n,
    "among some": lambda n: n in (3, N),
    "less than a float": lambda n: n < 9.5,
    "than infinity": lambda n: n < math.inf,
    "equal shapes": lambda n: torch.Size([1, n]) == (1, N),
    "ratio": lambda n: n / 4 >= 2,
    "ratio with one more": lambda n: n / 3 + 1 >= 2,
    "halves": lambda n: n / 2 + 1 == (n + 2) / 2,
    "ordered": lambda n: sorted([n, 3])[0] == 3,
    "nothing": lambda n: n is None,
    "text": lambda n: n == "9",
    "an int": lambda n: isinstance(n, int),
    "a float": lambda n: isinstance(n, float),
    "a quotient": lambda n: isinstance(n / 2, float),
    "integral": lambda n: isinstance(n, numbers.Integral),
    "one of several kinds": lambda n: isinstance(n, str | int),
    "with parts": lambda n: isinstance(n, Iterable),
    "callable": callable,
}
"""Questions that are answered without telling the number."""


def noted(function, size=N, kinds=PASSED_FOR):
    """What a function of a size gives, and what was noted meanwhile."""
    note = Recorder(lambda: 0, kinds)
    with note.on():
        found = function(Size(size, Leaf(0, 2)))
    return found, note.trail(lambda _: "x", lambda at: at)


@pytest.mark.parametrize("kinds", [PASSED_FOR, (int, float)], ids=["for torch", "alone"])
@pytest.mark.parametrize("function", TOLD.values(), ids=TOLD)
def test_whoever_is_told_the_number_is_noted_and_gets_what_an_int_gives(function, kinds):
    found, trail = noted(function, kinds=kinds)
    assert [leaf for _, leaf in trail.looked] == [Leaf("x", 2)]
    assert type(found) is type(function(N))
    assert found == function(N)


class Carried(int):
    """An int of a subclass that notes whoever asks it for its number."""

    asked = 0

    def _note(self, *_):
        Carried.asked += 1
        return int.__index__(self)

    __index__ = __int__ = __hash__ = __trunc__ = _note


@pytest.mark.parametrize("function", IN_C.values(), ids=IN_C)
def test_code_in_c_reads_an_int_of_a_subclass_without_asking(function):
    Carried.asked = 0
    assert function(Carried(N)) == function(N)
    assert Carried.asked == 0


@pytest.mark.parametrize("function", KEPT.values(), ids=KEPT)
def test_arithmetic_keeps_the_term_and_tells_nothing(function):
    found, trail = noted(function)
    assert type(found) is Size
    assert trail.looked == ()
    assert int(found) == function(N)


@pytest.mark.parametrize("function", ASKED.values(), ids=ASKED)
def test_a_question_is_answered_as_of_an_int_and_tells_nothing(function):
    found, trail = noted(function)
    assert found is function(N)
    assert trail.looked == ()


REFUSED = (
    json.dumps,
    torch.zeros,
    torch.arange,
    lambda n: torch.ones(N).view(n, 1),
    lambda n: n.shape,
    lambda n: n + "1",
    lambda n: n[0],
    lambda n: n(),
    iter,
    len,
)


def test_what_takes_only_ints_is_refused_and_nothing_is_told():
    note = Recorder(lambda: 0, PASSED_FOR)
    with note.on():
        n = Size(N, Leaf(0, 2))
        for refused in REFUSED:
            with pytest.raises((TypeError, AttributeError)):
                refused(n)
    assert note.trail(lambda _: "x", lambda at: at).looked == ()


def test_a_division_by_nothing_is_noted_before_it_is_refused():
    def divided(n):
        with pytest.raises(ZeroDivisionError):
            3 // (n - N)

    assert noted(divided)[1].looked == ((0, Leaf("x", 2)),)


def test_a_quotient_that_is_multiplied_is_compared_with_nothing():
    positive = ("<", 0, Leaf("x", 2))
    asked = {
        lambda n: 12 / n * 2: [positive],
        lambda n: 12 / n * 0.5: [positive],
        lambda n: 12 / n * 2 if n != 1 else 24: [("==", Leaf("x", 2), 1), positive],
    }
    for function, questions in asked.items():
        assert [guard.question for guard in noted(function)[1].guards] == questions


def test_a_copy_by_pickle_is_a_size():
    n = Size(N, Leaf("x", 2))
    other, half = pickle.loads(pickle.dumps((n, n / 2)))  # noqa: S301 - of this test
    assert (type(other), other.term, int(other)) == (Size, Leaf("x", 2), N)
    assert math.floor(half).term == (n // 2).term


def test_a_size_of_a_size_has_one_number():
    (outer,) = sizes_of_node("b", sizes_of_node("a", (N,)))
    assert (type(operator.index(outer)), outer.term) == (int, Leaf("b", 0))


def test_no_attribute_of_a_size_is_its_number():
    for name in dir(Size):
        found, trail = noted(lambda n, name=name: getattr(n, name))
        told = trail.looked or found is False
        assert name in ("_number", "_value") or told or not isinstance(found, int | float), name


# Networks


def shown(told):
    """A network that is told the number of a size, and does nothing with it."""
    return Function(lambda x: (told(x.shape[-1]), F.relu(x))[1])


@pytest.mark.parametrize("told", TOLD.values(), ids=TOLD)
def test_a_network_that_was_told_a_number_is_not_called_proved(told):
    found = closed_forms(network.from_torch(shown(told), (3, N, N)))
    assert found.output.label in ("checked by sampling", "unknown")
    assert found.valid.label == found.output.label


@pytest.mark.parametrize("kept", (KEPT | ASKED).values(), ids=KEPT | ASKED)
def test_a_network_that_only_computes_and_compares_is_proved(kept):
    module = shown(kept)
    found = closed_forms(network.from_torch(module, (3, N, N)))
    assert (found.output.label, found.output.reading) == ("proved", "by construction")
    assert N in found.valid


def by_range(x):
    for _ in range(x.shape[2] // 100):
        x = F.avg_pool2d(x, 2)
    return x


def by_table(x):
    return F.avg_pool2d(x, 2) if TABLE[: x.shape[2]] == [0] * 99 + [1] else x * (1 + TABLE[min(x.shape[2], 99)])


HIDDEN = {
    "by a range": by_range,
    "by an entry of a table": by_table,
    "by an attribute": lambda x: F.avg_pool2d(x, 2) if x.shape[2].bit_length() > 9 else x + 1,
    "by a dictionary": lambda x: {1000: F.relu}.get(x.shape[2], torch.tanh)(x),
    "by all that has a size": lambda x: F.avg_pool2d(x, 2) if torch.Size([*x.shape]).numel() > 10**9 else x + 1,
    "by the number of parts": lambda x: F.avg_pool2d(x, 2) if len(x[0, 0]) > 10**4 else x + 1,
    "by elements": lambda x: F.avg_pool2d(x, 2) if torch.tensor(x.shape[2]).item() > 10**4 else x + 1,
}


@pytest.mark.parametrize("function", HIDDEN.values(), ids=HIDDEN)
def test_a_graph_that_goes_by_a_number_beyond_the_sizes_that_are_tried_is_not_called_proved(function):
    found = closed_forms(network.from_torch(Function(function), (3, 9, 9)))
    assert found.output.label in ("checked by sampling", "unknown")


def test_a_size_is_an_int_for_a_networks_own_code_and_none_of_torchs_symbols():
    class Kinds(nn.Module):
        def forward(self, x):
            n = x.shape[2]
            symbols = isinstance(n, torch.SymInt) or isinstance(n / 2, str | torch.SymFloat)
            numbers = isinstance(n, int) and isinstance(n / 2, (float, str))
            return F.avg_pool2d(x, 2) if symbols or not numbers else F.relu(x)

    found = closed_forms(network.from_torch(Kinds(), (3, 9, 9)))
    assert (found.output.at(8), found.output.label) == ((1, 3, 8, 8), "proved")


TAKEN = {
    "arange": lambda x: x + torch.arange(x.shape[3], device=x.device),
    "arange from to": lambda x: x + torch.arange(1, x.shape[3] + 1, device=x.device),
    "linspace": lambda x: x + torch.linspace(0, 1, x.shape[3], device=x.device),
    "linspace to": lambda x: x + torch.linspace(0, x.shape[3] - 1, x.shape[3], device=x.device),
    "zeros": lambda x: x + torch.zeros(x.shape[2], x.shape[3], device=x.device),
    "zeros in a list": lambda x: x + torch.zeros([1, 1, *x.shape[2:]], device=x.device),
    "full": lambda x: x + torch.full(x.shape[2:], x.shape[2], device=x.device),
    "eye": lambda x: x @ torch.eye(x.shape[3], device=x.device),
    "tensor": lambda x: x * torch.tensor(x.shape[3]),
    "tensor of sizes": lambda x: x.mean((2, 3)) + torch.tensor([x.shape[2], x.shape[3], 1], device=x.device),
    "scalar": lambda x: (x * x.shape[2] - x.shape[3]) / x.shape[2],
    "scalar before": lambda x: x.shape[2] * x + 1 / (x.shape[3] + x),
    "quotient": lambda x: x * (x.shape[2] / x.shape[3]),
    "narrow": lambda x: x.narrow(2, 0, x.shape[3] // 2),
    "slice": lambda x: x[:, :, : (x.shape[2] + 1) // 2],
    "average over all": lambda x: F.avg_pool2d(x, x.size()[2:]),
    "average over some": lambda x: F.avg_pool2d(x, (x.shape[2], 1)),
    "view": lambda x: x.view(x.size(0), -1, x.size(3)),
    "expand": lambda x: x.mean((2, 3), True).expand(-1, -1, *x.shape[2:]) + x,
    "repeat": lambda x: x.mean(3, keepdim=True).repeat(1, 1, 1, x.shape[3]),
    "largest": lambda x: F.adaptive_avg_pool2d(x, max(x.shape[2:])),
    "largest for torch": lambda x: F.adaptive_avg_pool2d(x, torch.sym_max(x.shape[2], 20)),
    "common shape": lambda x: x + torch.zeros(torch.broadcast_shapes(x.shape[2:], (1, 1)), device=x.device),
    "split": lambda x: x.split([x.shape[2] // 2, x.shape[2] - x.shape[2] // 2], 2)[1],
    "in sections": lambda x: x.tensor_split((2, 5), 3)[1],
    "elements": lambda x: x.reshape(x.numel()),
    "elements of a part": lambda x: x.flatten() * x[0].numel(),
}


@pytest.mark.parametrize("function", TAKEN.values(), ids=TAKEN)
def test_torch_takes_a_size_without_being_told_its_number(function):
    module = Function(function)
    found = closed_forms(network.from_torch(module, (3, 12, 12)))
    assert (found.output.label, found.output.reading) == ("proved", "by construction"), str(found.output)
    checked(module, found, [n for n in (*range(1, 40, 3), 64, 101) if n in found.valid])


@pytest.mark.parametrize(
    "asked", [lambda x: float(x.mean()), lambda x: bool(x.sum() >= 0), lambda x: x.argmax().item()]
)
def test_code_that_catches_that_there_are_no_elements_is_not_followed(asked):
    class Caught(nn.Module):
        def forward(self, x):
            try:
                asked(x)
            except Exception:
                return x
            return x[:, :, ::2]

    assert Caught()(torch.zeros(1, 3, 9, 9)).shape[2] == 5
    with pytest.raises(UnsupportedError, match="goes another way than when it runs"):
        network.from_torch(Caught(), (3, 9, 9))
