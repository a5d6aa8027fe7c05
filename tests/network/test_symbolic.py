"""Input sizes that are symbols: closed forms in them, the same network at numbers, and a sentence for all else."""

from __future__ import annotations

from itertools import product

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from sympy import Symbol, symbols, sympify
from sympy.core.cache import clear_cache
from torch import nn

from convmath.calculus.index import integers
from convmath.errors import DomainError, UnsupportedError
from convmath.inert import FloorDiv
from convmath.network import Graph, from_torch
from convmath.network.operators import (
    Combine,
    Concat,
    Conv,
    ConvTranspose,
    Cumulative,
    Flatten,
    Flip,
    Linear,
    Pad,
    Permute,
    Pool,
    Recurrent,
    Reduce,
    Reshape,
    Softmax,
    Sort,
)
from convmath.network.symbolic import TRIED, resized
from convmath.network.views.documents import document

n, h, w = symbols("n h w", integer=True)


def small(*sizes) -> Graph:
    net = Graph()
    stem = net.add("stem", Conv(3, 8, (3, 5), stride=2, padding=(1, 0)), net.input((3, *sizes)))
    net.add("pool", Pool("max", (2, 2)), stem)
    return net


class Module(nn.Module):
    def __init__(self):
        super().__init__()
        self.stem = nn.Conv2d(3, 8, (3, 5), stride=2, padding=(1, 0))
        self.pool = nn.MaxPool2d(2)

    def forward(self, image):
        return self.pool(self.stem(image))


@pytest.mark.parametrize("size", [n, "n"], ids=["symbol", "name"])
def test_a_symbol_gives_the_output_size_as_one_expression(size):
    for graph in (small(size, size), from_torch(Module(), (3, size, size))):
        assert graph.symbols == (n,)
        forms = graph.closed_forms()
        assert (forms.symbol, forms.output.label) == (n, "proved")
        assert forms.output.output_size == (8, FloorDiv(n + 1, 4), FloorDiv(n - 3, 4))
        assert str(forms.valid) == "n >= 7"
        for number in (7, 8, 64, 65):
            assert forms.output.at(number) == graph.at(number).analyze().output.sizes


@given(st.integers(7, 60), st.integers(7, 60))
def test_each_axis_has_its_own_closed_form(height, width):
    graph = small("h", "w")
    at = graph.at(h=height, w=width).analyze().output.sizes
    forms = graph.closed_forms("h"), graph.closed_forms("w")
    assert [form.output.output_size for form in forms] == [forms[0].output.output_size] * 2
    terms = [sympify(size) for size in forms[0].output.sizes]
    assert tuple(int(term.subs({h: height, w: width})) for term in terms) == at
    assert (
        tuple(int(term.subs({h: width, w: height})) for term in terms)
        == graph.at(h=width, w=height).analyze().output.sizes
    )


def test_axes_that_are_taken_for_each_other_are_caught():
    sizes = [sympify(size) for size in small("h", "w").closed_forms("h").output.sizes]
    swapped = tuple(int(term.subs({h: 40, w: 9})) for term in sizes)
    assert swapped != small(9, 40).analyze().output.sizes


def test_two_symbols_are_told_apart_by_name_and_by_axis():
    graph = small("h", "w")
    assert graph.symbols == (h, w)
    assert str(graph.closed_forms(axis=1)) == str(graph.closed_forms("w"))
    assert (str(graph.closed_forms("h").valid), str(graph.closed_forms(w).valid)) == ("h >= 3", "w >= 7")
    assert graph.closed_forms("w").output.size == FloorDiv(w - 3, 4)
    assert graph.closed_forms("h").output.theorem is not None
    assert str(graph.closed_forms().about("w")) == str(graph.closed_forms("w"))
    with pytest.raises(DomainError, match="no input size has this name"):
        graph.closed_forms("n")
    with pytest.raises(DomainError, match=r"stem has the size .*w.*Graph.at\(\) takes a number for each symbol"):
        graph.closed_forms("h")["stem"].at(8)


