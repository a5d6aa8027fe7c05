"""What a reading leaves as it was: the module, what it keeps anywhere, its files, other threads, torch's own state."""

from __future__ import annotations

import collections
import dataclasses
import functools
import importlib
import math
import random
import sys
import threading
from types import ModuleType, SimpleNamespace
from typing import Any, ClassVar

import hypothesis
import ptflops
import pytest

torch = pytest.importorskip("torch")

from torch import nn  # noqa: E402

from convmath.errors import UnsupportedError  # noqa: E402
from convmath.network import from_torch  # noqa: E402
from convmath.network.torch_import import following, untouched  # noqa: E402

from .applied import Apply  # noqa: E402

SIZE = (3, 12, 10)
TABLE: Any = None
PAIR: Any = None


@functools.cache
def positions(n):
    return torch.arange(n).float().sin()


class Cache:
    """The module's own object, with what it keeps."""

    def __init__(self):
        self.kept, self.last = [], None


class Keeping(nn.Module):
    """Keeps tensors where ``keep`` puts them."""

    shared: ClassVar[dict[str, Any]] = {}
    one: ClassVar[Any] = None

    def __init__(self, keep):
        super().__init__()
        self.conv, self.keep = nn.Conv2d(3, 8, 3, padding=1), keep
        self.cache, self.nested, self.pair = Cache(), {"a": [[]]}, ([], {})
        self.queue, self.space = collections.deque([0], maxlen=2), SimpleNamespace(last=None)

    def forward(self, x):
        return self.keep(self, self.conv(x))


def in_an_object(module, y):
    module.cache.kept.append(y)
    return torch.cat(module.cache.kept, 1)


def as_an_attribute_of_an_object(module, y):
    if module.cache.last is None or module.cache.last.shape[0] != y.shape[3]:
        module.cache.last = torch.arange(y.shape[3]).float()
    return y + module.cache.last


def in_nested_containers(module, y):
    module.nested["a"][0].append(y)
    module.pair[0].append(y)
    module.pair[1]["y"] = y
    return torch.cat(module.nested["a"][0] + module.pair[0], 1)


def in_a_queue_and_a_namespace(module, y):
    module.queue.append(y)
    if module.space.last is None:
        module.space.last = y.shape[2] * y
    return y + module.space.last


def in_a_cached_function(module, y):
    return y + positions(y.shape[3])


def in_a_dictionary_of_the_class(module, y):
    if "p" not in module.shared:
        module.shared["p"] = torch.ones(y.shape[3]).cos()
    return y + module.shared["p"]


def as_an_attribute_of_the_class(module, y):
    if Keeping.one is None:
        Keeping.one = torch.ones(y.shape[3]).cos()
    return y + Keeping.one


def in_the_file(module, y):
    global TABLE, PAIR
    if TABLE is None:
        TABLE = torch.ones(y.shape[3]).cos()
        PAIR = (TABLE, TABLE.sin())
    return y + TABLE + PAIR[1]


PLACES = (
    *(in_an_object, as_an_attribute_of_an_object, in_nested_containers, in_a_queue_and_a_namespace),
    *(in_a_cached_function, in_a_dictionary_of_the_class, as_an_attribute_of_the_class, in_the_file),
)


def emptied():
    global TABLE, PAIR
    TABLE = PAIR = Keeping.one = None
    Keeping.shared.clear()
    positions.cache_clear()


@pytest.mark.parametrize("keep", PLACES)
def test_a_tensor_that_is_kept_is_real_afterwards_and_no_part_of_the_next_reading(keep):
    emptied()
    module, image = Keeping(keep), torch.rand(1, *SIZE)
    graphs = [from_torch(module, SIZE) for _ in range(2)]
    emptied()
    fresh = Keeping(keep)
    fresh.load_state_dict(module.state_dict())
    expected = fresh(image)
    assert str(graphs[0]) == str(graphs[1])
    assert graphs[0].analyze().output.sizes == tuple(expected.shape)
    emptied()
    assert torch.equal(module(image), expected)


@pytest.mark.parametrize("keep", [in_a_queue_and_a_namespace, as_an_attribute_of_the_class, in_the_file])
def test_a_tensor_that_stays_where_nobody_looks_is_refused_in_the_next_reading_and_by_the_module(keep, monkeypatch):
    """As it would, if nothing was put back."""
    emptied()
    monkeypatch.setattr(untouched, "_restore", lambda *_: None)
    monkeypatch.setattr(untouched, "_set", lambda *_: None)
    monkeypatch.setattr(following, "forget", lambda *_: None)
    monkeypatch.setattr(untouched, "_held", lambda *_: ([], []))
    module = Keeping(keep)
    with pytest.raises(UnsupportedError, match="it keeps a tensor from one call to the next"):
        (from_torch(module, SIZE), from_torch(module, SIZE))
    with pytest.raises(UnsupportedError, match="it keeps a tensor from one call to the next"):
        module(torch.rand(1, *SIZE))
    emptied()


