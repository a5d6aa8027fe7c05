"""A network from a small TOML or YAML file, for people without a framework."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from inspect import Parameter
from os import PathLike, fspath
from pathlib import Path
from types import MappingProxyType
from typing import Any

from ...division import is_symbolic
from ...errors import DomainError, UnsupportedError, unknown
from ..graph import Graph
from ..input_sizes import LARGEST
from ..node import Node
from ..operators import Input, Sizes
from ..symbolic import axes_of, symbol, with_symbols
from .layers import JOINS, LAYERS, SEVERAL, options_of
from .options import count

MOST_BYTES = 2**20


def read(path: str | PathLike[str]) -> Graph:
    """The graph of a TOML or YAML file.

    The file says the sizes of the input without the batch, the channels first, and then the layers::

        input = [1, 28, 28]

        [[layers]]
        op = "conv"
        name = "conv1"
        out_channels = 6
        kernel_size = 5
        padding = 2

        [[layers]]
        op = "relu"

    - ``input``: the sizes; or ``inputs``, a table of names with the sizes of each. Letters stand for sizes that are
      left open, ``[3, "n", "n"]``, as long as no layer has parameters by them. ``batch_size`` is 1 by default.
    - ``layers``: each has an ``op``, may have a ``name`` (by default the op and its number), may say its ``inputs`` (a
      name or a list of names; by default the layer before it, but ``add``, ``concat`` and their like have to say them),
      and has the options of its op, which are those of torch: ``docs/networks.md`` has a table of them. Channels and
      features of an input are never said twice.
    - ``outputs``: the names of the layers that the network returns; by default those that no other reads.

    Args:
        path: a file that ends in ``.toml``, ``.yaml`` or ``.yml``.

    Raises:
        DomainError: the file is no such file; the message names the line or the key.
        UnsupportedError: it is YAML, and PyYAML is not installed.
    Source: [TOML], [YAML].

    >>> from tempfile import TemporaryDirectory
    >>> text = 'input = [1, 28, 28]\\n[[layers]]\\nop = "conv"\\nout_channels = 6\\nkernel_size = 5\\n'
    >>> with TemporaryDirectory() as folder:
    ...     file = Path(folder, "net.toml")
    ...     _ = file.write_text(text)
    ...     net = read(file)
    >>> net.analyze().output.name, net.analyze().output.output_size
    ('conv1', (6, 24, 24))
    """
    suffix = suffix_of(path)
    try:
        with Path(path).open("rb") as file:
            content = file.read(MOST_BYTES + 1)
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or error
        raise DomainError("path", fspath(path), f"the file cannot be read: {why}") from error
    if len(content) > MOST_BYTES:
        raise DomainError("path", fspath(path), f"the file is longer than {MOST_BYTES} bytes")
    if not content.strip():
        raise DomainError("path", fspath(path), "the file is empty")
    try:
        return described(_READERS[suffix](content.decode("utf-8")))
    except UnicodeDecodeError as error:
        raise DomainError("path", fspath(path), f"the file is not encoded as UTF-8: byte {error.start}") from error
    except RecursionError as error:
        raise DomainError("path", fspath(path), "the file is nested too deeply") from error
    except ValueError as error:
        if isinstance(error, DomainError):
            raise
        raise DomainError("path", fspath(path), f"the file cannot be parsed: {error}") from error


def suffix_of(path: Any) -> str:
    """The suffix of the path of a description.

    Raises:
        DomainError: it is no path, or the suffix is another.
    """
    if not isinstance(path, str | PathLike) or not isinstance(fspath(path), str):
        raise DomainError("path", path, "needs the path of a file, which is a text or a Path")
    suffix = Path(path).suffix.lower()
    if suffix not in _READERS:
        raise DomainError("path", fspath(path), f"needs a file that ends in {', '.join(_READERS)}")
    return suffix


def _toml(text: str) -> Any:
    import tomllib

    return tomllib.loads(text)


def _yaml(text: str) -> Any:
    try:
        import yaml
    except ImportError as error:
        raise UnsupportedError("YAML files need PyYAML: pip install 'convmath[yaml]'") from error
    try:
        return _loader(yaml)(text).get_single_data()
    except yaml.YAMLError as error:
        raise ValueError(_yaml_sentence(error)) from error


def _loader(yaml: Any) -> Any:
    """PyYAML's safe loader, but that it would take the last of several equal keys, and whatever aliases stand for."""

    class Loader(yaml.SafeLoader):  # type: ignore[misc]
        def get_single_node(self) -> Any:
            node = super().get_single_node()
            if node is not None and _elements(node, {}) > MOST_BYTES:
                needs = f"aliases make more than {MOST_BYTES} elements of it"
                raise yaml.constructor.ConstructorError(None, None, needs, node.start_mark)
            return node

        def compose_mapping_node(self, anchor: str | None) -> Any:
            node = super().compose_mapping_node(anchor)
            keys: set[tuple[str, str]] = set()
            for key, _ in node.value:
                own = (key.tag, str(key.value))
                if own in keys:
                    raise yaml.constructor.ConstructorError(
                        None, None, f"the key {key.value!r} occurs twice", key.start_mark
                    )
                keys.add(own)
            return node

    return Loader


