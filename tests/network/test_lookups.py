"""Elements of constants that constants choose: how many there are is known at all sizes."""

from __future__ import annotations

import json

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from torch.nn import functional as F  # noqa: E402, N812

from convmath.errors import DomainError  # noqa: E402
from convmath.network import from_torch  # noqa: E402
from convmath.network.operators import Gather, Lookup  # noqa: E402
from convmath.network.views.forms import Forms, document  # noqa: E402

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


def test_parts_that_have_elements_at_other_sizes_are_no_part_of_what_is_said():
    function = lambda x: torch.cat([x.new_zeros(1, max(x.shape[1] - 3, 0)), x], 1)  # noqa: E731
    forms = from_torch(Function(function), ("n",), at=3).closed_forms()
    assert [function(torch.zeros(1, n)).shape[1] for n in (2, 3, 4)] == [2, 3, 5]
    assert str(forms.valid) == "1 <= n <= 3, where the network is as it was read"


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
    with pytest.raises(DomainError, match=r"16 rows: needs (0|-16) <= index < 16"):
        from_torch(module, (last + 1,))


TAKEN_TO_HOLD = "where the tables have all rows that are looked up"
OPEN = {
    "squares": lambda x: torch.arange(x.shape[-1]) ** 2,
    "at most 16": lambda x: torch.arange(x.shape[-1]).clamp(max=16),
    "the remainder": lambda x: torch.arange(x.shape[-1]) % 17,
    "written by another name": lambda x: _written(torch.arange(x.shape[-1])),
    "chosen": lambda x: torch.arange(x.shape[-1])[torch.arange(x.shape[-1])],
    "written in a grid": lambda x: _written(torch.arange(x.shape[-1]), _grid),
    "written where it is stretched": lambda x: _written(torch.arange(x.shape[-1]), _stretched),
    "written at places": lambda x: _put(torch.zeros_like(row := torch.arange(x.shape[-1])), row, row),
    "too large": lambda x: torch.arange(x.shape[-1]) * 2**62 // 2**62,
    "too large for 32 bits": lambda x: torch.arange(x.shape[-1], dtype=torch.int32) * 2**30 // 2**30,
}


def _written(row, view_of=lambda row: row.view(1, -1)[0]):
    view = view_of(row)
    row.neg_()
    return view


def _grid(row):
    return torch.meshgrid(row, row, indexing="xy")[0][0]


def _stretched(row):
    return torch.broadcast_tensors(row[:, None], row)[1][0]


@pytest.mark.parametrize("name", OPEN)
def test_closed_forms_say_that_rows_which_are_not_known_are_taken_to_be_there(name):
    module = Positions(OPEN[name])
    forms = from_torch(module, ("n",), at=1).closed_forms()
    assert takes(module, 1)
    assert not takes(module, 20)
    assert str(forms.valid).endswith(TAKEN_TO_HOLD)
    assert forms.output.cells[3] == f"proved {TAKEN_TO_HOLD}"


def test_that_rows_are_taken_to_be_there_is_said_for_programs_and_at_one_size():
    squares, row = (Positions(numbers) for numbers in (OPEN["squares"], COUNTED["a row"][0]))
    for module, given, remarks in ((squares, TAKEN_TO_HOLD, 1), (row, None, 0)):
        found = Forms.of(from_torch(module, ("n",), at=1))
        before, after = (json.loads(document(found, "json", name))["nodes"][0] for name in ("arange", "add"))
        assert (before["given"], after["given"]) == (None, given)
        assert document(found, "csv", "add").endswith(f",{given or ''}\n")
        (lookup,) = (one for one in from_torch(module, (4,)).analyze() if isinstance(one.operator, Lookup))
        assert len(lookup.remarks) == remarks


