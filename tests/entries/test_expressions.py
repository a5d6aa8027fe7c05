"""The last statement of an entry with a helper is the titled formula: its SymPy object gives what the helper gives."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

import pytest
import sympy
from hypothesis.strategies import SearchStrategy

import convmath as cm
from convmath import catalog
from convmath.calculus.evaluate import Model
from convmath.calculus.export import to_sympy
from convmath.calculus.plain import statement

from .cases import Axis, stacks
from .claims import caught, for_all
from .examples import example_model
from .fields import fields
from .sizes import (
    ODD,
    bare_axes,
    conv_model,
    least_padding,
    long_axes,
    long_transposed,
    pools,
    preimage_model,
    same_model,
    stack_model,
    transposed_model,
    wide_axes,
)

Numbers = Mapping[str, int]


@dataclass(frozen=True)
class Titled:
    """Models of an entry's hypotheses, and what its helper gives in one."""

    models: SearchStrategy[Model]
    helper: Callable[[Model], int]


def of_numbers(helper: Callable[[Numbers], int]) -> Callable[[Model], int]:
    """A helper of the symbols' values."""
    return lambda model: helper(model.variables)


def options(v: Numbers) -> dict[str, Any]:
    """Stride, padding on both sides and dilation."""
    return {"stride": v["s"], "padding": (v["p_l"], v["p_r"]), "dilation": v["d"]}


def layers(model: Model, *names: str) -> list[list[int]]:
    """The entries of sequences, layer by layer."""
    return [[model.entry(("at", name, (layer,))) for name in names] for layer in range(1, model.variables["L"] + 1)]


def composed(model: Model) -> int:
    """The size after a stack, layer by layer."""
    size = model.variables["n"]
    for k, s, d, p, q in layers(model, "k", "s", "d", "p", "q"):
        size = cm.conv_output_size(size, k, stride=s, dilation=d, padding=(p, q))
    return size


def field(attribute: str) -> Callable[[Model], int]:
    """A part of the receptive field of a stack."""

    def helper(model: Model) -> int:
        windows = [cm.Window(k, stride=s, dilation=d, padding=p) for k, s, d, p in layers(model, "k", "s", "d", "p")]
        return getattr(cm.receptive_field(windows), attribute)

    return helper


def recovering(v: Numbers) -> int:
    """The output padding back to n from the size that the convolution gives."""
    size = cm.conv_output_size(v["n"], v["k"], **options(v))
    return cm.conv_transpose_output_padding(size, v["n"], v["k"], **options(v))


