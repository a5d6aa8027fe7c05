"""What counts as an operation: named conventions, among them those of the tools that people compare with.

Each tool is reproduced at a version, as it counts there; where that contradicts what its documentation says, ``why``
says so. What a tool counts depends on which modules and functions were called, which torch's importer notes; of a
network that names none, as one from ONNX, every layer is taken for torch's module of its kind. Where what a tool would
count is not known, the node is missing in the total, which is then partial: its rule gives None.

Two tools watch calls of modules (torchinfo, thop), one those of modules and of functions (ptflops), two the operators
of torch that a run comes to (fvcore, FlopCounterMode).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from ...errors import DomainError
from ..row import Row
from .flop_counter import flop_counter, flop_counter_backward
from .fvcore import fvcore
from .ptflops import ptflops
from .thop import thop
from .torchinfo import torchinfo

Count = Callable[[Row], Any]


@dataclass(frozen=True)
class Convention:
    """A way to count operations.

    Attributes:
        name: what it is called.
        why: what it counts and why its number differs from others, in a sentence.
        forward: the operations of a node that is understood; None where they are not known.
        backward: those of its gradients; None where the convention says nothing of them.
        version: the version of the tool whose numbers it reproduces; empty if it is none's.

    >>> [name for name, one in CONVENTIONS.items() if one.backward is not None]
    ['mac', '2mac', 'flop_counter']
    """

    name: str
    why: str
    forward: Count
    backward: Count | None = None
    version: str = ""


def flops(convention: str, *, backward: bool = False) -> Count:
    """The operations of a row by a convention, to be summed by :meth:`NetworkReport.total`; None where not known.

    Raises:
        DomainError: the convention is unknown, or says nothing of the gradients.

    >>> from convmath.network import Graph
    >>> from convmath.network.operators import Conv
    >>> net = Graph()
    >>> _ = net.add("conv", Conv(3, 8, (3, 3)), net.input((3, 8, 8)))
    >>> [net.analyze().total(flops(name)).value for name in ("mac", "2mac", "exact", "torchinfo")]
    [7776, 15552, 15552, 8064]
    """
    if convention not in CONVENTIONS:
        raise DomainError("convention", convention, f"needs one of {', '.join(CONVENTIONS)}")
    found = CONVENTIONS[convention]
    if not backward:
        return lambda row: None if row.reason else found.forward(row)
    if found.backward is None:
        able = ", ".join(name for name, one in CONVENTIONS.items() if one.backward)
        raise DomainError("convention", convention, f"says nothing of the gradients; needs one of {able}")
    rule = found.backward
    return lambda row: None if row.backward_macs is None else rule(row)


def _exact(row: Row) -> Any:
    work = row.work
    return None if work.other is None else 2 * work.macs - work.sums + work.bias + work.other


CONVENTIONS: Mapping[str, Convention] = {
    one.name: one
    for one in (
        Convention(
            "mac",
            "One for each multiply-accumulate of convolutions, dense layers and matrix products, of more than two "
            "factors from left to right; nothing else.",
            lambda row: row.work.macs,
            lambda row: row.backward_macs,
        ),
        Convention(
            "2mac",
            "Two for each multiply-accumulate, a multiplication and an addition; nothing else.",
            lambda row: 2 * row.work.macs,
            lambda row: 2 * row.backward_macs,
        ),
        Convention(
            "exact",
            "Every multiplication, addition, comparison, division and function value of the definition: a sum of K "
            "products has K multiplications and K - 1 additions, taps in the padding included, and a bias one addition "
            "more. An activation is one function value for each element, a combination of n tensors n - 1 operations; "
            "running statistics are a factor and a term for each element; to bring n elements in order takes n "
            "comparisons for each time that n can be halved.",
            _exact,
        ),
        Convention(
            "torchinfo",
            "Multiply-adds of calls of modules without parts, by their own parameters: weight and bias of a module "
            "with Conv in the name of its type times the batch and the positions of the output, so that a bias counts "
            "as a multiply-add and a transposed convolution is counted at its output; those of any other module times "
            "the batch, so that a dense layer on a sequence counts once; parameters with weight or bias in a longer "
            "name, as those of recurrent layers, times the first two sizes of the output. Functions, products of "
            "matrices and multi-head attention count nothing.",
            torchinfo,
            version="1.8.0",
        ),
        Convention(
            "thop",
            "Multiply-adds without biases of calls of torch's own modules: convolutions, transposed ones counted at "
            "their output, dense and recurrent layers, the latter with biases and functions of their cells; and "
            "operations: for each element 4 for normalisation of batches, instances and layers with parameters and 2 "
            "without, 1 for average pooling, the size of the window and 1 for adaptive average pooling, 1 for PReLU, "
            "3 for softmax less 1 for each sum, and 1, 5, 11 or 259 for nearest, linear, bilinear or bicubic "
            "upsampling. Other modules, as ReLU, maximum pooling, group normalisation and multi-head attention, types "
            "derived from torch's, functions and sums count nothing; a module that is a part of n others counts n^2 "
            "times.",
            thop,
            version="0.1.1.post2209072238",
        ),
        Convention(
            "fvcore",
            "One, though it says FLOPs, for each multiply-accumulate of the operators that torch.jit.trace records on "
            "the way to the result: convolutions, dense layers and products of matrices, whoever calls them; and "
            "operations: for each element 2 for normalisation of batches by running statistics and 5 for any other (1 "
            "and 4 without parameters), and in two dimensions 1 of the input for adaptive average pooling, 1 for "
            "nearest and 4 for bilinear upsampling. Biases, other pooling, activations, sums, recurrent layers, "
            "attention in one function, baddbmm, and convolutions whose padding is named (same, valid) count nothing; "
            "of einsum it takes half of NumPy's count, rounded to four digits.",
            fvcore,
            version="0.1.5.post20221221",
        ),
        Convention(
            "ptflops",
            "Calls of torch's own modules: multiply-adds with biases of convolutions and dense layers, recurrent "
            "layers, multi-head attention, and for each element 1 for ReLU, PReLU, ELU, GELU, LeakyReLU, ReLU6, "
            "pooling (of the input), layer normalisation and upsampling (of one image alone), and 2 for other "
            "normalisation with parameters, 1 without; and calls of functions, in modules too: 1 for each element of "
            "relu, prelu, elu, relu6, gelu, silu, softmax, interpolate and pooling in torch.nn.functional, and of "
            "torch's mul, add, matmul, mm, bmm, addmm and methods of these names, and baddbmm, what they take. So a "
            "module such as ReLU or a pooling layer counts twice, as a module and by the function that it calls, and "
            "the operators +, * and @, other functions, and functions that a module keeps from before count nothing; "
            "a module that is a part of n others counts n times. The batch is the one that is analysed, where ptflops "
            "takes one image by default; where torch.export had to read the network, which functions it called is not "
            "known.",
            ptflops,
            version="0.7.5",
        ),
        Convention(
            "flop_counter",
            "torch.utils.flop_counter.FlopCounterMode: two for each multiply-accumulate of convolutions, dense layers "
            "and products of matrices, nothing else; products whose second factor is a vector count "
            "nothing. Attention in one function "
            "is counted as on a GPU, backward with its weights computed once more; on a CPU torch computes it by an "
            "operator that is not counted. Recurrent layers are missing, as they count or do not by the device; "
            "of their cells, called by themselves, those forward are counted. Einsum of more than two factors is "
            "missing, as torch takes their order from opt_einsum where that is installed. "
            "Backward, the gradient of a grouped convolution's weight is counted as if there were no groups; what "
            "torch.utils.checkpoint computes once more is not counted.",
            flop_counter,
            flop_counter_backward,
            version="2.13.0",
        ),
    )
}
"""Every convention by its name."""
