"""The README shows what the commands print and the functions return."""

import doctest
import re
from pathlib import Path

import pytest
from typer.testing import CliRunner

from convmath import catalog, network
from convmath.cli import app
from convmath.errors import DomainError
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


def test_the_readme_says_that_a_factory_runs_its_code():
    (paragraph,) = re.findall(r"^The form `module:factory`.*$", TEXT, flags=re.MULTILINE)
    assert "**it runs your code**" in paragraph


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


def read_networks(text: str, folder: Path) -> list[tuple[str, tuple[int, ...], int]]:
    """Name, output size and multiply-accumulates of the last layers of the networks that the README writes out."""
    found = []
    for number, source in enumerate(re.findall(r"```toml\n(.*?)```", text, flags=re.DOTALL)):
        path = folder / f"{number}.toml"
        path.write_text(source, encoding="utf-8")
        report = network.read(path).analyze()
        found.append((report.output.name, report.output.output_size, report.macs))
    return found


def test_the_network_in_a_file_is_the_one_that_is_built_before_it(tmp_path):
    built = re.search(r"\(\((64, 56, 56)\), \(11, 11\), (\d+)\)", TEXT)
    size, macs = tuple(map(int, built[1].split(", "))), int(built[2])
    assert read_networks(TEXT, tmp_path) == [("pool1", size, macs)]


def test_a_network_in_a_file_with_an_unknown_key_is_refused(tmp_path):
    with pytest.raises(DomainError, match="channels"):
        read_networks(TEXT.replace("\nout_channels", "\nchannels"), tmp_path)
