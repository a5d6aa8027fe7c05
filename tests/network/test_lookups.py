"""Elements of constants that constants choose: how many there are is known at all sizes."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch")

from torch.nn import functional as F  # noqa: E402, N812

from convmath.errors import DomainError  # noqa: E402
from convmath.network import from_torch  # noqa: E402
from convmath.network.operators import Gather, Lookup  # noqa: E402

from .computing import Function  # noqa: E402

SIZES = (2, 3, 5)


class Table(torch.nn.Module):
    """What a function gives of an image, a table and numbers of its rows, added to the image's mean."""

    def __init__(self, function):
        super().__init__()
        self.table = torch.nn.Parameter(torch.zeros(5, 6, 7))
        self.function = function

    def forward(self, x):
        rows = torch.arange(x.shape[2], device=x.device) % 5
        return self.function(self.table, rows, rows[:, None] + rows[None] * 0) + x.mean()


CHOSEN = {
    "rows": lambda table, rows, pairs: table[rows],
    "rows of rows": lambda table, rows, pairs: table[pairs],
    "columns": lambda table, rows, pairs: table[:, rows],
    "the last": lambda table, rows, pairs: table[..., rows],
    "several side by side": lambda table, rows, pairs: table[:, rows, pairs],
    "several apart": lambda table, rows, pairs: table[rows, :, pairs],
    "with a new dimension": lambda table, rows, pairs: table[rows, None],
    "a new dimension between": lambda table, rows, pairs: table[rows, None, rows],
    "a new dimension before": lambda table, rows, pairs: table[None, :, rows],
    "embedded": lambda table, rows, pairs: F.embedding(pairs, table[0]),
    "by index_select": lambda table, rows, pairs: table.index_select(1, rows),
    "by gather": lambda table, rows, pairs: table[:, 0].gather(0, pairs),
    "by take": lambda table, rows, pairs: table.take(pairs),
    "of a view": lambda table, rows, pairs: table.transpose(0, 2)[:, rows].transpose(0, 2).reshape(-1, 7),
}


def forms(function):
    return from_torch(Table(function), (3, "n", "n"), at=4).closed_forms().output


@pytest.mark.parametrize("name", CHOSEN)
def test_what_constants_choose_of_a_constant_has_torchs_sizes_at_every_size(name):
    form = forms(CHOSEN[name])
    module = Table(CHOSEN[name]).to("meta")
    assert (form.label, form.reading) == ("proved", "by construction"), str(form)
    executed = {n: tuple(module(torch.empty((1, 3, n, n), device="meta")).shape) for n in SIZES}
    assert {n: form.at(n) for n in SIZES} == executed


def test_the_parameters_of_a_table_are_counted_where_they_are_chosen():
    report = from_torch(Table(CHOSEN["rows"]), (3, 4, 4)).analyze()
    assert report.params == 5 * 6 * 7
    assert [row.params for row in report if isinstance(row.operator, Lookup)] == [5 * 6 * 7]


GATHERED = {
    "rows": (lambda x: x.gather(2, torch.zeros(1, 2, 7, x.shape[3] - 1, dtype=torch.int64)), 2),
    "columns": (lambda x: x.gather(-1, torch.arange(2).expand(1, 3, x.shape[2], 2)), 3),
}


@pytest.mark.parametrize("name", GATHERED)
def test_an_index_for_every_element_chooses_some_along_one_dimension_and_the_others_in_place(name):
    function, dim = GATHERED[name]
    form = from_torch(Function(function), (3, "n", "n"), at=4).closed_forms().output
    executed = {n: tuple(function(torch.rand(1, 3, n, n)).shape) for n in (3, 4, 6)}
    assert (form.label, {n: form.at(n) for n in executed}) == ("proved", executed)
    report = from_torch(Function(function), (3, 6, 6)).analyze()
    assert report.status == "complete"
    reads = report.reads(report.output.name, 1, 1)["x"][dim - 2 :]
    assert [(one.parts, one.exact) for one in reads] == [(((0, 6),), False), (((1, 2),), True)][: len(reads)]


def test_an_index_beyond_what_is_read_is_refused():
    with pytest.raises(DomainError, match="gather needs at most the 3 indices of dimension 1"):
        Gather(2).sizes((1, 3, 6), (1, 4, 6))
    with pytest.raises(DomainError, match="indices of as many dimensions"):
        Gather(0).sizes((3, 6), (3,))
    assert Gather(2).sizes((1, 3, 6), (1, 2, 9)) == (1, 2, 9)


