"""Networks whose input sizes are letters, hundreds of layers deep: their terms never nest from layer to layer."""

from __future__ import annotations

import pytest
from typer.testing import CliRunner

from convmath import network
from convmath.calculus.index import integers
from convmath.cli import app
from convmath.errors import UnsupportedError
from convmath.network import Graph
from convmath.network.closed_form.terms import evaluated
from convmath.network.operators import (
    Conv,
    ConvTranspose,
    Flip,
    Operator,
    Permute,
    Pool,
    Reshape,
    Resize,
    SliceFromEnd,
    Softmax,
)

LAYERS = 200


def chain(size, *operators: Operator, layers: int = LAYERS, batch_size=1) -> Graph:
    """Operators in turn, one after the other."""
    graph = Graph()
    name = graph.input(size, batch_size=batch_size)
    for number in range(layers):
        name = graph.add(f"layer{number + 1}", operators[number % len(operators)], name)
    return graph


HALVED, DOUBLED = Conv(4, 4, (3,), stride=2, padding=1), ConvTranspose(4, 4, (2,), stride=2)

DEEP = [
    ((Conv(4, 4, (3,)),), f"(4, n - {2 * LAYERS}) for n >= {2 * LAYERS + 1}, proved"),
    ((Pool("max", (2,)), Resize("nearest", scale=(2,))), "(4, 2*floor(n/2)) for n >= 2, proved"),
    ((DOUBLED, HALVED), "(4, n) for n >= 1, proved"),
    ((HALVED, DOUBLED), "(4, 2*ceil(n/2)) for n >= 1, proved"),
]


@pytest.mark.parametrize(("operators", "form"), DEEP, ids=("crop", "pool and resize", "up and down", "down and up"))
def test_layers_that_change_the_size_have_closed_forms_however_many_they_are(operators, form):
    graph = chain((4, "n"), *operators)
    assert str(graph.closed_forms().output) == f"layer{LAYERS}: {form}"
    assert graph.at(1000).analyze().output.output_size == graph.closed_forms().output.at(1000)[1:]


def test_many_layers_are_solved_for_their_input_size():
    graph = chain((4, "n"), Conv(4, 4, (3,)))
    assert str(network.solve(graph, output_size=1)) == f"n = {2 * LAYERS + 1}"


def test_a_file_with_letters_and_many_layers_is_answered_on_the_command_line(tmp_path):
    path = tmp_path / "deep.toml"
    layers = "\n[[layers]]\nop = 'max_pool'\nkernel_size = 2\n[[layers]]\nop = 'resize'\nscale_factor = 2\n"
    path.write_text("input = [4, 'n']\n" + layers * (LAYERS // 2))
    result = CliRunner().invoke(app, ["net", str(path), "--format", "csv"])
    assert result.exit_code == 0
    assert '"4, 2*floor(n/2)",n >= 2,proved' in result.output.splitlines()[-1]


def test_a_report_refuses_a_batch_in_a_letter_where_its_terms_would_nest():
    graph = chain((4, 10), SliceFromEnd(0, 1, 0), batch_size="N")
    with pytest.raises(UnsupportedError, match="go by N in more than 64 operations; give the batch as a number"):
        graph.analyze()
    assert graph.closed_forms().output.sizes[0] == integers("N") - LAYERS
    few = chain((4, 10), SliceFromEnd(0, 1, 0), layers=9, batch_size="N").analyze().output
    assert evaluated(few.sizes[0])(64) == 55


# The batch


@pytest.mark.parametrize("size", [(8, "n"), (8, 12)], ids=str)
def test_the_batch_is_followed_past_layers_in_letters(size):
    graph = chain(size, Permute((1, 0, 2)), Pool("max", (2,)), Softmax(2), Flip((2,)), layers=4)
    assert [form.batch for form in graph.closed_forms()] == [0, 1, 1, 1, 1]
    assert str(graph.closed_forms().output.output_size) == "(8, FloorDiv(n, 2))"
    report = (graph.at(12) if graph.symbols else graph).analyze()
    assert [row.batch for row in report] == [0, 1, 1, 1, 1]
    assert report.output.output_size == (8, 6)


def test_a_batch_in_a_letter_is_followed_beside_letters():
    forms = chain((8, "n"), Permute((1, 0, 2)), Pool("max", (2,)), layers=3, batch_size="N").closed_forms()
    assert [(form.batch, str(form.sizes[form.batch])) for form in forms] == [(at, "N") for at in (0, 1, 1, 0)]


@pytest.mark.parametrize("patch", [7, 11, 14, 64])
def test_a_batch_that_is_not_first_is_followed_past_patches_of_any_size(patch):
    graph = chain((8, "n"), Permute((1, 0, 2)), Reshape((8, 3, -1, patch)), layers=2, batch_size=3)
    output, row = graph.closed_forms().output, graph.at(patch * 5).analyze().output
    assert (output.batch, output.at(patch * 5)) == (row.batch, row.sizes) == (1, (8, 3, 5, patch))


def test_what_is_left_over_beside_a_letter_is_unknown():
    graph = chain((4, "n"), Reshape((1, -1, integers("n"))), layers=1)
    assert "is divided by the size n" in graph.closed_forms().output.reason