def test_equal_symbols_are_the_same_input_size_whichever_object_they_are():
    before = str(small("n", "n").closed_forms())
    assert "lossless: n >= 7 with n mod 4" in before
    clear_cache()
    assert integers("n") is not n
    assert str(small("n", "n").closed_forms()) == str(small(n, n).closed_forms()) == before


def test_sizes_that_go_by_two_symbols_at_once_are_unknown():
    graph = small("h", "w")
    flat = graph.add("flat", Flatten(1), "pool")
    graph.add("fc", Linear(72, 5), flat)
    for symbol in ("h", "w"):
        forms = graph.closed_forms(symbol)
        assert forms["pool"].label == "proved"
        assert forms["flat"].dimensions is forms.valid.sizes is None
        assert "this goes by h and w at once; give both the same symbol" in forms["fc"].reason
    fits = [(a, b) for a, b in product(range(7, 40), repeat=2) if _fits(graph, a, b)]
    assert len({a for a, _ in fits}) > 1, "so no set of h alone would be true"
    assert len(fits) < len({a for a, _ in fits}) * len({b for _, b in fits})


def test_branches_that_compare_two_symbols_are_unknown():
    graph = Graph()
    image = graph.input((3, "h", "w"))
    graph.add("sum", Combine("add"), image, graph.add("turned", Permute((0, 1, 3, 2)), image))
    assert "this goes by h and w at once" in graph.closed_forms("h")["sum"].reason
    assert graph.closed_forms("h")["turned"].output_size == (3, w, h)


def _fits(graph: Graph, height: int, width: int) -> bool:
    try:
        graph.at(h=height, w=width).analyze()
    except DomainError:
        return False
    return True


def test_a_number_beside_a_symbol_stays():
    graph = small("n", 64)
    assert graph.closed_forms().output.output_size[2] == small(64, 64).analyze().output.output_size[2] == 15
    assert graph.at(n=31).analyze().output.sizes == small(31, 64).analyze().output.sizes


def test_the_symbols_of_several_inputs():
    graph = Graph()
    image, mask = graph.input((3, "n", "n"), "image"), graph.input((1, "m", "n"), "mask")
    graph.add("both", Concat(1), graph.add("half", Pool("max", (2, 2)), image), mask)
    assert [str(symbol) for symbol in graph.symbols] == ["n", "m"]
    assert graph.closed_forms(source="mask", axis=0)["mask"].output_size == (1, Symbol("m", integer=True), n)
    assert "this goes by m and n at once" in graph.closed_forms("n")["both"].reason


@pytest.mark.parametrize("size", [1, 2, 2**62])
def test_a_symbolic_network_at_a_number_is_the_network_of_that_number(size):
    pooled = Graph()
    pooled.add("up", ConvTranspose(3, 4, (2, 2), stride=2), pooled.input((3, "n", "n")))
    numbers = Graph()
    numbers.add("up", ConvTranspose(3, 4, (2, 2), stride=2), numbers.input((3, size, size)))
    assert pooled.at(size).analyze().rows == numbers.analyze().rows


def test_what_needs_numbers_says_what_to_call():
    for graph in (small("n", 8), from_torch(Module(), (3, "n", 8))):
        needs = r"closed_forms\(\) gives every size in them, at\(n=224\) the network at numbers"
        with pytest.raises(DomainError, match=needs):
            graph.analyze()


def test_a_batch_may_be_a_symbol_that_is_positive():
    macs = {}
    for batch in ("N", Symbol("N", integer=True, positive=True), 5):
        graph = Graph()
        graph.add("conv", Conv(3, 4, (3, 3)), graph.input((3, 8, "n"), batch_size=batch))
        macs[str(batch)] = graph.at(8).analyze().macs
        assert str(graph.closed_forms().output) == "conv: (4, 6, n - 2) for n >= 3, proved"
        assert str(graph.closed_forms().output.sizes[0]) == str(batch)
    assert sympify(macs["N"]).subs(Symbol("N", integer=True, positive=True), 5) == macs["5"]
    graph = Graph()
    graph.add("conv", Conv(3, 4, (3, 3)), graph.input((3, 8, 8), batch_size=n))
    with pytest.raises(DomainError, match="batch_size=n: needs an integer, or a symbol that is positive"):
        graph.analyze()


