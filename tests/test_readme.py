"""The README shows what the commands print and the functions return."""

import doctest
import re
from pathlib import Path

import pytest
from typer.testing import CliRunner

from convmath import catalog
from convmath.cli import app
from convmath.latex import document

README = Path(__file__).parents[1] / "README.md"
TEXT = README.read_text(encoding="utf-8")


def failures(text: str) -> int:
    test = doctest.DocTestParser().get_doctest(text, {}, "README", None, 0)
    runner = doctest.DocTestRunner(verbose=False, optionflags=doctest.REPORT_NDIFF)
    runner.run(test, out=lambda line: None)
    assert runner.tries > 0
    return runner.failures


def test_the_python_examples_print_what_they_show():
    assert failures(TEXT) == 0


def test_a_wrong_python_example_is_caught():
    assert failures(TEXT.replace("(540, 960)", "(539, 960)")) == 1


def missing_from_the_readme(text: str) -> list[str]:
    """Displayed formulas of the README that the derivation of size.conv does not print."""
    printed = document.render([catalog.entry("size.conv")], style="markdown")
    shown = re.findall(r"\$\$\n.*?\n\$\$", text, flags=re.DOTALL)
    assert shown
    return [formula for formula in shown if formula not in printed]


def test_the_derivation_is_the_one_that_is_printed():
    assert missing_from_the_readme(TEXT) == []


def test_a_changed_derivation_is_caught():
    assert missing_from_the_readme(TEXT.replace("d(k - 1)", "d k"))


@pytest.mark.parametrize(
    ("command", "answer"), re.findall(r"^\$ convmath (size .*)\n(.*)\n```", TEXT, flags=re.MULTILINE)
)
def test_the_command_prints_what_it_shows(command, answer):
    run = CliRunner().invoke(app, command.split())
    assert (run.exit_code, run.stdout.strip()) == (0, answer)


def test_the_proof_table_shows_the_number_of_facts_and_steps():
    (facts, steps) = re.search(r"^size\.conv +(\d+) +(\d+)", TEXT, flags=re.MULTILINE).groups()
    run = CliRunner().invoke(app, ["prove", "size.conv"])
    assert run.exit_code == 0
    assert re.search(rf"^size\.conv +{facts} +{steps} ", run.stdout, flags=re.MULTILINE), run.stdout
