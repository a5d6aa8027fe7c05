"""A module read by torch.fx: its forward runs on proxies that know their sizes, and every call becomes an operator."""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import fields, is_dataclass
from functools import cache, partial
from typing import Any

import torch
from torch.fx import Proxy, Tracer
from torch.overrides import TorchFunctionMode

from ...errors import ConvmathError, UnsupportedError
from ..operators import Conv, Identity, Pool
from ..sizes.number import told
from ..sizes.trail import RECORDER
from . import calls
from .arguments import Arguments
from .builder import Builder
from .functions import Functions, functions_of
from .modules import handler_of
from .passing import STOOD_FOR, Passing
from .registry import HANDLERS, KEPT, UntraceableError, name_of
from .shapes import shape_of
from .values import Value, found_in, mapped

_ATTRIBUTES: dict[str, Callable[[Value], Any]] = {
    "shape": lambda value: shape_of(value.asked),
    "ndim": lambda value: value.asked_rank,
    "dtype": lambda value: value.dtype,
    **dict.fromkeys(("is_nested", "is_sparse", "is_quantized", "is_mkldnn", "requires_grad"), lambda _: False),
    **dict.fromkeys(("grad", "grad_fn"), lambda _: None),
    "layout": lambda _: torch.strided,
    "names": lambda value: (None,) * value.asked_rank,
    "itemsize": lambda value: value.dtype.itemsize,
}
"""What a tensor's attributes are, as far as they are no tensors."""

_METADATA = {
    *("__get__", "__set__", "__len__", "size", "dim", "numel", "item", "tolist", "is_floating_point", "is_complex")
}
"""Of a tensor that is no proxy, these are read as they are."""

_OF_SIZES = {"sym_max", "sym_min", "sym_int", "sym_float", "sym_not"}
"""Of sizes, these are Python's own."""

_WITHOUT_TENSORS = (type(None), int, float, complex, str, bytes, type, torch.dtype, torch.device, torch.nn.Module)
"""Results in which there are no tensors."""

_IN_PLACE = ("add", "sub", "mul", "truediv", "floordiv", "mod", "pow", "and", "or", "xor")


class TensorProxy(Proxy):  # type: ignore[misc]
    """Stands for a tensor; passes for one, has its sizes, and has no elements."""

    def __init__(self, value: Value, tracer: ModuleTracer) -> None:
        """The proxy of a value."""
        self.node, self.tracer, self.value = tracer.builder.node, tracer, value

    @property
    def given(self) -> set[str]:
        """The names of attributes that the network's own code has given it."""
        return vars(self).keys() - {"node", "tracer", "value"}

    def __repr__(self) -> str:
        """Its sizes."""
        return f"TensorProxy({self.value.sizes and self.value.asked})"

    def __getattr__(self, name: str) -> Any:
        """An attribute that is no tensor as it is, and otherwise the call that torch would make."""
        if name in _ATTRIBUTES:
            return _ATTRIBUTES[name](self.value)
        if name == "device":
            return self.tracer.builder.device
        if name.startswith("__") or not hasattr(torch.Tensor, name):
            raise AttributeError(f"a tensor has no attribute {name!r}")
        if not callable(getattr(torch.Tensor, name)):
            return self.tracer.record(name, lambda tensor: getattr(tensor, name), (self,), {})
        return partial(self._call_method, name)  # a function's own self would stay in the traceback of an error

    def _call_method(self, name: str, *args: Any, **kwargs: Any) -> Any:
        return self.tracer.create_proxy("call_method", name, (self, *args), kwargs)

    def __len__(self) -> int:
        """The size of the first dimension."""
        self._has_dimensions()
        return int(self.value.asked_of(0))

    def __iter__(self) -> Iterator[Any]:
        """The parts along the first dimension."""
        self._has_dimensions()
        return iter(self.tracer.record("unbind", torch.unbind, (self,), {}))

    def _has_dimensions(self) -> None:
        if not self.value.asked_rank:
            raise TypeError("a tensor without dimensions has no length and no parts")

    def __setitem__(self, index: Any, value: Any) -> None:
        """Written in place."""
        self.tracer.record("setitem", operator.setitem, (self, index, value), {})

    def __bool__(self) -> bool:
        """Not known."""
        raise UntraceableError("the flow of control depends on the elements of a tensor")

    def _elements(self, *_: Any) -> Any:
        raise UntraceableError("the elements of a tensor are asked for")

    __int__ = __float__ = __index__ = __complex__ = __contains__ = __array__ = _elements


