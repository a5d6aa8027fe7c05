"""``int`` and ``float`` in a network's own code: they keep what a size is made of, and else do what Python's own do."""

from __future__ import annotations

import builtins
import importlib
import importlib.util
import operator
import sys
import threading

import numpy as np
import pytest
import torch

from convmath import network
from convmath.errors import ConvmathError
from convmath.network.closed_form.forms import closed_forms
from convmath.network.sizes.size import Quotient, Size
from convmath.network.sizes.trail import Leaf, Recorder
from convmath.network.torch_import.casts import CASTS, casts_for
from convmath.network.torch_import.passing import PASSED_FOR

from .casting import BELOW, KEPT, Own
from .computing import checked

INT, FLOAT = CASTS["int"], CASTS["float"]
SIZES = [*range(1, 40), 64, 97, 101, 255]


@pytest.mark.parametrize("n", [9, 12])
@pytest.mark.parametrize("function", KEPT.values(), ids=KEPT)
def test_a_cast_keeps_what_a_size_is_made_of(function, n):
    module = Own(function)
    found = closed_forms(network.from_torch(module, (3, n, n)))
    assert (found.output.label, found.output.reading) == ("proved", "by construction"), str(found.output)
    assert n in found.valid
    inside = [size for size in SIZES if size in found.valid]
    assert len(inside) > 3
    checked(module, found, inside)


@pytest.mark.parametrize("function", BELOW)
def test_what_is_below_0_is_rounded_towards_0(function):
    module = Own(function)
    for n in (9, 11, 13, 14, 19, 20, 21, 27):
        found = closed_forms(network.from_torch(module, (3, n, n)))
        assert found.output.label == "proved"
        checked(module, found, [size for size in SIZES if size in found.valid])


# What casts are for anything else


@pytest.mark.parametrize(
    "call",
    [
        lambda kind: kind("7"),
        lambda kind: kind("ff", 16),
        lambda kind: kind("ff", base=16),
        lambda kind: kind(True),
        lambda kind: kind(np.float64(2.7)),
        lambda kind: kind(torch.tensor(-2.7)),
        lambda kind: kind(-2.7),
        lambda kind: kind(),
        lambda kind: kind(b"12"),
        lambda kind: kind.from_bytes(b"\x01\x02", "big"),
        lambda kind: kind.__name__ + kind.__module__ + kind.__qualname__ + repr(kind) + str(kind),
        lambda kind: list(map(kind, ("1", 2.5))),
        lambda kind: [isinstance(item, kind) for item in (1, True, 1.0, "1", np.int64(1), int, None)],
        lambda kind: [isinstance(item, (kind, str)) for item in (1, "1", 1.0)],
        lambda kind: [isinstance(item, kind | None) for item in (1, None, 1.0)],
        lambda kind: [isinstance(item, float | kind) for item in (1, None, 1.0)],
        lambda kind: [issubclass(other, kind) for other in (bool, int, float, kind)],
        lambda kind: (
            (kind | None, None | kind, kind | str, str | kind) == (int | None, None | int, int | str, str | int)
        ),
        lambda kind: [operator.eq(one, kind) and kind == one for one in (int, bool, float, str, 3)],
        lambda kind: [operator.ne(one, kind) or kind != one for one in (int, bool, float, str, 3)],
        lambda kind: {kind: "i", float: "f"}[int] + {int: "i"}[kind] + str(kind in {int}) + str(hash(kind)),
        lambda kind: kind.bit_length(5) + kind.__add__(2, 3),
    ],
)
def test_a_cast_is_to_anything_else_what_it_stands_for(call):
    assert call(INT) == call(int)
    assert type(call(INT)) is type(call(int))


@pytest.mark.parametrize(
    "wrong", [lambda kind: kind("x"), lambda kind: kind(None), lambda kind: kind(1, 2), lambda kind: kind(x=1)]
)
def test_a_cast_refuses_what_it_stands_for_refuses(wrong):
    with pytest.raises((TypeError, ValueError)) as own:
        wrong(INT)
    with pytest.raises(own.type) as pythons:
        wrong(int)
    assert str(own.value) == str(pythons.value)


