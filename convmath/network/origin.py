"""Where a node comes from: the function that was called, and the module that called it.

What tools count depends on it, as most of them watch calls: of modules, of functions, or of torch's own operators.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from .operators import (
    Activation,
    AdaptivePool,
    Attention,
    Combine,
    Conv,
    ConvTranspose,
    Embedding,
    Linear,
    LocalResponseNorm,
    MatMul,
    Norm,
    Operator,
    PixelShuffle,
    Pool,
    Recurrent,
    Resize,
    Sizes,
    Softmax,
)

VECTOR = "torch.mv"
"""The function of every product whose second factor is a vector, whichever was called, as of ``dot``."""

CHAIN = "torch.einsum.chain"
"""The function of each of several sums of products that torch takes in an order of its own."""

SCALES, RESCALED = "functional.interpolate.scales", "functional.interpolate.rescaled"
"""The functions of an interpolation by several scales that are no whole numbers, and by scales that are not kept."""

OPTIONS = (
    *("in_channels", "out_channels", "kernel_size", "groups", "in_features", "affine", "elementwise_affine", "dim"),
    *("num_heads", "batch_first"),
)
"""What tools read of modules; ``bias`` is whether there is one, ``masked`` whether parameters are pruned by a mask."""


@dataclass(frozen=True, slots=True)
class Call:
    """A call of a module, as a hook of its forward sees it.

    Attributes:
        kind: the type of the module: ``"torch.nn.Conv2d"``, or the full name of a class that is not torch's.
        inputs: the names of the nodes that it is given by position; None for a tensor that no node makes.
        parameters: the sizes of its own parameters, by name.
        leaf: whether it has no modules in it.
        visits: how often a walk over the network comes by it: once for each module that it is a part of.
        options: its attributes of the names in ``OPTIONS``, as far as it has them.

    >>> Call("torch.nn.Linear", ("image",), {"weight": (4, 10), "bias": (4,)}).parameters["weight"]
    (4, 10)
    """

    kind: str
    inputs: tuple[Any, ...]
    parameters: Mapping[str, Sizes] = field(default_factory=dict)
    leaf: bool = True
    visits: int = 1
    options: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a node comes from.

    Attributes:
        function: the function that was called, by where it is found and its name: ``"functional.relu"``,
            ``"torch.relu"``, ``"Tensor.relu"``, ``"operator.add"``, or ``"aten.relu"`` where only the operator that it
            came to is known; empty if nothing is.
        module: the type of the innermost module in whose forward it was called; empty if it is not known.
        held: whether it was called by a name that the module, or its file, has for it, and not looked up in torch; None
            if that may be.
        used: whether what the network returns depends on the node.
        call: the call of that module, at the node that is its first result.
        drops: whether dropout drops in evaluation, too, as a function does that is told so whatever the mode is.
        cast: whether it was called within ``torch.autocast``, which chooses the types.
        custom: the class of ``torch.autograd.Function`` in whose forward it was called, which computes the gradients in
            a way of its own, or of several in one of which it may have been; empty if in none.

    >>> from convmath.network.operators import Conv
    >>> usual(Conv(3, 8, (3, 3)), (1, 8, 7, 7)).module
    'torch.nn.Conv2d'
    """

    function: str = ""
    module: str = ""
    held: bool | None = False
    used: bool = True
    call: Call | None = None
    drops: bool = False
    cast: bool = False
    custom: str = ""

    @property
    def name(self) -> str:
        """The name of the function alone.

        >>> Origin("functional.relu").name
        'relu'
        """
        return self.function.rpartition(".")[2]


_MODULES = {
    "relu": "ReLU",
    "relu6": "ReLU6",
    "leaky_relu": "LeakyReLU",
    "prelu": "PReLU",
    "elu": "ELU",
    "gelu": "GELU",
    "batch_norm": "BatchNorm{}d",
    "instance_norm": "InstanceNorm{}d",
    "group_norm": "GroupNorm",
    "layer_norm": "LayerNorm",
    "rms_norm": "RMSNorm",
    "max": "MaxPool{}d",
    "avg": "AvgPool{}d",
}
"""The module of torch that computes a function; ``{}`` stands for the number of spatial axes."""


