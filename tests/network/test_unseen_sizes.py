"""What a network's code does with sizes without asking them: it is answered as when it runs, or nothing is proved."""

from __future__ import annotations

import array
import builtins
import contextvars
import ctypes
import datetime
import json
import marshal
import math
import operator
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from decimal import Decimal
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F  # noqa: N812 - torch's own habit

from convmath import network
from convmath.errors import UnsupportedError
from convmath.network.sizes.rounding import EXACT, SURE
from convmath.network.sizes.size import Quotient, Size
from convmath.network.sizes.trail import Leaf, Recorder
from convmath.network.sizes.watching import watched
from convmath.network.torch_import.passing import ANSWERS, PASSED_FOR

from . import asking
from .computing import Function

SIZES = (1, 2, 3, 7, 9, 12, 31, 40, 64, 65, 100, 224, 300)


def forms(function: Any, size: Any = "n") -> Any:
    return network.from_torch(Function(function), (3, size, size)).closed_forms()


def real(function: Any, n: int) -> tuple[int, ...]:
    return tuple(Function(function)(torch.zeros(1, 3, n, n)).shape)


def assert_right(function: Any) -> Any:
    """The rows are torch's, and so is the closed form if it is called proved; which is returned."""
    for n in (9, 65):
        row = network.from_torch(Function(function), (3, n, n)).analyze().output
        assert row.sizes == real(function, n), n
    found = forms(function).output
    if found.label == "proved":
        for n in SIZES:
            assert n not in found.valid or found.at(n) == real(function, n), n
    return found


def either(asked: Any) -> Any:
    """A network that goes by the answer."""
    return lambda x: x[:, :, ::2] if asked(x) else x


# In other threads and contexts


def in_thread(asked: Any) -> Any:
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(asked).result()