def test_what_a_mask_chooses_is_not_known():
    report = from_torch(Table(lambda table, rows, pairs: table[rows > 1].sum(0)), (3, 4, 4)).analyze()
    assert report.status != "complete"


def test_parts_without_elements_add_nothing_to_what_is_joined():
    function = lambda table, rows, pairs: torch.cat([table.new_zeros(0), table, table.new_zeros(0, 6, 7)], 0)  # noqa: E731
    form = forms(function)
    assert (form.label, form.at(3)) == ("proved", (5, 6, 7))


class Positions(torch.nn.Module):
    """Rows of a table by numbers that are made of the length of the input."""

    def __init__(self, numbers, take=F.embedding):
        super().__init__()
        self.table = torch.nn.Parameter(torch.zeros(16, 4))
        self.numbers, self.take = numbers, take

    def forward(self, x):
        return self.take(self.numbers(x), self.table).sum(-1) + x


COUNTED = {
    "a row": (lambda x: torch.arange(x.shape[-1]), 16),
    "a row of two dimensions": (lambda x: torch.arange(x.shape[-1]).unsqueeze(0).expand(x.shape[0], -1), 16),
    "as another type": (lambda x: torch.arange(x.shape[-1], dtype=torch.int32).view(1, -1).to(torch.int64), 16),
    "from another number on": (lambda x: 1 + torch.arange(x.shape[-1]) + 2, 13),
    "a part of a row": (lambda x: torch.arange(2 * x.shape[-1])[x.shape[-1] :], 8),
    "every other": (lambda x: torch.arange(2 * x.shape[-1])[::2], 8),
    "written in place": (lambda x: torch.arange(x.shape[-1]).add_(4), 12),
}
TAKEN = {
    "embedding": F.embedding,
    "an index": lambda numbers, table: table[numbers],
    "an index_select": lambda numbers, table: table.index_select(0, numbers.reshape(-1)),
}


def takes(module, n):
    """Whether torch runs a module on so many elements."""
    try:
        module(torch.zeros(1, n))
    except IndexError:
        return False
    return True


@pytest.mark.parametrize("take", TAKEN)
@pytest.mark.parametrize("name", COUNTED)
def test_positions_are_looked_up_as_far_as_the_table_goes(name, take):
    numbers, last = COUNTED[name]
    module = Positions(numbers, TAKEN[take])
    assert [takes(module, n) for n in (last, last + 1)] == [True, False]
    forms = from_torch(module, ("n",), at=4).closed_forms()
    assert (str(forms.valid), forms.output.label) == (f"1 <= n <= {last}", "proved")
    assert from_torch(module, (last,), verify=True).analyze().output.output_size == (last,)
    with pytest.raises(DomainError, match=r"16 rows: needs 0 <= index < 16"):
        from_torch(module, (last + 1,))


UNCOUNTED = {
    "the remainder": lambda x: torch.arange(x.shape[-1]) % 16,
    "at most the last": lambda x: torch.arange(x.shape[-1]).clamp(max=15),
    "half": lambda x: torch.arange(x.shape[-1]) // 2,
    "zeros in its place": lambda x: torch.arange(x.shape[-1]).zero_(),
    "a part of columns": lambda x: torch.arange(2 * x.shape[-1]).view(2, -1).t().reshape(-1)[: x.shape[-1]] // 2,
    "written by another name": lambda x: _written(torch.arange(x.shape[-1])),
}


def _written(row):
    view = row.view(1, -1)
    row.mul_(0)
    return view[0]


@pytest.mark.parametrize("name", UNCOUNTED)
def test_numbers_of_rows_that_are_not_known_refuse_nothing(name):
    module = Positions(UNCOUNTED[name])
    assert takes(module, 20)
    assert from_torch(module, (20,)).analyze().output.output_size == (20,)


def test_the_last_index_of_a_lookup_is_below_its_rows():
    assert Lookup((3, 4), (0, 2), 3).sizes((3, 4), (3,)) == (3, 4)
    for ends in ((0, 3), (-1, 2)):
        with pytest.raises(DomainError, match=r"needs 0 <= index < 3"):
            Lookup((3, 4), ends, 3).sizes((3, 4), (3,))