def _elements(node: Any, counts: dict[Any, int]) -> int:
    """How many there are in a part of a file, with all that its aliases stand for."""
    if node not in counts:
        counts[node] = 1  # for an alias of what it is in
        inside = node.value if isinstance(node.value, list) else ()
        parts = [part for one in inside for part in (one if isinstance(one, tuple) else (one,))]
        counts[node] += sum(_elements(part, counts) for part in parts)
    return counts[node]


_READERS: Mapping[str, Callable[[str], Any]] = MappingProxyType({".toml": _toml, ".yaml": _yaml, ".yml": _yaml})


def _yaml_sentence(error: Any) -> str:
    """What is wrong with YAML, and where, as it is said of TOML."""
    mark = getattr(error, "problem_mark", None)
    if mark is None:
        return " ".join(str(error).split())
    words = ", ".join(filter(None, (error.context, error.problem)))
    return f"{words} (at line {mark.line + 1}, column {mark.column + 1})"


def described(description: Any) -> Graph:
    """The graph of a description in dictionaries and lists, as :func:`read` takes it from a file.

    Raises:
        DomainError: a key is unknown, missing, or has the wrong value.

    >>> net = described({"input": [3, 8, 8], "layers": [{"op": "flatten"}, {"op": "linear", "out_features": 10}]})
    >>> net.analyze().params
    1930
    """
    top = _table(description, "the file", ("input", "inputs", "batch_size", "layers", "outputs"))
    batch = count(top.get("batch_size", 1), "batch_size")
    sizes = {name: with_symbols((batch, *given)) for name, given in _inputs(top)}
    nodes = [Node(name, Input(shape, axes_of(shape))) for name, shape in sizes.items()]
    layers = top.get("layers")
    if not isinstance(layers, list) or not layers:
        raise DomainError("layers", layers, "needs a list of at least one layer")
    before = next(reversed(sizes))
    named = [layer.get("name") for layer in layers if isinstance(layer, dict)]
    for number, layer in enumerate(layers):
        nodes += _nodes(sizes, layer, f"layers[{number}]", before, named)
        before = nodes[-1].name
    return Graph(nodes, _names(top["outputs"], "outputs", sizes) if "outputs" in top else ())


def _inputs(top: Mapping[str, Any]) -> Iterator[tuple[str, Sizes]]:
    if ("input" in top) == ("inputs" in top):
        found = " and ".join(key for key in ("input", "inputs") if key in top)
        raise DomainError("input", found, "the file needs either input or inputs, and not both")
    if "input" in top:
        yield "input", _sizes(top["input"], "input")
        return
    inputs = top["inputs"]
    if not isinstance(inputs, dict) or not inputs:
        raise DomainError("inputs", inputs, "needs a table of names with the sizes of each")
    for name, given in inputs.items():
        yield str(name), _sizes(given, f"inputs.{name}")


def _nodes(sizes: dict[str, Sizes], layer: Any, key: str, before: str, named: Sequence[Any]) -> list[Node]:
    """The nodes of a layer, of which the last has its name; ``named`` are the names that the file says."""
    if not isinstance(layer, dict) or not isinstance(layer.get("op"), str):
        raise DomainError(key, layer, "needs a table with an op, which is a text")
    op = layer["op"]
    if op not in _KNOWN:
        raise _no_operator(op, f"{key}.op")
    own = options_of(op)
    _require_no_layer(layer, key, own)
    _table(layer, key, ("op", "name", *(() if op == "parameter" else ("inputs",)), *own))
    missing = [name for name, one in own.items() if one.default is Parameter.empty and name not in layer]
    if missing:
        raise DomainError(f"{key}.{missing[0]}", None, f"{op} needs it")
    checks = {name: one.annotation.__metadata__[0] for name, one in own.items() if name in layer}
    given = {name: check(layer[name], f"{key}.{name}") for name, check in checks.items()}
    if op in JOINS and "inputs" not in layer:
        raise DomainError(f"{key}.inputs", None, f"{op} needs the names of at least two layers: inputs = ['a', 'b']")
    inputs = _names(layer["inputs"], f"{key}.inputs", sizes, named) if "inputs" in layer else (before,)
    name = layer.get("name", _default_name(op, sizes))
    if not isinstance(name, str) or not name:
        raise DomainError(f"{key}.name", name, "needs a text")
    try:
        read = [sizes[one] for one in inputs]
        made = SEVERAL[op](name, inputs, read, **given) if op in SEVERAL else None
        nodes = made or [Node(name, LAYERS[op](read[0], **given), inputs)]
        for node in nodes:
            if node.name in sizes:
                raise DomainError("name", node.name, "there is a node of this name already")
            sizes[node.name] = sizes_alone(node.operator.sizes(*(sizes[one] for one in node.inputs)))
    except DomainError as error:
        raise DomainError(key, name, str(_as_given(error, layer))) from error
    if parameter := next(filter(None, map(_left_open, nodes)), ""):
        raise DomainError(key, name, f"its {parameter} {_OPEN}")
    if not all(is_symbolic(size) or 1 <= size <= LARGEST for size in sizes[name]):
        raise DomainError(key, name, f"its output would have the sizes {sizes[name]}; each needs 1 <= size < 2**63")
    return nodes