ELSEWHERE = {
    "mapped": lambda x: F.interpolate(
        x, size=list(ThreadPoolExecutor(2).map(lambda n: 32 if n > 64 else 16, x.shape[2:]))
    ),
    "told": lambda x: F.interpolate(x, size=in_thread(lambda: int(x.shape[2]) // 2 + 1)),
    "asked there": lambda x: F.interpolate(x, size=in_thread(lambda: x.shape[2] // 2 + 1)),
    "compared": either(lambda x: in_thread(lambda n=x.shape[2]: n > 64)),
    "in another context": either(lambda x: contextvars.Context().run(lambda: x.shape[2] > 64)),
    "compared in another context": either(lambda x: contextvars.Context().run(lambda n=x.shape[2]: n > 64)),
    "hashed": either(lambda x: in_thread(lambda n=x.shape[2]: hash(n) > 64)),
}


@pytest.mark.parametrize("function", ELSEWHERE.values(), ids=ELSEWHERE)
def test_a_size_that_is_used_in_another_thread_or_context_is_not_called_proved(function):
    assert assert_right(function).label in ("checked by sampling", "unknown")


HERE = {
    "computed with": lambda x: F.interpolate(x, size=in_thread(lambda n=x.shape[2]: n // 2 + 1)),
    "in a copy of the context": either(lambda x: contextvars.copy_context().run(lambda: x.shape[2] > 64)),
    "beside": lambda x: (in_thread(lambda: 3 > 2), F.interpolate(x, size=x.shape[2] // 2 + 1))[1],
}


@pytest.mark.parametrize("function", HERE.values(), ids=HERE)
def test_what_only_computes_in_another_thread_is_proved(function):
    assert assert_right(function).label == "proved"


def test_elements_that_are_asked_for_in_another_thread_are_not_there():
    def asked(x):
        with suppress(Exception):
            in_thread(lambda: float(x.mean()))
            return x[:, :, ::2]
        return x

    with pytest.raises(UnsupportedError, match="goes another way than when it runs"):
        network.from_torch(Function(asked), (3, 9, 9))


def test_sizes_of_networks_that_are_read_already_disturb_no_other_reading():
    graph = network.from_torch(Function(lambda x: F.interpolate(x, size=x.shape[2] // 2)), (3, 9, 9))
    (size, *_) = graph["interpolate"].traced.output_size
    note = Recorder(lambda: 0, PASSED_FOR)
    with note.on():
        assert not contextvars.Context().run(lambda: size > 64)
        assert note.trail(str, int).astray is None
        assert not contextvars.Context().run(lambda: Size(9, Leaf(0, 2)) > 64)
    assert note.trail(str, int).astray == 0


# What something is


KINDS = {
    "type is int": either(lambda x: type(x.shape[2]) is int),
    "type is int in another file": either(lambda x: asking.type_is_int(x.shape[2])),
    "type of a quotient": either(lambda x: type(x.shape[2] / 2) is float),
    "class is int": either(lambda x: x.shape[2].__class__ is int),
    "class is int in another file": either(lambda x: asking.class_is_int(x.shape[2])),
    "class by name": either(lambda x: getattr(x.shape[2], "__class__") is int),  # noqa: B009 - as written
    "type is tensor": either(lambda x: type(x) is torch.Tensor),
    "type is tensor in another file": either(lambda x: asking.type_is_tensor(x)),
    "type of a parameter": either(lambda x: type(asking.WEIGHT * x) is torch.Tensor),
    "tensor in another file": either(lambda x: asking.is_tensor(x)),
    "tensor of a type": either(lambda x: isinstance(x, torch.FloatTensor)),
    "tensor of another type": either(lambda x: isinstance(x, torch.LongTensor)),
    "proxy": either(lambda x: isinstance(x, torch.fx.Proxy)),
    "proxy in another file": either(lambda x: asking.is_proxy(x)),
    "node": either(lambda x: hasattr(x.shape[2], "node")),
    "node in another file": either(lambda x: asking.has_node(x.shape[2])),
    "node or nothing": either(lambda x: getattr(x.shape[2], "node", None) is not None),
    "node itself": either(lambda x: asking.reads_node(x.shape[2])),
    "tracer": either(lambda x: hasattr(x, "tracer")),
    "symbol": either(lambda x: isinstance(x.shape[2], torch.SymInt)),
    "symbol in another file": either(lambda x: asking.is_symbol(x.shape[2])),
    "tracing": either(lambda x: torch.fx._symbolic_trace.is_fx_tracing()),
    "tracing symbols": either(lambda x: torch.fx._symbolic_trace.is_fx_symbolic_tracing()),
    "compiling": either(lambda x: torch.compiler.is_compiling()),
    "needs a gradient": either(lambda x: x.requires_grad),
    "class of classes": either(lambda x: isinstance(type(x.shape[2]), type)),
    "in a match": either(lambda x: asking.matched(x.shape[2])),
}


@pytest.mark.parametrize("function", KINDS.values(), ids=KINDS)
def test_what_something_is_is_answered_as_when_the_network_runs(function):
    assert assert_right(function).label == "proved"


class Weighted(nn.Module):
    def __init__(self):
        super().__init__()
        self.weight, self.register = nn.Parameter(torch.ones(1)), None

    def forward(self, x):
        learned = isinstance(self.weight, nn.Parameter) and type(self.weight) is nn.Parameter
        return x[:, :, ::2] if learned and not isinstance(x, nn.Parameter) else x


def test_a_parameter_is_one_and_an_activation_is_none():
    assert network.from_torch(Weighted(), (3, 9, 9)).analyze().output.sizes == (1, 3, 5, 9)
    assert Weighted()(torch.zeros(1, 3, 9, 9)).shape[2] == 5


def test_an_attribute_that_the_code_itself_gave_a_tensor_is_there():
    def marked(x):
        before = hasattr(x, "mark")
        x.mark = 3
        return x[:, :, ::2] if hasattr(x, "mark") and not before and getattr(x, "mark", 0) == 3 else x

    assert assert_right(marked).label == "proved"


@pytest.mark.parametrize(
    "call",
    [
        lambda kind: kind(3) is int and kind("x") is str and kind(None) is type(None),
        lambda kind: kind("Made", (int,), {"n": 3}).n == 3,
        lambda kind: isinstance(int, kind) and not isinstance(3, kind) and issubclass(type, kind),
        lambda kind: operator.eq(kind, type) and hash(kind) == hash(type) and repr(kind) == repr(type),
        lambda kind: kind.mro(int) == [int, object] and kind.__name__ == "type",
        lambda kind: kind | None == type | None and None | kind == type | None,
        lambda kind: type("Meta", (kind,), {})("Made", (), {}).__name__ == "Made",
        lambda kind: not isinstance(int, type("Meta", (kind,), {})),
    ],
)
def test_what_stands_for_type_does_what_it_does(call):
    assert call(ANSWERS["type"])
    assert call(type)


def test_the_files_are_as_before_afterwards():
    before = {name: set(vars(module)) for name, module in sys.modules.items() if name.startswith("tests")}
    with suppress(UnsupportedError):
        network.from_torch(Function(lambda x: float(x.mean())), (3, 9, 9))
    forms(KINDS["symbol in another file"])
    assert {name: set(vars(sys.modules[name])) for name in before} == before
    assert torch.fx._symbolic_trace._is_fx_tracing_flag is False
    assert builtins.isinstance is isinstance


# Refusals, and identity


def tried(asked: Any) -> Any:
    def run(x):
        try:
            asked(x.shape[2])
        except (TypeError, ValueError):
            return x
        return x[:, :, ::2]

    return run


CAUGHT = {
    "text": lambda n: json.dumps([n]),
    "decimal": Decimal,
    "method of int": lambda n: int.__add__(n, 1),
    "days": datetime.timedelta,
    "bytes": marshal.dumps,
    "seed": np.random.default_rng,
    "array": lambda n: array.array("i", [n]),
    "type of C": ctypes.c_int,
}


@pytest.mark.parametrize("asked", CAUGHT.values(), ids=CAUGHT)
def test_a_refusal_of_what_is_no_int_that_the_code_catches_leads_to_no_proof(asked):
    assert assert_right(tried(asked)).label != "proved"


@pytest.mark.parametrize("asked", [CAUGHT["text"], CAUGHT["decimal"]])
def test_a_refusal_that_shows_at_other_sizes_only_leads_to_no_proof(asked):
    def beyond(x):
        try:
            large = bool(asked(x.shape[2])) and x.shape[2] > 1000
        except TypeError:
            large = False
        return x[:, :, ::2] if large else x

    assert forms(beyond).output.label != "proved"
    assert forms(lambda x: x[:, :, ::2] if x.shape[2] > 1000 else x).output.label == "proved"


def test_what_is_refused_and_not_caught_is_read_with_ints():
    found = network.from_torch(Function(lambda x: (json.dumps([x.shape[2]]), x[:, :, ::2])[1]), (3, 9, 9))
    assert found.analyze().output.sizes == (1, 3, 5, 9)


def test_errors_that_are_no_refusals_of_numbers_may_be_caught():
    def looked_up(x):
        try:
            {}["missing"]
        except KeyError:
            return F.interpolate(x, size=x.shape[2] // 2 + 1)
        return x

    assert assert_right(looked_up).label == "proved"


def is_capturing():
    """Asks torch for what a computer without a GPU has not, in a function that is given nothing."""
    try:
        return torch.cuda.is_current_stream_capturing()
    except RuntimeError:
        return False


def is_json(n):
    try:
        return bool(json.dumps([n]))
    except TypeError:
        return False


def test_what_is_refused_where_no_size_is_given_may_be_caught():
    resized = lambda x: F.interpolate(x, size=x.shape[2] // 2 + 1)  # noqa: E731
    assert assert_right(lambda x: x if is_capturing() else resized(x)).label == "proved"
    assert assert_right(lambda x: resized(x) if is_json(x.shape[2]) else x).label != "proved"
    assert assert_right(lambda x: resized(x) if (lambda: is_json(x.shape[2]))() else x).label != "proved"


SAME = {
    "one object": either(lambda x: x.shape[2] is x.shape[2]),
    "of two names": either(lambda x: asking.is_same(x.shape[2], x.shape[3])),
    "beyond": either(lambda x: asking.is_same(x.shape[2], x.shape[3]) and x.shape[2] > 10**4),
}


@pytest.mark.parametrize("function", SAME.values(), ids=SAME)
def test_sizes_that_are_compared_by_identity_lead_to_no_proof(function):
    assert forms(function).output.label != "proved"


def test_identity_with_what_is_no_number_is_no_matter():
    kinds = either(lambda x: x.shape[2] is None or type(x.shape[2]) is not int or x is torch)
    assert assert_right(kinds).label == "proved"
    assert (
        assert_right(either(lambda x: asking.is_same(x, x) and asking.is_same(x.shape[2] > 3, True))).label == "proved"
    )


def test_watching_gives_back_what_traced_before():
    def tracer(frame, event, argument):
        return None

    before = sys.gettrace()
    sys.settrace(tracer)
    try:
        with watched():
            assert sys.gettrace() is not tracer
        assert sys.gettrace() is tracer
    finally:
        sys.settrace(before)


# Floats


def test_a_quotient_that_may_be_rounded_otherwise_loses_its_terms():
    note = Recorder(lambda: 0, PASSED_FOR)
    n = Size(9, Leaf(0, 2))
    with note.on():
        kept = (n * n / 7, n / 2**20, math.floor(n * 2**20 / 3), (n * 1.5 + 1) / 4)
        assert [type(one) for one in kept] == [Quotient, Quotient, Size, Quotient]
        assert not note.looked
        lost = (n * 2**54 / 2, n / 2**60, n * n * n / 2, (n * n / 7) * 3)
    assert [type(one) for one in lost] == [float] * 4
    assert lost == (9 * 2**54 / 2, 9 / 2**60, 9**3 / 2, 81 / 7 * 3)
    assert note.looked


def test_below_the_bound_floats_round_as_the_quotient_does():
    """Near multiples of the divisor, with as many integers added as a size may have operations."""
    for under in (3, 7, 10, 97, 1023, 2**20 - 1):
        for times in (1, SURE // 3, (EXACT // 2) // under):
            for over in (times * under - 1, times * under, times * under + 1):
                found = over / under
                for turn in range(32):
                    found = found + 10**6 - 10**6 if turn % 2 else found + turn - turn
                assert (math.floor(found), math.ceil(found)) == (over // under, -(-over // under))


def test_far_beyond_it_floats_do_not():
    assert math.floor((2**54 + 3) / 2) != (2**54 + 3) // 2


@pytest.mark.parametrize("text", ["math.floor((n * 2**54 + 3) / 2) % 7 + 1", "int((n * n * n * n + 1) / 3) % 5 + 1"])
def test_a_closed_form_by_floats_beyond_the_bound_is_not_given(text):
    def large(x):
        return F.interpolate(x, size=(eval(text, {"n": x.shape[2], "math": math}), 3))  # noqa: S307 - of this test

    for n in (9, 65):
        assert network.from_torch(Function(large), (3, n, n)).analyze().output.sizes == real(large, n)
    assert forms(large).output.label in ("unknown", "checked by sampling")


def test_the_float_of_a_quotient_is_pythons():
    with Recorder(lambda: 0).on():
        for n in range(1, 300):
            size = Size(n, Leaf(0, 2))
            made = (size / 3 + 1, 1 - size / 7, -(size / 3) - 5, size / 10 + 1 - 3)
            assert [float(one) for one in made] == [n / 3 + 1, 1 - n / 7, -(n / 3) - 5, n / 10 + 1 - 3]


# What is read once, and which way


def test_gradients_are_read_again_as_they_were_read_first():
    function = either(lambda x: torch.is_grad_enabled())
    graph = network.from_torch(Function(function), (3, "n", "n"))
    with torch.no_grad():
        other = network.from_torch(Function(function), (3, "n", "n"))
        assert graph.closed_forms().output.at(9) == graph.at(9).analyze().output.sizes == (1, 3, 5, 9)
    assert other.closed_forms().output.at(9) == other.at(9).analyze().output.sizes == (1, 3, 9, 9)


def test_two_threads_read_one_after_the_other():
    found, module = [], Function(KINDS["type is tensor in another file"])
    threads = [
        threading.Thread(target=lambda: found.append(network.from_torch(module, (3, 9, 9)).analyze().output.sizes))
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [(1, 3, 5, 9)] * 4
    assert "isinstance" not in vars(asking)
