"""Networks that pad or crop to multiples, in all the ways in which people write it, against torch at many sizes."""

from __future__ import annotations

import math

import pytest
from torch.nn import functional as F  # noqa: N812 - torch's own habit

from convmath import network
from convmath.calculus.index import eq, integers
from convmath.inert import CeilDiv, FloorDiv, Mod
from convmath.network.closed_form.laws import proved, step
from convmath.network.closed_form.sets import SizeSet
from convmath.network.closed_form.ways import equal_on

from .computing import Function, UNet, checked

n, x = integers("n x")
UP, DOWN = "32*ceil(n/32)", "32*floor(n/32)"


def to(x, height: int, width: int):
    """The image with zeros below and at the right, of that size."""
    return F.pad(x, (0, width - x.shape[3], 0, height - x.shape[2]))


def centred(x):
    """The image in the middle of zeros."""
    rows, columns = ((32 - size % 32) % 32 for size in x.shape[2:])
    return F.pad(x, (columns // 2, columns - columns // 2, rows // 2, rows - rows // 2))


def where_needed(x):
    """Each axis padded only where it is no multiple."""
    if x.shape[2] % 32:
        x = F.pad(x, (0, 0, 0, 32 - x.shape[2] % 32))
    if x.shape[3] % 32:
        x = F.pad(x, (0, 32 - x.shape[3] % 32))
    return x


def where_any_is_needed(x):
    """Both axes padded where one of them is no multiple."""
    height, width = x.shape[-2:]
    if height % 32 != 0 or width % 32 != 0:
        x = F.pad(x, (0, (32 - width % 32) % 32, 0, (32 - height % 32) % 32))
    return x


def by_choice(x):
    """Multiples chosen by a conditional expression."""
    return to(x, *(size if size % 32 == 0 else size + 32 - size % 32 for size in x.shape[2:]))


IDIOMS = {
    "remainder of what is left": (lambda x: to(x, *(s + (32 - s % 32) % 32 for s in x.shape[2:])), UP),
    "remainder of the negative": (lambda x: F.pad(x, (0, -x.shape[3] % 32, 0, (-x.shape[2]) % 32)), UP),
    "rounded up by math": (lambda x: to(x, *(math.ceil(s / 32) * 32 for s in x.shape[2:])), UP),
    "rounded up by adding": (lambda x: to(x, *((s + 31) // 32 * 32 for s in x.shape[2:])), UP),
    "rounded up from one less": (lambda x: to(x, *(((s - 1) // 32 + 1) * 32 for s in x.shape[2:])), UP),
    "rounded up by two signs": (lambda x: to(x, *(-(-s // 32) * 32 for s in x.shape[2:])), UP),
    "by divmod": (lambda x: to(x, *(s + (32 - divmod(s, 32)[1]) % 32 for s in x.shape[2:])), UP),
    "at least nothing": (lambda x: to(x, *(s + max(0, math.ceil(s / 32) * 32 - s) for s in x.shape[2:])), UP),
    "on both sides": (centred, UP),
    "resized": (lambda x: F.interpolate(x, size=[math.ceil(s / 32) * 32 for s in x.shape[2:]]), UP),
    "where needed": (where_needed, UP),
    "where any is needed": (where_any_is_needed, UP),
    "by choice": (by_choice, UP),
    "cropped by remainders": (lambda x: x[..., : x.shape[2] - x.shape[2] % 32, : x.shape[3] - x.shape[3] % 32], DOWN),
    "cropped by quotients": (lambda x: x[:, :, : x.shape[2] // 32 * 32, : x.shape[3] // 32 * 32], DOWN),
}
SIZES = (*range(1, 70, 3), 31, 32, 33, 63, 64, 65, 95, 96, 97, 128, 200)


@pytest.mark.parametrize("size", [64, 100])
@pytest.mark.parametrize("name", IDIOMS)
def test_a_multiple_is_proved_however_it_is_written(name, size):
    fit, form = IDIOMS[name]
    found = network.from_torch(Function(fit), (3, size, size)).closed_forms()
    least = 1 if form == UP else 32
    assert str(found.output).partition(": ")[2].startswith(f"(3, {form}, {form}) for n >= {least}, ")
    assert (str(found.valid), found.output.algebra) == (f"n >= {least}", "proved")
    checked(Function(fit), found, SIZES)


@pytest.mark.parametrize("size", [64, 100])
@pytest.mark.parametrize("name", [name for name, (_, form) in IDIOMS.items() if form == UP and name != "resized"])
def test_a_u_net_that_is_padded_and_cropped_back_gives_every_size_back(name, size):
    fit = IDIOMS[name][0]

    def whole(x, body):
        return body(fit(x))[:, :, : x.shape[2], : x.shape[3]]

    module = Function(whole, UNet(lambda x, skip: (x, skip), 5))
    if name == "on both sides":
        module.function = lambda x, body: body(fit(x))[..., (rows := (-x.shape[2] % 32) // 2) : rows + x.shape[2], :]
    found = network.from_torch(module, (3, size, size)).closed_forms()
    assert found.output.size == n
    assert (str(found.valid), found.output.algebra) == ("n >= 1", "proved")
    checked(module, found, SIZES)


def test_a_u_net_without_its_padding_is_caught():
    module = Function(lambda x, body: body(x), UNet(lambda x, skip: (x, skip), 5))
    found = network.from_torch(module, (3, 64, 64)).closed_forms()
    assert str(found.valid) == "n >= 32 with n mod 32 = 0"
    checked(module, found, SIZES)


REMAINDERS = [
    (x + Mod(32 - Mod(x, 32), 32), n, 32 * CeilDiv(n, 32)),
    (x - Mod(x, 32), n, 32 * FloorDiv(n, 32)),
    (Mod(x, 32), 32 * CeilDiv(n, 32), 0),
    (Mod(x + 5, 4), 32 * CeilDiv(n, 32), 1),
    (Mod(Mod(x, 64), 32), n, Mod(n, 32)),
    (Mod(Mod(x, 8), 32), n, Mod(n, 8)),
    (3 * Mod(x + 1, 5) - 2, n - 1, 3 * Mod(n, 5) - 2),
    (32 * FloorDiv(x, 32) + Mod(x, 32), n, n),
    (x + Mod(8 - Mod(x, 8), 8), CeilDiv(n, 2), 8 * CeilDiv(n, 16)),
]


@pytest.mark.parametrize(("made", "of", "form"), REMAINDERS, ids=str)
def test_remainders_are_simplified_and_proved(made, of, form):
    found = step(made, ((x, of),), n)
    assert (found.form, found.label) == (form, "proved")
    assert found.theorem.trust == {"kernel"}
    assert proved(eq(found.theorem.formula.args[0], form + 1), tuple(h.body for h in found.theorem.hypotheses)) is None


# Code that goes several ways


def test_the_ways_are_told_apart_where_their_outputs_are():
    module = Function(lambda x: F.avg_pool2d(x, 2) if x.shape[-1] % 32 else x)
    found = network.from_torch(module, (3, 100, 100)).closed_forms()
    assert (
        str(found.valid)
        == "n >= 2 with n mod 32 != 0, among n >= 1 with n mod 32 != 0, where the network is as it was read"
    )
    assert found.ways == ()


def test_a_way_that_is_refused_leaves_its_sizes_out():
    def function(x):
        if x.shape[-1] < 8:
            raise ValueError("too small")
        return where_needed(x)

    found = network.from_torch(Function(function), (3, 100, 100)).closed_forms()
    assert str(found.valid) == "n >= 8, where the network is as it was read"
    checked(Function(function), found, SIZES)


def test_terms_are_equal_on_the_sizes_of_a_way_only():
    multiples, others = SizeSet.of(1, None, 32, [0]), SizeSet.of(1, None, 32, range(1, 32))
    assert equal_on(n, 32 * CeilDiv(n, 32), multiples, n)
    assert equal_on(32 * FloorDiv(n, 32) + 32, 32 * CeilDiv(n, 32), others, n)
    assert not equal_on(n, 32 * CeilDiv(n, 32), others, n)
    assert not equal_on(32 * FloorDiv(n, 32) + 32, 32 * CeilDiv(n, 32), multiples, n)


@pytest.mark.parametrize("wanted", [32, 96, 100])
def test_a_question_is_answered_on_all_ways(wanted):
    net = network.from_torch(Function(where_needed), (3, 100, 100))
    found = network.solve(net, output_size=wanted)
    assert found.up_to(200) == [size for size in range(1, 201) if math.ceil(size / 32) * 32 == wanted]
    assert not found.scope
    assert str(network.solve(net, round_trip=True).sizes) == "n >= 32 with n mod 32 = 0"