_OPEN = "goes by a size of the input that the file leaves open: give it there as a number, and letters by -i"


def _left_open(node: Node) -> str:
    """The parameter of an operator that goes by the size of an input that is left open; empty if none does."""
    parameters = (
        (name, value if isinstance(value, tuple) else (value,)) for name, value in vars(node.operator).items()
    )
    return next((name for name, values in parameters if any(map(is_symbolic, values))), "")


def sizes_alone(sizes: Sizes) -> Sizes:
    """Sizes with a symbol of its own for each that goes by the size of an input: only whether it does matters here."""
    from ...calculus.index import integers

    return tuple(integers(f"?{number}") if is_symbolic(size) else size for number, size in enumerate(sizes))


def _as_given(error: DomainError, layer: Mapping[str, Any]) -> DomainError:
    """The error about a list of the layer with that list, and not with what was made of it."""
    given = layer.get(error.parameter)
    if not isinstance(given, list) or not isinstance(error.value, tuple):
        return error
    return DomainError(error.parameter, given, error.condition, error.detail, error.axis)


def _require_no_layer(layer: Mapping[str, Any], key: str, own: Iterable[str]) -> None:
    """Raise DomainError where a layer has another as an option, as a convolution its activation."""
    for name, value in layer.items():
        if name in ("op", "name", "inputs", *own) or name not in ("activation", *_KNOWN):
            continue
        other = name if name in _KNOWN else value if isinstance(value, str) and value in _KNOWN else "relu"
        needs = f"is a layer of its own, after this one: [[layers]] with op = {other!r}"
        raise DomainError(f"{key}.{name}", value, needs)


_KNOWN: Mapping[str, Callable[..., Any]] = MappingProxyType({**LAYERS, **SEVERAL})

_ALSO: Mapping[str, str] = MappingProxyType(
    {
        "convolution": "conv",
        **dict.fromkeys(("deconv", "deconvolution", "convtranspose", "upconv"), "conv_transpose"),
        **dict.fromkeys(("maxpool", "pool", "pooling"), "max_pool"),
        **dict.fromkeys(("avgpool", "average_pool", "averagepool"), "avg_pool"),
        **dict.fromkeys(("global_avg_pool", "globalaveragepool", "gap"), "adaptive_avg_pool"),
        **dict.fromkeys(("global_max_pool", "globalmaxpool"), "adaptive_max_pool"),
        **dict.fromkeys(("dense", "fc", "fully_connected", "gemm"), "linear"),
        **dict.fromkeys(("upsample", "upsampling", "interpolate"), "resize"),
        **dict.fromkeys(("cat", "concatenate"), "concat"),
        "batchnorm": "batch_norm",
        "layernorm": "layer_norm",
        "swish": "silu",
        "im2col": "unfold",
        "col2im": "fold",
        "transpose": "permute",
        "view": "reshape",
    }
)
"""What operators are called elsewhere, in small letters."""


def _no_operator(op: str, key: str) -> DomainError:
    """The error about a name that is none of an operator."""
    plain = re.sub("[123]d$", "", op.lower())
    near = plain if plain in _KNOWN else _ALSO.get(plain)
    if near is None:
        return unknown(key, op, _KNOWN, "operator", ", ".join(_KNOWN))
    return DomainError(key, op, f"no operator has this name; did you mean {near}?")


def _default_name(op: str, taken: Mapping[str, Sizes]) -> str:
    number = len(taken)
    while f"{op}{number}" in taken:
        number += 1
    return f"{op}{number}"


# Values


def _table(value: Any, key: str, known: Sequence[str]) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise DomainError(key, value, "needs a table of keys and values")
    for name in value:
        if name not in known:
            near = unknown("key", str(name), known, "key", ", ".join(known))
            raise DomainError("key", name if key == "the file" else f"{key}.{name}", near.condition)
    return value


def _sizes(value: Any, key: str) -> tuple[Any, ...]:
    if not isinstance(value, list) or not 1 <= len(value) <= 8:
        raise DomainError(key, value, "needs a list of 1 to 8 integers, or letters such as 'n'")
    return tuple(_size(one, f"{key}[{number}]") for number, one in enumerate(value))


def _size(value: Any, key: str) -> Any:
    return symbol(value, key) if isinstance(value, str) else count(value, key)


def _names(value: Any, key: str, known: Mapping[str, Sizes], named: Sequence[Any] = ()) -> tuple[str, ...]:
    names = [value] if isinstance(value, str) else value
    if not isinstance(names, list) or not names or not all(isinstance(name, str) for name in names):
        raise DomainError(key, value, "needs a name or a list of names")
    for name in names:
        if name not in known and name in named:
            needs = "the layer of this name is not before it; a layer reads those before it, as a network has no cycle"
            raise DomainError(key, name, needs)
        if name not in known:
            raise unknown(key, name, known, "layer before it", ", ".join(known))
    return tuple(names)