def test_what_another_thread_runs_meanwhile_is_real_and_no_part_of_the_network():
    began, ended, found = threading.Event(), threading.Event(), []
    other = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU()).eval()

    def serve():
        began.wait(20)
        found.append(other(torch.rand(1, 3, 8, 8)))
        ended.set()

    def waiting(x):
        began.set()
        ended.wait(20)
        return x

    thread = threading.Thread(target=serve)
    thread.start()
    graph = from_torch(Apply(waiting), SIZE)
    thread.join()
    assert [type(one) for one in found] == [torch.Tensor]
    assert [node.name for node in graph] == ["x", "conv"]


@dataclasses.dataclass(slots=True)
class Result:
    first: Any
    second: Any


class Slot:
    __slots__ = ("only",)

    def __init__(self, only):
        self.only = only


def test_results_are_found_in_a_dataclass_with_slots():
    graph = from_torch(Apply(lambda x: (Result(x.relu(), None), x.sigmoid())[0]), SIZE)
    assert graph.outputs == ("relu",)


@pytest.mark.parametrize("result", [lambda x: (y for y in [x]), lambda x: {x}, lambda x: ([Slot(x)],)])
def test_a_result_in_which_no_tensor_is_found_is_refused(result):
    with pytest.raises(UnsupportedError, match=r"returns a (generator|set|Slot), in which no tensor is looked for"):
        from_torch(Apply(result), SIZE)


@pytest.mark.parametrize(
    "result", [lambda x: x.shape, lambda x: None, lambda x: "text", lambda x: {"n": x.shape[0] / 2, "t": x.dtype}]
)
def test_a_result_without_tensors_is_refused(result):
    with pytest.raises(UnsupportedError, match="the forward of Apply returns no tensor: it needs to return what it"):
        from_torch(Apply(result), SIZE)
    assert from_torch(Apply(lambda x: (x, result(x))), SIZE).outputs == ("conv",)


def test_a_buffer_of_two_modules_is_exported():
    class Both(nn.Module):
        def __init__(self):
            super().__init__()
            self.a, self.b, mean = nn.Module(), nn.Module(), torch.zeros(12, 10)
            self.a.register_buffer("mean", mean)
            self.b.register_buffer("mean", mean)

        def forward(self, x):
            if not torch.compiler.is_exporting():
                raise RuntimeError
            return (x - self.a.mean) * self.b.mean

    assert from_torch(Apply(Both()), SIZE).analyze().output.sizes == (1, 8, 12, 10)


def test_a_file_that_is_loaded_anew_takes_what_stands_for_tensors(tmp_path, monkeypatch):
    (tmp_path / "halving.py").write_text(
        "import torch\ndef half(x):\n    return torch.max_pool2d(x, 2) if isinstance(x, torch.Tensor) else x\n"
    )
    monkeypatch.syspath_prepend(tmp_path)

    def pooled(x):
        import halving

        return halving.half(x)

    for _ in range(3):
        assert from_torch(Apply(pooled), SIZE).analyze().output.output_size == (8, 6, 5)
        del sys.modules["halving"]
        importlib.invalidate_caches()
        importlib.import_module("halving")
    del sys.modules["halving"]
    assert from_torch(Apply(pooled), SIZE).analyze().output.output_size == (8, 6, 5)  # loaded by the forward
    del sys.modules["halving"]


def test_a_module_of_an_odd_name_is_no_trouble_and_nothing_of_torchs_stays_changed(monkeypatch):
    names = {**vars(nn.modules.module)}
    before = (torch.is_tensor, math.sqrt, nn.modules.transformer._detect_is_causal_mask)
    monkeypatch.setitem(sys.modules, ("odd",), ModuleType("odd"))
    from_torch(nn.ReLU(), SIZE)

    def interrupted():
        raise KeyboardInterrupt

    monkeypatch.setattr("convmath.network.torch_import.passing._files", interrupted)
    with pytest.raises(KeyboardInterrupt):
        from_torch(nn.ReLU(), SIZE)
    assert before == (torch.is_tensor, math.sqrt, nn.modules.transformer._detect_is_causal_mask)
    assert names == vars(nn.modules.module)