def test_a_cast_tells_the_number_where_no_reading_with_casts_is_on():
    n = Size(9, Leaf("x", 2))
    assert (type(INT(n)), type(INT(n / 2)), type(FLOAT(n))) == (int, int, float)
    note = Recorder(lambda: 0, PASSED_FOR)
    with note.on():
        assert type(INT(n)) is int
    assert note.looked
    note = Recorder(lambda: 0, PASSED_FOR)
    note.casts = True
    with note.on():
        assert (type(INT(n)), type(INT(n / 2)), type(FLOAT(n)), type(FLOAT(n / 2))) == (Size, Size, Quotient, Quotient)
    assert not note.looked


# Files


SOURCE = """
import torch
from torch.nn import functional as F

class Net(torch.nn.Module):
    def forward(self, x):
        return F.interpolate(x, size=int(x.shape[-1] / 2))

{more}
"""

PLAIN = {
    "identity": "def f(n):\n    return type(n) is int",
    "no identity": "def f(n):\n    return type(n) is not int",
    "a type of elements": "def f(x):\n    return x.to(dtype=int)",
    "a default": "def f():\n    def g(kind=int):\n        return kind",
    "a subclass": "def f(n):\n    class Mine(int):\n        pass\n    return Mine(n)",
    "a key": "def f(n):\n    return {int: 1}[type(n)]",
    "an argument": "def f(n):\n    return g(int)",
    "bound": "def f(n):\n    kind = int\n    return kind(n)",
    "in a match": "def f(n):\n    match n:\n        case int():\n            return 1",
    "in a lambda": "f = lambda n: type(n) is int",
    "in a method": "class A:\n    def f(self, n):\n        return [m for m in n if type(m) is int]",
}

HARMLESS = {
    "nothing": "",
    "asked": "def f(n):\n    return isinstance(n, int) or isinstance(n, (int, str)) or isinstance(n, int | None)",
    "annotated": "def f(n: int = 3) -> int:\n    def g(m: list[int]) -> int:\n        k: int = 3\n        return k",
    "compared": "def f(n):\n    return type(n) == int",
    "of the class": "def f(n):\n    return int.from_bytes(n, 'big')",
    "outside of functions": "KINDS = (int, float)\nclass Mine(int):\n    pass",
    "before": "NAME = type(3) is int",
}


def module_of(folder, name, source):
    """A module of a file, imported."""
    path = folder / f"{name.rpartition('.')[2]}.py"
    path.write_text(source)
    spec = importlib.util.spec_from_file_location(name, path)
    sys.modules[name] = found = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(found)
    return found


@pytest.fixture
def written(tmp_path):
    """Makes a module of a source; it is forgotten afterwards."""
    names = []

    def make(source, name="written_net"):
        names.append(name)
        return module_of(tmp_path, name, source)

    yield make
    for name in names:
        del sys.modules[name]


def label(module, n=9):
    return closed_forms(network.from_torch(module, (3, n, n))).output.label


@pytest.mark.parametrize("more", HARMLESS.values(), ids=HARMLESS)
def test_a_file_that_only_calls_int_and_asks_by_it_gets_a_cast(written, more):
    file = written(SOURCE.format(more=more))
    assert casts_for(file.Net.forward)["int"] is INT
    assert label(file.Net()) == "proved"
    assert "int" not in vars(file)


@pytest.mark.parametrize("more", PLAIN.values(), ids=PLAIN)
def test_a_file_that_does_more_with_int_keeps_pythons_own(written, more):
    file = written(SOURCE.format(more=more))
    assert "int" not in casts_for(file.Net.forward)
    assert label(file.Net()) != "proved"


def test_code_without_a_source_keeps_pythons_own():
    names = {}
    exec(compile(SOURCE.format(more=""), "nowhere", "exec"), names)  # noqa: S102 - of this test
    assert casts_for(names["Net"].forward) == {}
    assert label(names["Net"]()) != "proved"


INSIDE = """
import torch
from torch.nn import functional as F
from {package} import helping
from {package}.helping import halved

class Net(torch.nn.Module):
    def forward(self, x):
        return {call}
"""

