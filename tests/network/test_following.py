"""Why a forward cannot be followed: in a sentence that names its own line, once, and says what to do."""

from __future__ import annotations

import re

import pytest
import torch
from torch import nn
from torch.nn import functional as F  # noqa: N812 - torch's own habit

from convmath import network
from convmath.errors import UnsupportedError

from .computing import Function


def refusal(function):
    with pytest.raises(UnsupportedError) as found:
        network.from_torch(Function(function), (3, 9, 9))
    return str(found.value)


def by_sum(x):
    if x.sum() > 0:
        return x
    return x[:, :, ::2]


def by_number(x):
    return x[:, : int(x.mean())]


def by_item(x):
    return x[:, :, : x.argmax().item()]


def by_array(x):
    return torch.from_numpy(x.numpy())


def caught(x):
    try:
        return x[:, :, :: int(x.mean())]
    except Exception:
        return x


ELEMENTS = {
    by_sum: "if x.sum() > 0:",
    by_number: "return x[:, : int(x.mean())]",
    by_item: "return x[:, :, : x.argmax().item()]",
    by_array: "return torch.from_numpy(x.numpy())",
    caught: "return x[:, :, :: int(x.mean())]",
}


@pytest.mark.parametrize(("function", "line"), ELEMENTS.items(), ids=[function.__name__ for function in ELEMENTS])
def test_a_forward_that_goes_by_elements_is_refused_with_its_line_and_what_to_do(function, line):
    sentence = refusal(function)
    number = function.__code__.co_firstlineno + (2 if function is caught else 1)
    assert re.search(rf"test_following\.py:{number}, {re.escape(repr(line))}: ", sentence), sentence
    assert "arguments=" in sentence
    assert "torch.where" in sentence
    for internal in ("TraceError", "Guard", "torch.export", "Proxy", "SymNode"):
        assert internal not in sentence


def chosen_elements(x):
    return x if x[x > 0].relu().shape[0] > 9 else -x


def test_sizes_that_nobody_knows_are_told_with_the_operation_that_leaves_them_open_and_what_to_do():
    sentence = refusal(chosen_elements)
    assert "it asks for the sizes of what comes from getitem, which is not understood" in sentence
    assert "torch.where for a choice of elements, or read the parts before and after it one by one" in sentence
    assert "arguments=" not in sentence
    for part in (lambda x: x[x > 0].relu(), lambda x: torch.where(x > 0, x, 0).relu()):
        assert network.from_torch(Function(part), (3, 9, 9)).analyze().output.op == "relu"


def test_what_is_said_to_do_helps():
    chosen = network.from_torch(Function(lambda x: torch.where(x.sum() > 0, x, F.relu(x))), (3, 9, 9))
    assert chosen.analyze().output.sizes == (1, 3, 9, 9)

    class Told(nn.Module):
        def forward(self, x, large):
            return x if large else x[:, :, ::2]

    for large, rows in ((True, 9), (False, 5)):
        found = network.from_torch(Told(), (3, 9, 9), arguments={"large": large})
        assert found.analyze().output.sizes[2] == rows


def unknown_name(x):
    return x + undefined  # noqa: F821 - on purpose


def wrong_count(x):
    return F.relu(x, 1, 2, 3)


def without_words(x):
    raise ValueError


ERRORS = {
    unknown_name: "NameError: name 'undefined' is not defined",
    wrong_count: "TypeError: relu() takes from 1 to 2 positional arguments but 4 were given",
    without_words: "ValueError",
}


@pytest.mark.parametrize(("function", "words"), ERRORS.items(), ids=[function.__name__ for function in ERRORS])
def test_an_error_of_the_forward_is_told_once_with_its_line(function, words):
    sentence = refusal(function)
    assert sentence.endswith(f": {words}")
    assert sentence.count(f": {words}") == 1
    assert f"test_following.py:{function.__code__.co_firstlineno + 1}, " in sentence


def test_the_line_is_that_of_the_networks_own_code_and_not_of_what_it_calls():
    class Inner(nn.Module):
        def forward(self, x):
            return F.conv2d(x, undefined)  # noqa: F821 - on purpose

    assert "return F.conv2d(x, undefined)" in refusal(lambda x: nn.Sequential(Inner())(x))


def test_both_reasons_are_told_where_they_differ():
    def otherwise(x):
        if type(x) is torch.Tensor:
            raise ValueError("as a tensor")
        raise TypeError("as none")

    sentence = refusal(otherwise)
    assert "torch.fx: " in sentence
    assert "torch.export: " in sentence