def _writing(name: str) -> Callable[[Any, Any], Any]:
    def write(self: Any, other: Any) -> Any:
        return self.tracer.record(f"{name}_", getattr(operator, f"i{name}"), (self, other), {})

    return write


for _name in _IN_PLACE:
    setattr(TensorProxy, f"__i{_name}__", _writing(_name))


@cache
def _empty(dtype: Any, device: Any) -> Any:
    """A tensor of a type and a device, without elements."""
    with torch._C.DisableTorchFunction():
        return torch.empty(0, dtype=dtype, device=device)


def _tensor(proxy: TensorProxy) -> Any:
    """A tensor of the kind for which a proxy stands: the parameter or constant that it is, or one without elements."""
    value = proxy.value
    source = value.source
    return source if isinstance(source, torch.Tensor) else _empty(value.dtype, proxy.tracer.builder.device)


STOOD_FOR[TensorProxy] = _tensor


def read_traced(builder: Builder, module: Any, inputs: Mapping[str, Value], others: Mapping[str, Any]) -> list[Value]:
    """What the forward of a module returns.

    Args:
        builder: what is read goes there.
        module: the module.
        inputs: values by the names of the parameters of its forward.
        others: the other arguments, by name.
    """
    tracer = ModuleTracer(builder, module)
    proxies = {name: TensorProxy(value, tracer) for name, value in inputs.items()}

    def call() -> Any:
        """The module, with its arguments filled in: as every module in it is called, through torch.fx."""
        args, kwargs = Arguments(module).bound({**proxies, **others})
        tracer.passing.begin()
        return torch.nn.Module.__call__(module, *args, **kwargs)

    try:
        functions = functions_of(builder, Functions(builder, tracer.value, tracer.proxies))
        with tracer.passing.on(), functions, _Recording(tracer):
            tracer.trace(call)
    finally:
        proxies.clear()  # which the traceback of an error would keep
    return tracer.outputs