def same_models() -> SearchStrategy[Model]:
    """The least padding, more of it on the right."""

    def shared(axis: Axis) -> Model:
        total = least_padding(axis)
        return same_model(axis, total, total // 3)

    return wide_axes().map(shared)


def stack_models() -> SearchStrategy[Model]:
    return stacks().map(lambda stack: stack_model(stack).extended({"L": len(stack.layers)}))


def field_models() -> SearchStrategy[Model]:
    return fields().map(lambda one: one.model().extended({"L": one.depth, "o": one.position}))


TITLED = {
    "size.conv": Titled(
        wide_axes().map(conv_model), of_numbers(lambda v: cm.conv_output_size(v["n"], v["k"], **options(v)))
    ),
    "size.valid": Titled(
        bare_axes().map(conv_model), of_numbers(lambda v: cm.conv_output_size(v["n"], v["k"], padding="valid"))
    ),
    "size.same_odd": Titled(
        ODD.map(lambda case: case.model()),
        of_numbers(lambda v: cm.conv_output_size(v["n"], 2 * v["h"] + 1, padding=v["d"] * v["h"], dilation=v["d"])),
    ),
    "size.full": Titled(
        wide_axes().map(conv_model),
        of_numbers(lambda v: cm.conv_output_size(v["n"], v["k"], padding="full", dilation=v["d"])),
    ),
    "size.same": Titled(
        same_models(),
        of_numbers(lambda v: cm.conv_output_size(v["n"], v["k"], stride=v["s"], padding="same_lower", dilation=v["d"])),
    ),
    "size.pool_ceil": Titled(
        pools().map(conv_model),
        of_numbers(lambda v: cm.pool_output_size(v["n"], v["k"], ceil_mode=True, **options(v))),
    ),
    "size.conv_transpose": Titled(
        long_transposed().map(transposed_model),
        of_numbers(lambda v: cm.conv_transpose_output_size(v["n"], v["k"], output_padding=v["a"], **options(v))),
    ),
    "size.conv_transpose.recovers": Titled(long_axes().map(conv_model), of_numbers(recovering)),
    "size.compose": Titled(stack_models(), composed),
    "receptive.size": Titled(field_models(), field("size")),
    "receptive.start": Titled(field_models(), field("padding")),
    "receptive.stride": Titled(field_models(), field("stride")),
}
SETS = {"size.preimage"}
"""Entries whose helper gives a set of numbers."""
COUNTS = {entry.id for entry in catalog.entries() if entry.id.startswith(("cost.", "sparse."))}
"""Entries that count: the helper is held against counted loops, and the statement against both."""
RUNS = {"receptive.backwards"}
"""Entries about several positions at once, held against the helper's field."""


def test_every_entry_with_a_helper_is_held_against_it():
    assert {*TITLED, *SETS, *COUNTS, *RUNS} == {entry.id for entry in catalog.entries() if entry.helper}


@cache
def formula(identifier: str) -> sympy.Expr:
    """The right side of the equation in the entry's SymPy object."""
    equation = catalog.entry(identifier).expr
    assert isinstance(equation, sympy.Eq), f"{identifier} ends with {equation}"
    return equation.rhs


def parameters(expression: sympy.Expr) -> set[sympy.Symbol]:
    """The symbols outside the entries of sequences, which have symbols for names and indices."""
    return expression.replace(lambda part: isinstance(part, sympy.Indexed), lambda _: sympy.Integer(1)).free_symbols


def evaluated(expression: sympy.Expr, model: Model) -> sympy.Expr:
    """At the numbers of a model: first the symbols, then the entries of sequences, whose indices are then numbers."""
    numbers = {v: model.variables[v.name] for v in expression.atoms(sympy.Symbol) if v.name in model.variables}
    plain = expression.subs(numbers).doit()
    return plain.replace(
        lambda part: isinstance(part, sympy.Indexed),
        lambda part: sympy.Integer(model.entry(("at", str(part.base.label), tuple(map(int, part.indices))))),
    )


def formula_differences(expression: sympy.Expr, titled: Titled, model: Model) -> list[str]:
    found, said = evaluated(expression, model), titled.helper(model)
    return [] if found == said else [f"{expression} is {found} at {model.variables}, the helper gives {said}"]


@pytest.mark.parametrize("identifier", TITLED)
def test_the_formula_of_the_entry_is_what_the_helper_gives(identifier):
    titled = TITLED[identifier]
    for_all(titled.models, lambda model: formula_differences(formula(identifier), titled, model), share=0.3)


@pytest.mark.parametrize("identifier", TITLED)
def test_the_formula_at_the_example_is_what_the_helper_gives(identifier):
    proof, theorem = catalog.entry(identifier).proof(), catalog.entry(identifier).theorem
    hypotheses = [hypothesis.json() for hypothesis in theorem.hypotheses]
    model = example_model(proof, hypotheses, statement(theorem.conclusion.json()))
    assert not formula_differences(formula(identifier), TITLED[identifier], model)


@pytest.mark.parametrize("identifier", [identifier for identifier in TITLED if identifier.startswith("size.")])
def test_a_formula_with_a_parameter_that_is_one_too_large_is_caught(identifier):
    titled, right = TITLED[identifier], formula(identifier)
    for symbol in sorted(parameters(right), key=str):
        wrong = right.xreplace({symbol: symbol + 1})
        caught(titled.models, lambda model, wrong=wrong: formula_differences(wrong, titled, model))


WRONG_RIGHT_SIDES = ["conv", "valid", "full", "same", "pool_ceil", "conv_transpose.recovers"]


@pytest.mark.parametrize(
    "identifier",
    [*(f"size.{name}" for name in WRONG_RIGHT_SIDES), "receptive.size", "receptive.start", "receptive.stride"],
)
def test_the_formula_of_the_mistake_is_caught(identifier):
    wrong, titled = to_sympy(catalog.entry(identifier).proof().mistake.claim).rhs, TITLED[identifier]
    caught(titled.models, lambda model: formula_differences(wrong, titled, model))


def between() -> sympy.Basic:
    """The bounds in the SymPy object of ``size.preimage``: 1 <= n implies size == o <=> bounds."""
    one, equivalence = catalog.entry("size.preimage").expr.args
    assert one == sympy.Le(1, sympy.Symbol("n", integer=True), evaluate=False)
    (bounds,) = (part for part in equivalence.args if isinstance(part, sympy.And))
    return bounds


def set_differences(bounds: sympy.Basic, axis: Axis) -> list[str]:
    v = preimage_model(axis).variables
    helper = list(cm.conv_input_sizes(v["o"], v["k"], **options(v)))
    at = bounds.subs({symbol: v[symbol.name] for symbol in bounds.free_symbols if symbol.name != "n"})
    (n,) = at.free_symbols
    inputs = [size for size in range(1, axis.n + 2 * axis.s + 1) if at.subs(n, size) == sympy.true]
    return [] if inputs == helper else [f"{axis}: {bounds} hold for {inputs}, the helper gives {helper}"]


def test_the_bounds_of_the_input_sizes_are_what_the_helper_gives():
    for_all(long_axes(), lambda axis: set_differences(between(), axis), share=0.3)


@pytest.mark.parametrize("name", ["k", "s", "d", "p_l", "p_r", "o"])
def test_bounds_with_a_parameter_that_is_one_too_large_are_caught(name):
    (symbol,) = (v for v in between().free_symbols if v.name == name)
    caught(long_axes(), lambda axis: set_differences(between().xreplace({symbol: symbol + 1}), axis))
