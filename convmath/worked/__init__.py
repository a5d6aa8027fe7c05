"""Worked examples: a layer, a gradient or a matrix with numbers, calculated step by step and exactly.

Each calculation takes nested lists or arrays of ints, Fractions or floats (a float stands for the shortest decimal that
is rounded to it, as Python prints it), computes by the loops of :mod:`convmath.oracle.reference`, and refuses to show
products that do not come to its result.

>>> print(render(Conv([[[3, 2, 0]]], [[[[1, -1]]]])))  # doctest: +ELLIPSIS
A convolution step by step
==========================
...
y[0, 1]: the window covers row 0, columns 1, 2 of X.
    [ 2  0 ] ⊙ [ 1  -1 ] = [ 2  0 ]
    y[0, 1] = 2·1 + 0·(-1) = 2 + 0 = 2
...
"""

from __future__ import annotations

from .calculation import Calculation
from .conv import Conv
from .examples import Example, example, examples
from .grad import Gradients
from .learn import Learning, learn_kernel
from .matrix import Matrix
from .network import Convolution, Dense, Network, Pooling
from .pool import Pool
from .render import render
from .sizes import Size
from .transpose import ConvTranspose

__all__ = [
    "Calculation",
    "Conv",
    "ConvTranspose",
    "Convolution",
    "Dense",
    "Example",
    "Gradients",
    "Learning",
    "Matrix",
    "Network",
    "Pool",
    "Pooling",
    "Size",
    "example",
    "examples",
    "learn_kernel",
    "render",
]
