"""The README's table of who catches what is what the methods catch."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import settings

from .peers import PEERS
from .score import peer_catches, peer_refuses_twin, table
from .zoo import TWINS, ZOO

README = Path(__file__).parents[2] / "README.md"
START, END = "<!-- zoo -->\n", "\n<!-- end of zoo -->"


@pytest.fixture(scope="module", autouse=True)
def methods_are_installed():
    torch = pytest.importorskip("torch", reason="torch is not installed")
    pytest.importorskip("expecttest", reason="expecttest, which torch's OpInfo needs, is not installed")
    pytest.importorskip("onnx", reason="onnx is not installed")
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.mark.filterwarnings("ignore")
def test_the_readme_shows_the_score():
    """The column of ``convmath check`` is what test_zoo holds each specimen to."""
    text = README.read_text(encoding="utf-8")
    assert text.count(START) == text.count(END) == 1
    assert text.partition(START)[2].partition(END)[0] == table(lambda specimen: True)


def test_the_methods_leave_hypothesis_as_it_was():
    before = settings.default
    assert peer_refuses_twin("OpInfo samples", "conv", 1, "float64") is False
    assert settings.default is before


def test_another_number_would_be_noticed():
    shown = README.read_text(encoding="utf-8").partition(START)[2].partition(END)[0]
    (all_of_them,) = [line for line in shown.splitlines() if line.startswith("| all |")]
    assert f"| all | {len(ZOO)} | {len(ZOO)} |" in all_of_them
    assert f"| all | {len(ZOO)} | {len(ZOO) - 1} |" not in all_of_them


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("method", PEERS)
@pytest.mark.parametrize("kind", TWINS)
def test_no_method_refuses_a_correct_kernel(method, kind):
    for ndim in sorted({specimen.ndim for specimen in ZOO if specimen.kind == kind}):
        assert not peer_refuses_twin(method, kind, ndim, "float64"), ndim


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(
    ("method", "seen", "unseen"),
    [
        ("OpInfo samples", "dilation_only_in_size", "padding_sides_swapped"),
        ("gradcheck", "writes_into_the_kernel", "dilation_only_in_size"),
        ("ONNX node tests", "remainder_of_four", "every_group_reads_the_first"),
    ],
)
def test_each_method_sees_some_and_not_all(method, seen, unseen):
    convolutions = {specimen.name: specimen for specimen in ZOO if specimen.kind == "conv"}
    assert peer_catches(method, convolutions[seen])
    assert peer_catches(method, convolutions[unseen]) is False


def test_onnx_has_no_test_of_a_gradient():
    gradients = [specimen for specimen in ZOO if "grad" in specimen.kind]
    assert {peer_catches("ONNX node tests", specimen) for specimen in gradients} == {None}