HELPING = """
def halved(n):
    return rounded(n / 2)

def rounded(n):
    return int(n)
"""


@pytest.mark.parametrize("call", ["F.interpolate(x, size=halved(x.shape[2]))", "x[:, :, :helping.halved(x.shape[2])]"])
def test_a_cast_is_in_the_files_of_the_package_that_a_forward_names(tmp_path, monkeypatch, call):
    package = f"pack_{abs(hash(call))}"
    folder = tmp_path / package
    folder.mkdir()
    for name, source in (("__init__", ""), ("helping", HELPING), ("net", INSIDE.format(package=package, call=call))):
        (folder / f"{name}.py").write_text(source)
    monkeypatch.syspath_prepend(tmp_path)
    found = importlib.import_module(f"{package}.net")
    assert label(found.Net()) == "proved"
    assert "int" not in vars(found.helping)


def test_a_file_of_another_package_keeps_pythons_own(written):
    written(HELPING, "helping_elsewhere")
    source = "from helping_elsewhere import halved\n" + SOURCE.format(more="").replace(
        "int(x.shape[-1] / 2)", "halved(x.shape[-1])"
    )
    assert label(written(source).Net()) != "proved"


RAISES = """
import json
import queue
import torch
from torch.nn import functional as F

SEEN = queue.SimpleQueue()

class Net(torch.nn.Module):
    def forward(self, x):
        SEEN.put(globals().get('int'))
        {body}
        return F.interpolate(x, size=int(x.shape[-1] / 2))

def called(n):
    return int(n)
"""


def seen_by(file):
    return [file.SEEN.get() for _ in range(file.SEEN.qsize())]


@pytest.mark.parametrize("body", ["raise ValueError('no')", "x = x.view(7, 11, 13)", "pass"])
def test_pythons_own_is_back_afterwards_and_after_an_error(written, body):
    file = written(RAISES.format(body=body))
    try:
        network.from_torch(file.Net(), (3, 9, 9))
    except ConvmathError:
        assert body != "pass"
    assert "int" not in vars(file)
    assert "isinstance" not in vars(file)
    assert file.called.__builtins__["int"] is builtins.int
    assert (INT in seen_by(file)) == (body == "pass")


def test_code_that_takes_only_ints_is_read_as_before(written):
    file = written(RAISES.format(body="json.dumps(int(x.shape[2]))"))
    assert label(file.Net()) != "proved"
    assert network.from_torch(file.Net(), (3, 9, 9)).analyze().output.sizes == (1, 3, 4, 4)


def test_a_network_that_goes_otherwise_with_casts_is_read_without(written):
    body = """try:
            json.dumps(int(x.shape[2]))
        except TypeError:
            x = x[:, :, :2]"""
    file = written(RAISES.format(body=body))
    assert network.from_torch(file.Net(), (3, 9, 9)).analyze().output.sizes == (1, 3, 4, 4)
    assert label(file.Net()) != "proved"


def test_a_network_is_read_as_often_as_its_questions_need(written):
    """Once; with ints, too, where it asks for sizes; and with casts, where it asks for their numbers."""
    bodies = {"return F.relu(x)": [None], "return F.relu(x[:, :, : x.shape[2] // 2])": [None] * 2}
    for number, (body, seen) in enumerate(bodies.items()):
        file = written(RAISES.format(body=body), f"written_net_{number}")
        network.from_torch(file.Net(), (3, 9, 9))
        assert seen_by(file) == seen
    file = written(RAISES.format(body="pass"))
    network.from_torch(file.Net(), (3, 9, 9))
    assert seen_by(file) == [None, INT, None]


def test_another_thread_gets_ints_meanwhile(written):
    file = written(RAISES.format(body="torch.wait()"))
    answers = []

    def elsewhere():
        answers.append((file.called("7"), file.called(2.5), type(file.called(True))))

    def wait():
        thread = threading.Thread(target=elsewhere)
        thread.start()
        thread.join()

    file.torch = type("Torch", (), {"wait": staticmethod(wait)})
    network.from_torch(file.Net(), (3, 9, 9))
    assert INT in seen_by(file)
    assert set(answers) == {(7, 2, int)}