def test_only_files_that_may_be_part_of_a_network_are_told_otherwise_what_something_is():
    def looked(x):
        told = ["hasattr" in names for names in (globals(), *map(vars, (ptflops, pytest, hypothesis)))]
        if told != [True, True, False, False]:
            raise RuntimeError(told)
        return x

    from_torch(Apply(looked), SIZE)
    with pytest.raises(RuntimeError, match="False, False, False, False"):
        looked(None)


def drawing(x):
    torch.manual_seed(7)
    torch.set_default_dtype(torch.float64)
    return x * random.random() + torch.randperm(10).float()  # noqa: S311


def test_random_numbers_and_the_default_type_go_on_as_they_were():
    def state():
        return random.getstate(), torch.get_rng_state().tolist(), torch.get_default_dtype()

    module, before = Apply(drawing), state()
    try:
        from_torch(module, SIZE)
        assert state() == before
        drawing(torch.rand(10))  # which does change it
        assert state() != before
    finally:
        torch.set_default_dtype(torch.float32)


PAST: list[Any] = [None]
REAL = torch.zeros(3)
FEATURES: dict[str, Any] = {"a": REAL, "b": None}


def replacing(module, y):
    PAST[0] = FEATURES["a"] = FEATURES["b"] = y
    return y if PAST[0] is None else y + PAST[0]


def of_a_closure():
    state, last = {"turn": 0, "tensor": None}, None

    def keep(module, y):
        nonlocal last
        state["turn"] += 1
        state["tensor"] = last = y
        return y + state["tensor"] + last

    return keep, lambda: (dict(state), last)


def test_what_held_something_else_before_holds_it_again():
    from_torch(Keeping(replacing), SIZE)
    assert (PAST, FEATURES["b"]) == ([None], None)
    assert FEATURES["a"] is REAL
    keep, held = of_a_closure()
    from_torch(Keeping(keep), SIZE)
    assert held() == ({"turn": 0, "tensor": None}, None)


class Registry(collections.OrderedDict):
    """Classes by name; a look-up makes one of them."""

    def __getitem__(self, name):
        return super().__getitem__(name)()


REGISTRY = Registry(relu=nn.ReLU, tanh=nn.Tanh)


def test_a_dictionary_that_makes_something_of_its_look_ups_holds_what_it_held():
    class Chosen(nn.Module):
        def forward(self, x):
            REGISTRY["sigmoid"] = nn.Sigmoid
            return REGISTRY["relu"](x)

    from_torch(Chosen(), SIZE)
    assert dict(REGISTRY.items()) == {"relu": nn.ReLU, "tanh": nn.Tanh}


def test_an_object_with_slots_keeps_no_tensor_that_is_none():
    slot = Slot(None)

    def keep(module, y):
        slot.only = y if slot.only is None else slot.only
        return y + slot.only

    module = Keeping(keep)
    from_torch(module, SIZE)
    assert slot.only is None
    assert type(module(torch.rand(1, *SIZE))) is torch.Tensor


def test_tensors_that_hold_each_other_are_collected_and_not_looked_for(monkeypatch):
    looked = []
    monkeypatch.setattr(following, "forget", lambda *_: looked.append(1))

    def keep(module, y):
        held = [y]
        held.append(held)
        return y

    from_torch(Keeping(keep), SIZE)
    assert not looked
    from_torch(Keeping(in_a_cached_function), SIZE)
    assert looked
    emptied()


def test_the_parts_that_a_forward_runs_in_threads_are_read():
    class Threaded(nn.Module):
        def __init__(self):
            super().__init__()
            self.first, self.last = nn.Conv2d(3, 8, 3, padding=1), nn.Conv2d(8, 4, 1)

        def forward(self, x):
            out = []
            thread = threading.Thread(target=lambda: out.append(self.first(x)))
            thread.start()
            thread.join()
            return self.last(out[0])

    report = from_torch(Threaded(), SIZE).analyze()
    assert [row.name for row in report] == ["x", "first", "last"]
    assert (report.params, report.status) == (3 * 8 * 9 + 8 + 8 * 4 + 4, "complete")


def test_a_tensor_without_elements_that_torch_export_found_kept_is_refused(monkeypatch):
    kept = []

    class Stubborn(nn.Module):
        def forward(self, x):
            if not torch.compiler.is_exporting():
                raise RuntimeError
            kept.append(x * 2)
            return x + kept[0]

    from_torch(Stubborn(), SIZE)
    assert kept == []
    monkeypatch.setattr(following, "forget", lambda *_: None)
    monkeypatch.setattr(untouched, "_held", lambda *_: ([], []))
    from_torch(Stubborn(), SIZE)
    with pytest.raises(UnsupportedError, match="it keeps a tensor from one call to the next"):
        from_torch(Stubborn(), (3, 12, 10))
