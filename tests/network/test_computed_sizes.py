"""Sizes that a network computes with: the numbers that they are, and the terms and comparisons that they leave."""

from __future__ import annotations

import copy
import math
import operator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from convmath.network.operators import Pad, Reshape
from convmath.network.sizes.in_operators import changed, sizes_in
from convmath.network.sizes.size import MOST_OPERATIONS, Quotient, Size
from convmath.network.sizes.trail import Leaf, Operation, Recorder, value

STEPS = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "//": lambda a, b: a // b if b else a,
    "%": lambda a, b: a % b if b else b,
    "min": min,
    "max": max,
    "abs": lambda a, b: abs(a) + b,
    "floor": lambda a, b: math.floor(a / b) if b else a,
    "ceil": lambda a, b: math.ceil(a / b) if b else a,
    "scaled": lambda a, b: math.floor(a * 0.75) + b,
    "branch": lambda a, b: a + 1 if a > b else b - 1,
    "equal": lambda a, b: a - b if a == b else a,
    "divmod": lambda a, b: sum(divmod(a, b)) if b else a,
    "shift": lambda a, b: (a >> 1) + (b << 2),
    "square": lambda a, b: a**2 - b if -99 < a < 99 else b,
    "ratio": lambda a, b: a if b > 0 and a / b >= 1.5 else b,
    "rounded": lambda a, b: round(a / b) if b > 0 else round(b / 4),
    "windows": lambda a, b: math.floor((a - b) / 2 + 1),
    "half up": lambda a, b: math.floor(a / 2 + 0.5) + math.ceil(b - 0.5),
    "turned": lambda a, b: math.ceil(3 - a / 3) - math.trunc(-(b / 4)),
    "thirds": lambda a, b: math.floor(a / 3 + b / 3),
    "truth": lambda a, b: a if b else -a,
}
"""Ways to make a size of two."""

programs = st.lists(
    st.tuples(st.sampled_from(sorted(STEPS)), st.integers(0, 7), st.one_of(st.integers(-9, 9), st.none())), max_size=6
)


def run(program, height, width):
    """The last of the sizes that a program makes."""
    made = [height, width]
    for name, first, second in program:
        other = made[-1] if second is None else second
        made.append(STEPS[name](made[first % len(made)], other))
    return made[-1]


def traced(program, height, width):
    """The same on sizes with terms, the conditions under which it goes this way, and the sizes that were lost."""
    note = Recorder(lambda: 0)
    with note.on():
        found = run(program, Size(height, Leaf(0, 2)), Size(width, Leaf(0, 3)))
    trail = note.trail(lambda _: "x", lambda at: at)
    return found, [guard.holds for guard in trail.guards], trail.looked


def holds(condition, at):
    relation, left, right = condition
    compare = {"<": operator.lt, "<=": operator.le, "==": operator.eq}[relation]
    return compare(value(left, at), value(right, at))


@given(programs, *(st.integers(1, 40) for _ in range(4)))
def test_the_term_is_the_number_at_every_size_at_which_the_conditions_hold(program, height, width, tall, wide):
    found, conditions, lost = traced(program, height, width)
    assert int(found) == run(program, height, width)
    here = {2: height, 3: width}
    assert all(holds(condition, lambda leaf: here[leaf.dimension]) for condition in conditions)
    there = {2: tall, 3: wide}
    taken = all(holds(condition, lambda leaf: there[leaf.dimension]) for condition in conditions)
    if type(found) is Size and taken and not lost:
        assert value(found.term, lambda leaf: there[leaf.dimension]) == run(program, tall, wide)


def test_a_term_without_its_conditions_is_caught():
    found, conditions, _ = traced([("max", 0, 5)], 9, 9)
    assert value(found.term, lambda _: 3) != run([("max", 0, 5)], 3, 3)
    assert not all(holds(condition, lambda _: 3) for condition in conditions)


@pytest.mark.parametrize(
    "lose",
    [int, float, str, repr, hash, lambda n: n.bit_length(), lambda n: n & 3, lambda n: n**0.5, lambda n: len(range(n))],
)
def test_what_is_more_than_arithmetic_has_no_term(lose):
    found = lose(Size(9, Leaf("x", 2)))
    assert type(found) is not Size
    assert found == lose(9)


def test_a_size_passes_for_the_int_that_it_stands_for():
    n = Size(9, Leaf("x", 2))
    assert (n, hash(n), {n: 1}[9], f"{n:03d}", [5] * n == [5] * 9, range(n)[-1]) == (9, hash(9), 1, "009", True, 8)
    assert copy.deepcopy(n).term == copy.copy(n).term == n.term
    kinds = [float, Quotient, Quotient, Quotient, Quotient, bool]
    assert [type(one) for one in (n + 0.7, n + 0.5, n / 2, n * 0.5, 1 - n / 4, n == "9")] == kinds
    assert (isinstance(n, int), isinstance(n, float), isinstance(n / 2, float)) == (True, False, True)
    with pytest.raises(ZeroDivisionError):
        n // 0
    with pytest.raises(TypeError):
        n + "1"


def test_the_same_term_is_equal_to_itself_without_a_condition():
    note = Recorder(lambda: 0)
    with note.on():
        n = Size(9, Leaf(0, 2))
        assert n // 2 == n // 2
        assert (3, n) == (3, n)
    assert note.trail(lambda _: "x", lambda at: at).guards == ()


def test_a_term_that_becomes_long_is_lost_and_that_is_noted():
    note = Recorder(lambda: 0)
    with note.on():
        n = Size(9, Leaf(0, 2))
        for _ in range(MOST_OPERATIONS + 1):
            n = (n + 3) // 2
    assert type(n) is int
    assert note.trail(lambda _: "x", lambda at: at).looked == ((0, Leaf("x", 2)),)


def test_nothing_is_noted_of_sizes_whose_nodes_are_taken_back():
    note = Recorder(lambda: 5)
    with note.on():
        assert Size(9, Leaf(3, 2)) > 4
        assert Size(9, Leaf(1, 2)) > 4
    note.look(Leaf(3, 0))
    note.forget(2)
    found = note.trail("abcd".__getitem__, lambda at: at)
    assert ([guard.question[2] for guard in found.guards], found.looked) == ([Leaf("b", 2)], ())
    assert [guard.position for guard in found.guards] == [2], "the next node is that after these"


def test_sizes_are_found_and_changed_inside_of_parameters():
    n = Size(9, Leaf("x", 2))
    pad = Pad(((0, 0), (n, n + 1)))
    assert [size.term for size in sizes_in(pad)] == [Leaf("x", 2), Operation("+", Leaf("x", 2), 1, 1)]
    assert changed(pad, lambda size: size * 2) == Pad(((0, 0), (18, 20)))
    plain = Reshape((1, 9))
    assert changed(plain, int) is plain