def test_a_running_sum_along_a_batch_that_is_a_symbol_has_no_count_of_additions_but_the_rest_is_known():
    """Without its own element it takes n - 2 additions, or none where n = 1; with it n - 1 at every n."""
    operations = {}
    for batch, exclusive in [("N", True), ("N", False), (5, True), (1, True)]:
        graph = Graph()
        graph.add("sum", Cumulative("cumsum", 0, exclusive=exclusive), graph.input((4,), batch_size=batch))
        graph.add("linear", Linear(4, 3), "sum")
        report = graph.analyze()
        assert str(report["linear"].macs) == ("12*N" if batch == "N" else str(12 * batch))
        operations[batch, exclusive] = str(report["sum"].flops("exact"))
    assert operations == {("N", True): "None", ("N", False): "4*N - 4", (5, True): "12", (1, True): "0"}


BY_BATCH = {
    "regrouped": Reshape((-1, 4)),
    "split": Reshape((2, -1, 4)),
    "flat": Flatten(0),
    "flipped": Flip((0,)),
    "sorted": Sort("sort", 0),
    "along the batch": Recurrent("lstm", 4, 5, time=0),
    "summed up": Cumulative("cumsum", 0),
    "averaged": Reduce("mean", (0,)),
    "a softmax": Softmax(0),
    "with more": Pad(((1, 1), (0, 0), (0, 0))),
}


@pytest.mark.parametrize("name", BY_BATCH)
def test_what_an_operator_does_along_a_symbolic_batch_is_told_or_unknown(name):
    """Its numbers at 5 are those of the network with 5; where it says nothing of the field, it says why."""
    reports = {}
    for batch in ("N", 5):
        graph = Graph()
        graph.add("it", BY_BATCH[name], graph.input((8, 4), batch_size=batch))
        reports[batch] = graph.analyze()
    told, numbers = reports["N"], reports[5]
    at = {Symbol("N", integer=True, positive=True): 5}
    assert [int(sympify(n).subs(at)) for n in told.output.sizes] == list(numbers.output.sizes)
    assert sympify(told.peak_bytes()).subs(at) == numbers.peak_bytes()
    assert sympify(told.activation_bytes()).subs(at) == numbers.activation_bytes()
    assert told.output.flops("exact") is None or sympify(told.flops("exact")).subs(at) == numbers.flops("exact")
    assert told.output.fields or told.output.field_unknown == "it: what it reads goes by N, which is no number"
    assert "N" in document(told, "json")


def test_an_error_that_no_symbol_explains_is_not_hidden():
    class Wrong(Flip):
        def reads(self, inputs, output):
            raise TypeError("wrong")

    for batch, error in ((5, TypeError), ("N", None)):
        graph = Graph()
        graph.add("it", Wrong((0,)), graph.input((8, 4), batch_size=batch))
        if error is None:
            assert graph.analyze().output.field_unknown
        else:
            with pytest.raises(error, match="wrong"):
                graph.analyze()


WRONG = {
    "a number and a letter": (3, "2n", "n"),
    "two names": (3, "n m", "n"),
    "a range of names": (3, "n:3", "n"),
    "an empty name": (3, "", "n"),
    "a word of Python": (3, "True", "n"),
    "a term": (3, 2 * n, n),
    "an assumption": (3, Symbol("n", integer=True, positive=True), 8),
    "no integer": (3, Symbol("n"), 8),
    "a name that a symbol begins": (3, "n", "n_in0"),
}


@pytest.mark.parametrize("size", WRONG.values(), ids=WRONG)
def test_what_is_no_symbol_for_a_size_is_named(size):
    def by_hand() -> Graph:
        graph = Graph()
        graph.input(size)
        return graph

    for made in (by_hand, lambda: from_torch(Module(), size)):
        with pytest.raises(DomainError, match="needs a"):
            made().closed_forms("n")


