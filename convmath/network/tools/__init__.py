"""What the tools count, each as it is at the version that its convention names.

Two watch calls of modules (torchinfo, thop), one those of modules and of functions (ptflops), two the operators of
torch that a run comes to (fvcore, FlopCounterMode). A rule gives None where what its tool would count is not known.
"""

from .flop_counter import flop_counter, flop_counter_backward
from .fvcore import fvcore
from .ptflops import ptflops
from .thop import thop
from .torchinfo import torchinfo

__all__ = ["flop_counter", "flop_counter_backward", "fvcore", "ptflops", "thop", "torchinfo"]