WRITTEN = {
    "one of each class": (lambda n, table: F.one_hot(torch.arange(n), 16), 16),
    "rows": (lambda n, table: _put(table, torch.arange(n)), 16),
    "a row": (lambda n, table: _put(table, n), 15),
    "a row of a list": (lambda n, table: _put(table, [0, n]), 15),
    "places": (lambda n, table: _put(table, (..., 0, torch.arange(n) // 2)), 8),
    "filled rows": (lambda n, table: table.index_fill(0, torch.arange(n) - n, 1.0), 16),
    "added rows": (lambda n, table: table.index_add(0, torch.arange(n), torch.ones(n, 4)), 16),
    "scattered": (lambda n, table: table.scatter(0, torch.arange(n)[:, None], 1.0), 16),
    "columns by the dispatcher": (
        lambda n, table: torch.ops.aten.index_put(table.T.clone(), [None, torch.arange(n)], table[:1, :1].clone()),
        16,
    ),
}


def _put(table, index, value=1.0):
    table[index] = value
    return table


@pytest.mark.parametrize("name", WRITTEN)
def test_what_is_written_by_an_index_has_its_rows(name):
    function, last = WRITTEN[name]
    module = Function(lambda x: x + function(x.shape[-1], torch.zeros(16, 4)).sum())
    forms = from_torch(module, ("n",), at=3).closed_forms()
    assert str(forms.valid).partition(",")[0] == f"1 <= n <= {last}"
    module(torch.zeros(1, last))
    with pytest.raises((IndexError, RuntimeError)):
        module(torch.zeros(1, last + 1))


WRITTEN_INTO = {
    "a number": lambda x: _put(torch.arange(x.shape[-1]) * 1.0, 0),
    "a column of a mask": lambda x: _put(torch.full((x.shape[-1], x.shape[-1]), -9.0).triu(1), (..., 0)),
}


@pytest.mark.parametrize("name", WRITTEN_INTO)
def test_what_is_computed_keeps_its_sizes_where_it_is_written_into(name):
    module = Function(lambda x: x + WRITTEN_INTO[name](x))
    form = from_torch(module, (1, "n"), at=5).closed_forms().output
    assert (form.label, str(form.valid)) == ("proved", "n >= 1")
    assert {n: form.at(n) for n in SIZES} == {n: tuple(module(torch.zeros(1, 1, n)).shape) for n in SIZES}


REFUSED = {
    "more columns than there are": lambda table: table.gather(0, torch.zeros(2, 5, dtype=torch.int64)),
    "a matrix of rows": lambda table: table.index_select(0, torch.zeros(2, 2, dtype=torch.int64)),
    "a dimension of a row": lambda table: table[0].flatten(0, -2),
    "scattered from the end": lambda table: table.scatter(0, torch.tensor([-1])[None], 1.0),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_torch_refuses_of_constants_is_refused(name):
    module = Function(lambda x: x + REFUSED[name](torch.zeros(16, 4)).sum())
    with pytest.raises((IndexError, RuntimeError)):
        module(torch.zeros(1, 4))
    with pytest.raises(DomainError):
        from_torch(module, (4,))


@pytest.mark.parametrize("data", [range(5), np.arange(5), [np.int32(3)], [1.5, 2.0]])
def test_a_tensor_is_made_of_whatever_torch_takes(data):
    function = lambda x: torch.tensor(data) + x[0, 0]  # noqa: E731
    made, row = function(torch.zeros(1, 1)), from_torch(Function(function), (1,)).analyze()["tensor"]
    assert row.sizes == tuple(made.shape)
    assert f"torch.{row.dtype}" == str(torch.tensor(data).dtype)


class Held(torch.nn.Module):
    """Rows of a table by numbers in a buffer, or of some that go by the length of the input."""

    def __init__(self, numbers, buffer):
        super().__init__()
        self.table = torch.nn.Parameter(torch.zeros(16, 4))
        self.numbers = numbers
        self.register_buffer("held", buffer)

    def forward(self, x):
        n = x.shape[-1]
        return F.embedding(self.numbers(torch.arange(n), self.held, n), self.table).flatten(0, -2).sum(0) + x[:, :1]


KNOWN = {
    "down": (lambda row, held, n: torch.arange(n - 1, -1, -1), 16),
    "half": (lambda row, held, n: row // 2, 32),
    "negative, without the sign": (lambda row, held, n: (-row).abs(), 16),
    "turned": (lambda row, held, n: (2 * row).flip(0), 8),
    "joined": (lambda row, held, n: torch.cat([row, row + 3]), 13),
    "padded": (lambda row, held, n: F.pad(row, (1, 2), value=15), 16),
    "differences": (lambda row, held, n: row[:, None] - row[None] + n - 1, 8),
    "distances": (lambda row, held, n: (row[:, None] - row).abs(), 16),
    "after": (lambda row, held, n: (row[None] - row[:, None]).clamp(min=0), 16),
    "a grid": (lambda row, held, n: (row[:, None] * n + row).flatten(), 4),
    "counted": (lambda row, held, n: torch.ones(1, n, dtype=torch.int64).cumsum(1) + 1, 14),
    "split": (lambda row, held, n: torch.arange(2 * n).chunk(2)[1], 8),
    "written in place": (lambda row, held, n: row.mul_(3), 6),
    "a buffer": (lambda row, held, n: held[:, :n].expand(2, -1), 14),
    "the rest of a buffer": (lambda row, held, n: held[0, n : 2 * n], 7),
    "and one of them": (lambda row, held, n: row + row.flip(0)[:1], 8),
    "stretched": (lambda row, held, n: row.expand(1, -1) + row[:, None], 8),
    "stretched by a factor": (lambda row, held, n: (row * torch.full((3, 1), 2))[1:2], 8),
    "stretched by a bound": (lambda row, held, n: row.clamp(torch.zeros(3, 1, dtype=torch.int64))[2:], 16),
}


@pytest.mark.parametrize("name", KNOWN)
def test_numbers_of_rows_are_known_at_every_size(name):
    numbers, last = KNOWN[name]
    module = Held(numbers, 2 + torch.arange(64)[None])
    assert [takes(module, n) for n in (1, last, last + 1)] == [True, True, False]
    forms = from_torch(module, ("n",), at=3).closed_forms()
    scope = str(forms.valid).removeprefix(f"1 <= n <= {last}")
    assert forms.output.cells[3] == "proved"
    assert scope.endswith(", where the network is as it was read") if "buffer" in name else not scope


def test_the_numbers_in_a_buffer_are_looked_at_wherever_tensors_are_made():
    numbers, last = KNOWN["a buffer"]
    module = Held(numbers, 2 + torch.arange(64)[None])
    with torch.device("meta"):
        assert str(from_torch(module, ("n",), at=3).closed_forms().valid).startswith(f"1 <= n <= {last},")


BUFFERS = {"within": torch.tensor([[3, 0], [15, 2]]), "beyond": torch.tensor([3, 16])}


@pytest.mark.parametrize("name", BUFFERS)
def test_the_numbers_in_a_buffer_are_looked_at(name):
    module = Held(lambda row, held, n: held, BUFFERS[name])
    if takes(module, 2):
        assert from_torch(module, ("n",), at=2).closed_forms().output.given == ""
    else:
        with pytest.raises(DomainError, match=r"index=16: what is looked up has 16 rows"):
            from_torch(module, (2,))


UNCOUNTED = {
    "the remainder": lambda x: torch.arange(x.shape[-1]) % 16,
    "at most the last": lambda x: torch.arange(x.shape[-1]).clamp(max=15),
    "half": lambda x: torch.arange(x.shape[-1]) // 2,
    "zeros in its place": lambda x: torch.arange(x.shape[-1]).zero_(),
    "a part of columns": lambda x: torch.arange(2 * x.shape[-1]).view(2, -1).t().reshape(-1)[: x.shape[-1]] // 2,
}


@pytest.mark.parametrize("name", UNCOUNTED)
def test_numbers_of_rows_that_are_not_known_refuse_nothing(name):
    module = Positions(UNCOUNTED[name])
    assert takes(module, 20)
    assert from_torch(module, (20,)).analyze().output.output_size == (20,)


def test_the_indices_of_a_lookup_are_among_its_rows():
    assert Lookup((3, 4), least=((0, 3),), greatest=((2, 3),)).sizes((3, 4), (3,)) == (3, 4)
    assert Lookup((3, 4), least=((-3, 3),), back=True).sizes((3, 4), (3,)) == (3, 4)
    assert Lookup((0, 4), greatest=((3, 3),)).sizes((3, 4), (0,)) == (0, 4)
    for ends in ({"greatest": ((3, 3),)}, {"least": ((-1, 3),)}):
        with pytest.raises(DomainError, match=r"needs 0 <= index < 3"):
            Lookup((3, 4), **ends).sizes((3, 4), (3,))
    with pytest.raises(DomainError, match=r"needs -3 <= index < 3"):
        Lookup((3, 4), least=((-4, 3),), back=True).sizes((3, 4), (3,))


def test_an_index_that_is_known_chooses_only_what_is_there():
    function = lambda x: x.gather(3, torch.arange(4).expand(1, 3, x.shape[2], 4))  # noqa: E731
    forms = from_torch(Function(function), (3, "n", "n"), at=5).closed_forms()
    with pytest.raises(RuntimeError, match="out of bounds"):
        function(torch.rand(1, 3, 3, 3))
    assert (str(forms.valid), forms.output.given) == ("n >= 4", "")
