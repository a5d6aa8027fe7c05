"""Why a forward cannot be followed: in a sentence that names its own line, once, and says what to do."""

from __future__ import annotations

import re
import sys

import pytest
import torch
from torch import nn
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.nn import functional as F  # noqa: N812 - torch's own habit
from torch.overrides import _get_current_function_mode_stack
from torch.utils._python_dispatch import _get_current_dispatch_mode_stack

from convmath import network
from convmath.errors import DomainError, UnsupportedError

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


class OddError(BaseException):
    """One that no code for errors catches."""

    def __init__(self, error: BaseException | None = None):
        super().__init__()
        self.error = error

    def __str__(self):
        if self.error:
            raise self.error
        return "odd"


RAISED = {
    SystemExit(3): "SystemExit: 3",
    SystemExit(): "SystemExit",
    GeneratorExit(): "GeneratorExit",
    StopIteration(): "StopIteration",
    OddError(): "OddError: odd",
    OddError(ValueError()): "OddError",
    OddError(OddError()): "OddError",
}


@pytest.mark.parametrize(("error", "words"), RAISED.items(), ids=RAISED.values())
def test_whatever_a_forward_raises_is_told_with_its_line(error, words):
    def raising(x):
        raise error

    sentence = refusal(raising)
    assert sentence.endswith(f"test_following.py:{raising.__code__.co_firstlineno + 1}, 'raise error': {words}")


def test_an_interruption_goes_through():
    def interrupted(x):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        network.from_torch(Function(interrupted), (3, 9, 9))


class Begun(nn.Module):
    def __init__(self):
        self.size = 3

    def forward(self, x):
        return x


def test_a_module_that_does_not_begin_as_one_is_refused_with_what_to_do():
    whole = nn.Sequential(nn.ReLU())
    whole._modules["0"] = Begun()
    for module in (Begun(), whole):
        with pytest.raises(DomainError, match="module='Begun': needs super") as found:
            network.from_torch(module, (3, 9, 9))
        assert isinstance(found.value.__cause__, AttributeError)


class Named(nn.Module):
    """One that knows its parts otherwise than torch does."""

    def __init__(self, error: type[Exception]):
        super().__init__()
        self.error, self.own = error, {"conv": nn.Conv2d(3, 4, 3)}

    def __getattr__(self, name):
        if name in vars(self)["own"]:
            return vars(self)["own"][name]
        raise vars(self)["error"](name)

    def forward(self, x):
        return self.conv(x)


def test_a_module_that_knows_no_other_attributes_is_read():
    assert network.from_torch(Named(KeyError), (3, 9, 9)).analyze().output.sizes == (1, 4, 7, 7)


class Unreadable(nn.Module):
    def named_modules(self, *args, **kwargs):
        raise OddError

    def forward(self, x):
        return x


def test_a_module_that_cannot_be_read_is_told_with_its_line():
    with pytest.raises(UnsupportedError, match=r"Unreadable cannot be read: .*test_following.*: OddError: odd"):
        network.from_torch(Unreadable(), (3, 9, 9))


def in_itself(x):
    found = []
    found.append(found)
    return found


def calls_itself(x):
    return calls_itself(x)


def test_results_and_calls_without_end_are_refused():
    assert "returns no tensor" in refusal(in_itself)
    assert "or the calls in its forward, are nested deeper than Python's stack allows" in refusal(calls_itself)


def part_by_part(x):
    return torch.vmap(lambda image: F.relu(image[None])[0])(x)


def differentiated(x):
    return torch.func.jvp(F.relu, (x,), (x,))[1]


def level(x):
    torch._C._functorch._vmap_increment_nesting(2, "error")
    return x.relu()


def cast(x):
    torch.set_autocast_enabled("cpu", True)
    return x.relu()


def mode(x):
    torch.device("meta").__enter__()
    return x.relu()


def device(x):
    torch.set_default_device("meta")
    return x.relu()


def without_elements(x):
    FakeTensorMode().__enter__()
    return x.relu()


def stack(x):
    sys.setrecursionlimit(sys.getrecursionlimit() + 9)
    return x.relu()


def state():
    """What torch and Python go by in all calls."""
    return [
        *(sys.getrecursionlimit(), torch.is_grad_enabled(), torch.get_default_dtype(), torch.get_default_device()),
        *(torch.is_autocast_enabled(kind) for kind in ("cpu", "cuda")),
        torch._C._functorch.get_dynamic_layer_stack_depth(),
        *(_get_current_function_mode_stack(), _get_current_dispatch_mode_stack()),
    ]


def test_torch_works_as_before_whatever_a_forward_has_left():
    before = state()
    for function in (level, cast, mode, device, without_elements, stack):
        network.from_torch(Function(function), (3, 9, 9))
        assert state() == before, function.__name__
    for function in (part_by_part, differentiated):
        sentence = refusal(function)
        line = function.__code__.co_firstlineno + 1
        assert f"test_following.py:{line}, " in sentence
        assert "it is computed by a transform of torch.func, such as torch.vmap; compute with the whole" in sentence
        assert state() == before, function.__name__
    nn.Conv2d(3, 3, 3)(torch.rand(1, 3, 9, 9)).sum().backward()
    stack(torch.zeros(1))
    try:
        assert state() != before
    finally:
        sys.setrecursionlimit(before[0])


def test_both_reasons_are_told_where_they_differ():
    def otherwise(x):
        if type(x) is torch.Tensor:
            raise ValueError("as a tensor")
        raise TypeError("as none")

    sentence = refusal(otherwise)
    assert "torch.fx: " in sentence
    assert "torch.export: " in sentence