def usual(operator: Operator, output: Sizes | None) -> Origin:
    """Where a node comes from that no framework made: a module of torch of its own, where torch has one for it.

    >>> from convmath.network.operators import Conv
    >>> usual(Conv(3, 8, (3, 3)), (1, 8, 7, 7)).call.kind
    'torch.nn.Conv2d'
    """
    function, module = _usual(operator, max(1, len(output or ()) - 2))
    if not module:
        return Origin(function)
    kind = f"torch.nn.{module}"
    return Origin(function, kind, call=Call(kind, (), _parameters(operator), options=_options(operator)))


def _usual(operator: Operator, axes: int) -> tuple[str, str]:
    """The function and the module for an operator; empty for a module where torch has none."""
    match operator:
        case Conv() | ConvTranspose():
            transposed = "Transpose" if isinstance(operator, ConvTranspose) else ""
            return f"functional.{operator.kind}", f"Conv{transposed}{axes}d"
        case Linear():
            return "functional.linear", "Linear"
        case MatMul():
            return "torch.matmul", ""
        case Attention():
            return "functional.scaled_dot_product_attention", ""
        case Combine(name=name):
            return f"operator.{name}", ""
        case Activation(name="relu6"):
            return "functional.hardtanh", "ReLU6"
        case Activation(name=name) | Norm(name=name):
            return f"functional.{name}", _MODULES.get(name, "").format(axes)
        case LocalResponseNorm():
            return "functional.local_response_norm", "LocalResponseNorm"
        case Recurrent(cell=cell):
            return f"torch.{'rnn_tanh' if cell == 'rnn' else cell}", cell.upper()
        case Embedding():
            return "functional.embedding", "Embedding"
        case Pool(how="lp"):
            return f"functional.{operator.kind}", f"LPPool{axes}d"
        case Pool(how=how):
            return f"functional.{operator.kind}", _MODULES[how].format(axes)
        case AdaptivePool(how="max" | "avg" as how):
            return f"functional.{operator.kind}", f"Adaptive{_MODULES[how]}".format(axes)
        case Softmax():
            return "functional.softmax", "Softmax"
        case Resize():
            return "functional.interpolate", "Upsample"
        case PixelShuffle():
            return "functional.pixel_shuffle", "PixelShuffle"
    return "", ""


def _options(operator: Operator) -> dict[str, Any]:
    """The attributes that torch's module for an operator has."""
    match operator:
        case Conv() | ConvTranspose():
            names = ("in_channels", "out_channels", "kernel_size", "groups", "bias")
            return {name: getattr(operator, name) for name in names}
        case Linear():
            return {"in_features": operator.in_features, "bias": operator.bias}
        case Norm():
            return {"affine": operator.parameters > 0}
        case Softmax(dim=dim):
            return {"dim": dim}
    return {}


def _parameters(operator: Operator) -> dict[str, Sizes]:
    """The sizes of the parameters that torch's module for an operator has."""
    match operator:
        case Conv():
            weight = (operator.out_channels, operator.in_channels // operator.groups, *operator.kernel_size)
            return {"weight": weight} | ({"bias": weight[:1]} if operator.bias else {})
        case ConvTranspose():
            each = operator.out_channels // operator.groups
            weight = (operator.in_channels, each, *operator.kernel_size)
            return {"weight": weight} | ({"bias": (operator.out_channels,)} if operator.bias else {})
        case Linear():
            weight = (operator.out_features, operator.in_features)
            return {"weight": weight} | ({"bias": weight[:1]} if operator.bias else {})
        case Embedding():
            return {"weight": (operator.rows, operator.features)}
        case Recurrent():
            return operator.weights
        case Norm(parameters=count) | Activation(parameters=count) if count:
            return {"weight": (count,)}
    return {}
