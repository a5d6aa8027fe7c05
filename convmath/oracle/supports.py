"""What a function under test claims to do, and how it is called accordingly."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from ..errors import DomainError, unknown
from .conv_case import ConvCase
from .features import CONV_FEATURES, POOL_FEATURES
from .pool_case import PoolCase

CONV_KEYWORDS = {
    "asymmetric_padding": None,
    "batch": None,
    "bias": "bias",
    "dilation": "dilation",
    "groups": "groups",
    "negative_padding": None,
    "output_padding": "output_padding",
    "padding": "padding",
    "stride": "stride",
}
"""Each option of a convolution that can be turned off, and the keyword that then need not be there."""

POOL_KEYWORDS = {
    "asymmetric_padding": None,
    "batch": None,
    "ceil_mode": "ceil_mode",
    "dilated_average": None,
    "dilation": "dilation",
    "divisor_override": "divisor_override",
    "exclude_pad": "count_include_pad",
    "padding": "padding",
    "stride": "stride",
}
_OFF = frozenset({"negative_padding", "dilated_average"})  # unless turned on


def options_of(kind: str) -> Mapping[str, str | None]:
    """The options of a kind that can be turned off or on, and the keyword of each."""
    return CONV_KEYWORDS if kind in ConvCase.kinds else POOL_KEYWORDS


_CONV_NEEDS = {
    "asymmetric_padding": {"padding", "asymmetric_padding"},
    "depthwise": {"groups"},
    "kernel_below_stride": {"stride"},
    "padding_above_kernel": {"padding"},
    "partial_groups": {"groups"},
    "stride_groups_dilation": {"stride", "groups", "dilation"},
    "uncovered_tail": {"stride"},
}
_POOL_NEEDS = {
    "asymmetric_padding": {"padding", "asymmetric_padding"},
    "kernel_below_stride": {"stride"},
    "overhang": {"ceil_mode"},
    "overlap": {"stride"},
    "skipped_window": {"ceil_mode", "padding"},
    "stride": set[str](),
}


@dataclass(frozen=True)
class Supports:
    """The options that cases of a kind may use.

    An option that is turned off always has its neutral value. It is passed all the same if the function takes it: one
    without groups need not have such a parameter. Without asymmetric padding, padding is one int per axis.

    >>> "groups" in Supports.of("conv", {"groups": False}).allowed
    False
    """

    kind: str
    allowed: frozenset[str]

    @classmethod
    def of(cls, kind: str, given: Mapping[str, bool] | None) -> Supports:
        """All options but negative_padding and dilated_average, and those that are turned on or off."""
        keywords = options_of(kind)
        given = {} if given is None else given
        for name, value in given.items():
            if name not in keywords:
                raise unknown("supports", name, keywords, f"option of {kind}", ", ".join(keywords))
            if not isinstance(value, bool):
                raise DomainError("supports", {name: value}, "needs True or False for each name")
        return cls(kind, frozenset(name for name in keywords if given.get(name, name not in _OFF)))

    @property
    def optional(self) -> list[str]:
        """Keywords whose options are turned off; ``bias`` is the third argument."""
        keywords = options_of(self.kind)
        return [keyword for name, keyword in keywords.items() if keyword is not None and name not in self.allowed]

    @property
    def changes(self) -> list[tuple[str, str]]:
        """What is turned off or on other than by default, as ("no-", name) or ("", name)."""
        keywords = options_of(self.kind)
        usual = {name for name in keywords if name not in _OFF}
        off, on = sorted(usual - self.allowed), sorted(self.allowed - usual)
        return [*(("no-", name) for name in off), *(("", name) for name in on)]

    @property
    def _plain_average(self) -> bool:
        return self.kind.startswith("avg_pool") and "dilated_average" not in self.allowed

    def features(self, ndim: int) -> list[str]:
        """The features that a case can have."""
        names = CONV_FEATURES if self.kind in ConvCase.kinds else POOL_FEATURES
        return [name for name in names if self._possible(name, ndim)]

    def _possible(self, feature: str, ndim: int) -> bool:
        if self.kind == "grad_bias":
            return feature == "batch" and "batch" in self.allowed
        needs, keywords = (_CONV_NEEDS, CONV_KEYWORDS) if self.kind in ConvCase.kinds else (_POOL_NEEDS, POOL_KEYWORDS)
        impossible = {
            "unequal_axes": ndim == 1,
            "bias": self.kind not in ("conv", "conv_transpose"),
            "output_padding": self.kind != "conv_transpose",
            "uncovered_tail": self.kind == "conv_transpose",
            "exclude_pad": not self.kind.startswith("avg_pool"),
            "divisor_override": not self.kind.startswith("avg_pool"),
            "dilation": self._plain_average,
        }
        needed = needs.get(feature, {feature} & set(keywords))
        return needed <= self.allowed and not impossible.get(feature, False)

    def require(self, case: ConvCase | PoolCase) -> None:
        """Raise DomainError if a case uses what is turned off."""
        used = {name for name in case.features if name not in self.features(case.ndim)}
        if isinstance(case, PoolCase) and "stride" not in self.allowed and case.stride != case.kernel_size:
            used.add("stride")
        if self.kind != "grad_bias" and used:
            raise DomainError("case", str(case), f"needs {', '.join(sorted(used))}, which supports turns off")

    def admit(self, case: ConvCase | PoolCase) -> bool:
        """Whether a case uses nothing that is turned off."""
        try:
            self.require(case)
        except DomainError:
            return False
        return True

    def call(
        self, arguments: tuple[Any, ...], options: Mapping[str, Any], left_out: Iterable[str]
    ) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """The arguments and keywords as the function takes them."""
        dropped = {*left_out, *(["dilation"] if self._plain_average else [])}
        if "bias" in dropped and self.kind in ("conv", "conv_transpose"):
            arguments = arguments[:2]
        passed = {name: value for name, value in options.items() if name not in dropped}
        if "padding" in passed and "asymmetric_padding" not in self.allowed:
            passed["padding"] = tuple(lo for lo, _ in passed["padding"])
        return arguments, passed