@pytest.mark.parametrize(
    ("arguments", "options"),
    [
        ((0,), {}),
        ((-1,), {}),
        ((True,), {}),
        ((2**64,), {}),
        ((8.0,), {}),
        ((), {}),
        ((), {"h": 8}),
        ((), {"h": 8, "n": 8}),
    ],
    ids=str,
)
def test_what_is_no_number_for_a_symbol_is_named(arguments, options):
    with pytest.raises(DomainError, match="at="):
        small("h", "w").at(*arguments, **options)
    with pytest.raises(DomainError, match="numbers already"):
        small(8, 8).at(8)


# Reading


class Picky(nn.Module):
    """Takes images of one size only."""

    def __init__(self, side: int):
        super().__init__()
        self.pool = nn.MaxPool2d(8)
        self.head = nn.Linear(3 * (side // 8) ** 2, 5)

    def forward(self, image):
        return self.head(self.pool(image).flatten(1))


@pytest.mark.parametrize("side", [224, 32, 28])
def test_a_module_is_read_at_the_first_number_that_it_takes(side):
    graph = from_torch(Picky(side), (3, "n", "n"))
    fitting = next(number for number in TRIED if number // 8 == side // 8)
    assert graph.reading.analyze().graph["image"].operator.shape == (1, 3, fitting, fitting)
    assert str(graph.closed_forms().valid) == f"{side // 8 * 8} <= n <= {side // 8 * 8 + 7}"


def test_a_module_that_takes_none_of_the_numbers_is_read_at_one_that_is_said():
    with pytest.raises(DomainError, match=r"takes none of 224.*at=, or --read-at.*At 224: node='head"):
        from_torch(Picky(72), (3, "n", "n"))
    graph = from_torch(Picky(72), (3, "n", "n"), at=75)
    assert str(graph.closed_forms().valid) == "72 <= n <= 79"
    assert graph.at(72).analyze().output.sizes == (1, 5)
    assert from_torch(Picky(72), (3, "h", "w"), at={"h": 72, "w": 75}).symbols == (h, w)


@pytest.mark.parametrize("at", [0, "72", {"n": 72, "m": 72}, {"m": 72}, {}], ids=str)
def test_a_wrong_number_to_read_at_is_named(at):
    with pytest.raises(DomainError, match="at="):
        from_torch(Picky(72), (3, "n", "n"), at=at)
    with pytest.raises(DomainError, match="numbers already"):
        from_torch(Picky(72), (3, 72, 72), at=72)


class Sized(nn.Module):
    """Computes with its size."""

    def forward(self, image):
        return nn.functional.interpolate(nn.functional.avg_pool2d(image, 3), size=image.shape[2:])


def test_a_module_at_a_number_is_read_anew_and_not_replayed():
    graph = from_torch(Sized(), (3, "n", "n"))
    with torch.device("meta"):
        for number in (9, 50):
            assert graph.at(number).analyze().output.sizes == tuple(Sized()(torch.empty(1, 3, number, number)).shape)
    replayed = graph.reading.replaced({"image": graph.at(9)["image"].operator}).analyze()
    assert replayed.output.sizes[2:] == (224, 224)


def test_a_network_that_says_its_own_sizes_takes_symbols_for_those_of_its_axes():
    graph = small(28, 30)
    assert resized(graph, (3, "n", 30)).closed_forms().output.output_size[2] == graph.analyze().output.output_size[2]
    assert resized(graph, {"input": (3, "h", "w")}).symbols == (h, w)
    for wrong in [(3, "n"), (2, 3, "n", "n"), {"image": (3, "n", "n")}, [(3, "n", "n"), (3, "n", "n")]]:
        with pytest.raises(DomainError, match=r"has other dimensions|without the batch|no input has this|for 2 inputs"):
            resized(graph, wrong)


def test_a_network_that_asserts_that_there_are_few_is_read_where_it_does_not():
    class Few(nn.Module):
        def __init__(self, most):
            super().__init__()
            self.most = most

        def forward(self, x):
            assert x.shape[1] <= self.most
            return x * 2

    assert str(from_torch(Few(128), ("n", 4)).closed_forms().output) == "mul: (n, 4) for 1 <= n <= 128, proved"
    with pytest.raises(UnsupportedError, match="assert x"):
        from_torch(Few(12), ("n", 4))
