"""What people test such kernels with today, each method run on the same kernels."""

from __future__ import annotations

from . import gradient_check, node_tests, sample_inputs

PEERS = {
    "OpInfo samples": sample_inputs.caught,
    "gradcheck": gradient_check.caught,
    "ONNX node tests": node_tests.caught,
}
"""By name: whether the method notices a kernel of a kind and a number of axes; None where it does not apply."""