class ModuleTracer(Tracer):  # type: ignore[misc]
    """Runs a module's forward on proxies.

    Hooks are not called. Modules of ``torch.nn`` are followed into their forward; where that cannot be, they are
    reported as unknown.
    """

    def __init__(self, builder: Builder, module: Any) -> None:
        """Read a module.

        Args:
            builder: what is read goes there.
            module: the module.
        """
        super().__init__()
        self._autowrap_search.clear()  # what passes does it
        self.builder = builder
        self.module = module
        self.outputs: list[Value] = []
        self.passing = Passing(TensorProxy, casts=builder.recorder.casts)
        self._visits = calls.visits(builder.paths)

    # What torch.fx calls

    def create_args_for_root(self, root_fn: Any, is_module: bool, concrete_args: Any = None) -> tuple[Any, list[Any]]:
        """The function that is traced takes none."""
        return root_fn, []

    def create_node(self, kind: str, target: Any, args: Any, kwargs: Any, *_: Any, **__: Any) -> None:
        """What the forward returns."""
        self.outputs = _returned(args[0])
        if not self.outputs:
            _require_tensors(args[0])

    def create_arg(self, a: Any) -> Any:
        """Arguments stay what they are."""
        return a

    def create_proxy(self, kind: str, target: Any, args: Any, kwargs: Any, *_: Any, **__: Any) -> Any:
        """A call, by a function or by the name of a method."""
        if kind == "call_method":
            name = "tensor_unfold" if target == "unfold" else target
            return self.record(name, getattr(torch.Tensor, target), args, kwargs)
        return self.call(target, args, kwargs)

    def getattr(self, attr: str, attr_val: Any, parameter_proxy_cache: dict[str, Any]) -> Any:
        """An attribute of a module: parameters and buffers are proxies."""
        if isinstance(attr_val, torch.Tensor) and self._reads and not self.builder.suspended:
            return TensorProxy(self.builder.parameters.value(attr_val), self)
        return attr_val

    def call_module(self, m: Any, forward: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """The forward of a submodule, without its hooks; what another thread runs is not read."""
        if not self._reads and not found_in((args, kwargs), TensorProxy):
            return forward(*args, **kwargs)
        if self.builder.suspended:
            return m.forward(*args, **kwargs)
        self.passing.enter(m)
        outside, mark = (self.builder.scope, self.builder.module), len(self.builder.steps)
        self.builder.scope, self.builder.module = self.builder.paths.get(m, type(m).__name__), m
        try:
            within = m._modules.items()
            leaf = not within or all(name == "parametrizations" or part is None for name, part in within)
            handler = handler_of(m)
            if not leaf and handler is None:
                return m.forward(*args, **kwargs)
            inputs = self._given(m, args, kwargs)
            result = self._layer(handler, m, args, kwargs) if leaf else self._special(handler, m, args, kwargs)
            if leaf and any(weight is not None for weight in m._parameters.values()):
                result = self._own(result, mark)
            self._note(m, inputs, result, mark, leaf=leaf)
            return result
        finally:
            self._number(m, mark)
            self.builder.scope, self.builder.module = outside

    # Recording

    @property
    def _reads(self) -> bool:
        """Whether it is the reading that calls: what torch.fx changes is changed for all threads."""
        return RECORDER.get() is self.builder.recorder

    def _require_reading(self) -> None:
        """Require that the reading goes on, as no tensor outlives it."""
        if not self.builder.recorder.is_on:
            raise self._kept()

    def _kept(self) -> UnsupportedError:
        """That the forward uses a tensor of an earlier reading; noted, as it may be caught."""
        forward = f"the forward of {type(self.module).__name__} could not be followed"
        error = UnsupportedError(f"{forward}: {KEPT}")
        self.builder.recorder.failure = error
        return error

    def call(self, function: Any, args: Any, kwargs: Any) -> Any:
        """A call of a function, whichever it is."""
        self._require_reading()
        name = name_of(function)
        if name or not callable(function):
            return self.record(name, function, args, kwargs)
        called = getattr(function, "__qualname__", repr(function))
        reason = f"{called} is no function of torch"
        values = self._values(args, kwargs)
        return self.proxies(self.builder.unknown(called.rpartition(".")[2], reason, function, *values))

    def record(self, name: str, function: Any, args: Any, kwargs: Any) -> Any:
        """A call of a function of torch or of Python, as proxies."""
        self._require_reading()
        return self.proxies(self.builder.call(name, function, *self._values(args, kwargs)))

    def _special(self, handler: Any, module: Any, args: Any, kwargs: Any) -> Any:
        values, options = self._values(args, kwargs)
        return self.proxies(handler(self, module, *values, **options))

    def _own(self, result: Any, mark: int) -> Any:
        """The result of a module with parameters: a step of its own, where it is one from before ``mark``."""
        if type(result) is not TensorProxy or (result.value.step is not None and result.value.step >= mark):
            return result
        return TensorProxy(self.builder.emit(Identity(), result.value, label="result"), self)

    def _note(self, module: Any, inputs: Sequence[Value], result: Any, mark: int, *, leaf: bool) -> None:
        """Note the call of a module at the step of its result, if that is one of those from ``mark`` on.

        The result of a module without parts has its name, and its parameters are counted there.
        """
        made = next((value.step for value in _returned(result) if value.step is not None), -1)
        if made >= mark:
            step = self.builder.steps[made]
            if leaf:
                step.name = self.builder.scope or step.name
                step.layer = self.builder.paths.get(module, "")
                own = module.parameters() if module._modules else module._parameters.values()
                self.builder.parameters.count(own, made)
            given = tuple([value.step for value in inputs])
            step.call = calls.called(self.builder, module, given, self._visits.get(module, 1))

    def _number(self, module: Any, mark: int) -> None:
        """Number the functions with windows that a module itself calls, in its call with the steps from ``mark`` on."""
        path = self.builder.paths.get(module)
        own = (step for step in self.builder.steps[mark:] if not step.layer and isinstance(step.operator, (Conv, Pool)))
        for number, step in enumerate(own if path is not None else (), 1):
            step.layer = f"{path}..{number}"  # no name of a module has a point

    def _given(self, module: Any, args: Any, kwargs: Any) -> list[Value]:
        """The tensors that a module is given by position, as all are that the network is given.

        One that is part of another has no step before the module reads it.
        """
        given = (*args, *kwargs.values()) if module is self.module else args
        return [item.value for item in given if type(item) is TensorProxy]

    def _layer(self, handler: Any, module: Any, args: Any, kwargs: Any) -> Any:
        """A module without parts; one of torch's own that cannot be followed is unknown."""
        builder, mark = self.builder, len(self.builder.steps)
        try:
            result = self._special(handler, module, args, kwargs) if handler else module.forward(*args, **kwargs)
        except Exception as error:  # what torch's own layers do is not ours to foresee
            if isinstance(error, ConvmathError) or not _is_torchs(module):
                raise
            builder.recorder.failure = None
            reason = f"its forward could not be followed: {error}"
            values = self._values(args, kwargs)
            result = self.proxies(builder.unknown(type(module).__name__, reason, module.forward, *values, mark=mark))
        return result

    def _values(self, args: Any, kwargs: Any) -> tuple[tuple[Any, ...], dict[str, Any]]:
        return mapped(tuple(args), self.value), mapped(dict(kwargs), self.value)

    def value(self, item: Any) -> Any:
        """The value of a proxy or of a tensor; anything else as it is."""
        if type(item) is TensorProxy:
            if item.tracer is not self:
                raise self._kept()
            return self.builder.writing.seen(item.value)
        if isinstance(item, torch.Tensor):
            return self.builder.writing.seen(self.builder.parameters.value(item))
        return item

    def proxies(self, result: Any) -> Any:
        """What the forward sees of a result."""
        return mapped(result, lambda item: TensorProxy(item, self) if isinstance(item, Value) else item)


class _Recording(TorchFunctionMode):  # type: ignore[misc]
    """Every function of torch is recorded instead of run, those that make tensors, too."""

    def __init__(self, tracer: ModuleTracer) -> None:
        super().__init__()
        self.tracer = tracer

    def __torch_function__(self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        if self.tracer.builder.suspended:
            return func(*args, **kwargs)
        if not found_in((args, kwargs), TensorProxy):
            name = name_of(func)
            tensors = found_in((args, kwargs), torch.Tensor)
            if getattr(func, "__name__", "") in _METADATA or not (tensors or name in HANDLERS):
                return func(*args, **kwargs) if name in _OF_SIZES else func(*_told(args), **_told(kwargs))
        return self.tracer.call(func, args, kwargs)


def _told(arguments: Any) -> Any:
    """Arguments with numbers for sizes, for code in C."""
    return mapped(arguments, lambda item: told((item,))[0])


def _is_torchs(module: Any) -> bool:
    """Whether it is a layer of torch, or compiled by it."""
    return type(module).__module__.startswith(("torch.nn.", "torch.ao.nn.")) or isinstance(
        module, torch.jit.ScriptModule
    )


def _returned(result: Any) -> list[Value]:
    """The values in what a forward returns: nested in lists, dictionaries, dataclasses and the like."""
    found: list[Value] = []
    waiting, seen = [result], set()
    while waiting:
        item = waiting.pop()
        if type(item) is TensorProxy:
            found.append(item.value)
        elif id(item) not in seen and not isinstance(item, type | torch.nn.Module):
            seen.add(id(item))
            waiting += reversed(_held(item))
    return found


def _held(item: Any) -> list[Any]:
    """What a list, a dictionary or an object holds, also a dataclass with slots."""
    if isinstance(item, list | tuple | Mapping):
        return list(item.values() if isinstance(item, Mapping) else item)
    named = [one.name for one in fields(item)] if is_dataclass(item) else []
    return list({**{name: getattr(item, name, None) for name in named}, **getattr(item, "__dict__", {})}.values())


def _require_tensors(result: Any) -> None:
    """Require that a result in which no tensor was found has none that was not looked for."""
    waiting, seen = [result], set()
    while waiting:
        item = waiting.pop()
        if id(item) in seen:
            continue
        seen.add(id(item))
        if isinstance(item, list | tuple | Mapping):
            waiting += _held(item)
        elif not isinstance(item, _WITHOUT_TENSORS) and type(item) not in STOOD_FOR and not _held(item):
            kind = type(item).__name__
            raise UnsupportedError(f"the forward returns a {kind}, in which no tensor is looked for; return a tuple")
