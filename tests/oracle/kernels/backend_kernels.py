"""A backend that claims more than it computes."""

import os
import time

import numpy as np

from convmath.oracle import exact
from convmath.oracle.backends import Backend, Operator

RULE = "https://numpy.org/doc/stable/"


class Broken(Backend):
    """Ignores dilation, ends its process for a bias, hangs on excluded padding, and raises with ceil_mode."""

    name = "broken"
    extra = "oracle"
    packages = ("numpy",)
    modules = ("numpy",)
    operators = {  # noqa: RUF012
        "conv": (Operator("conv", RULE, lacks={"groups": "has no groups"}),),
        "conv_transpose": (Operator("conv_transpose", RULE),),
        "max_pool": (Operator("max_pool", RULE, ndims=(2,)),),
        "avg_pool": (Operator("avg_pool", RULE, lacks={"divisor_override": "has no divisor_override"}),),
    }

    def _import(self):
        """Nothing beyond NumPy."""

    def _conv(self, x, w, bias, options):
        return exact.conv_forward(x, w, bias, stride=options.stride, padding=options.padding).astype(x.dtype)

    def _conv_transpose(self, x, w, bias, options):
        if bias is not None:
            os.abort()
        return np.asarray(
            exact.conv_transpose_forward(
                x,
                w,
                stride=options.stride,
                padding=options.padding,
                dilation=options.dilation,
                groups=options.groups,
                output_padding=options.output_padding,
            ),
            x.dtype,
        )

    def _max_pool(self, x, options):
        if options.ceil_mode:
            raise ValueError("no ceil_mode")
        return exact.max_pool(
            x,
            kernel_size=options.kernel_size,
            stride=options.stride,
            padding=options.padding,
            dilation=options.dilation,
        ).astype(x.dtype)

    def _avg_pool(self, x, options):
        if not options.count_include_pad:
            time.sleep(60)
        return exact.avg_pool(
            x,
            kernel_size=options.kernel_size,
            stride=options.stride,
            padding=options.padding,
            ceil_mode=options.ceil_mode,
        ).astype(x.dtype)
