"""``convmath worked``: what it prints, writes and refuses."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from fractions import Fraction
from functools import partial

import numpy as np
import pytest

from convmath.worked import Conv, ConvTranspose, Gradients, Matrix, Pool, example, examples, learn_kernel, render

from . import command_line

X, W = [[[1, 2, 3], [4, 5, 6], [7, 8, 9]]], [[[[1, 0], [-1, 2]]]]
INPUT, KERNEL = "1 2 3; 4 5 6; 7 8 9", "1 0; -1 2"
GIVEN = ["-i", INPUT, "-k", KERNEL]


ran, printed, refused = (
    partial(run, "worked") for run in (command_line.ran, command_line.printed, command_line.refused)
)


@pytest.mark.parametrize(
    ("arguments", "calculation"),
    [
        (["conv", *GIVEN], Conv(X, W)),
        (["conv", *GIVEN, "-s", "2,1", "-p", "1,0:2", "-d", "1", "-b", "1/2"], Conv(X, W, [0.5], (2, 1), (1, (0, 2)))),
        (["conv", *GIVEN, "-p", "same"], Conv(X, W, padding=((0, 1), (0, 1)))),
        (["conv", *GIVEN, "-p", "1:0"], Conv(X, W, padding=((1, 0), (1, 0)))),
        (["conv", "-i", "1 2 | 3 4", "-k", "1 || -1", "-g", 2, "--ndim", 1],
         Conv([[1, 2], [3, 4]], [[[1]], [[-1]]], groups=2)),
        (["conv_transpose", *GIVEN, "-s", 2, "-p", 1, "--op", "1,0"],
         ConvTranspose(X, W, stride=2, padding=1, output_padding=(1, 0))),
        (["pool", "-i", INPUT, "-k", 2], Pool(X, 2)),
        (["pool", "-i", INPUT, "-k", "2x1", "-m", "avg", "-s", 1, "-p", "1,0", "--exclude-pad", "--ceil-mode"],
         Pool(X, (2, 1), "avg", 1, (1, 0), ceil_mode=True, count_include_pad=False)),
        (["grad", *GIVEN, "--grad-output", "1 0; 0 1/2"], Gradients(X, W, grad_output=[[[1, 0], [0, 0.5]]])),
        (["matrix", *GIVEN], Matrix(X, W)),
        (["matrix", *GIVEN, "--grad-output", "1 0; 0 1"], Matrix(X, W, grad_output=[[[1, 0], [0, 1]]])),
        (["learn-kernel", *GIVEN, "-r", "1/1000", "-n", 3, "--seed", 2],
         learn_kernel(X, W, rate=Fraction(1, 1000), updates=3, seed=2)),
    ],
)  # fmt: skip
def test_the_command_prints_what_the_library_says(arguments, calculation):
    assert printed(*arguments) == render(calculation)


@pytest.mark.parametrize("style", ["latex", "markdown", "text"])
def test_an_example_is_shown_by_its_name_in_every_style(style):
    assert printed("ml-24.4", "--format", style) == example("ml-24.4").render(style=style)


def test_the_list_names_every_example():
    listed = printed("--list")
    assert re.findall(r"^((?:nb|ml|pf|cp)-\S+) ", listed, re.MULTILINE) == [found.id for found in examples()]


def test_files_give_the_same_page_as_text(tmp_path):
    np.save(tmp_path / "x.npy", np.array(X[0]))
    (tmp_path / "w.csv").write_text("1,0\n-1,2\n")
    assert printed("conv", "-i", tmp_path / "x.npy", "-k", tmp_path / "w.csv") == render(Conv(X, W))


def test_floats_of_a_file_are_the_decimals_that_they_print_as_unless_asked_for_exactly(tmp_path):
    np.save(tmp_path / "x.npy", np.array([[0.1, 0.25]], dtype=np.float32))
    given = ["conv", "-i", tmp_path / "x.npy", "-k", "1"]
    decimal, binary = ran(*given), ran(*given, "--exact-binary")
    assert decimal.stdout == render(Conv([[[Fraction(1, 10), Fraction(1, 4)]]], [[[[1]]]]))
    assert binary.stdout == render(Conv([[[Fraction(float(np.float32(0.1))), Fraction(1, 4)]]], [[[[1]]]]))
    assert decimal.stdout != binary.stdout
    assert re.match(r"Note: the floats in .*x\.npy are taken as the decimals that they print as", decimal.stderr)
    assert binary.stderr == ""


def test_there_is_no_note_about_floats_that_are_what_they_print_as(tmp_path):
    np.save(tmp_path / "x.npy", np.array([[0.5, 3]]))
    assert ran("conv", "-i", tmp_path / "x.npy", "-k", "0.1").stderr == ""


@pytest.mark.parametrize("style", ["latex", "markdown", "text"])
def test_a_page_with_the_users_numbers_has_no_line_about_its_source(style):
    assert "Source" not in printed("pool", "-i", INPUT, "-k", 2, "--mode", "avg", "--format", style)
    assert "Source" in printed("ml-24.8", "--format", style)


@pytest.mark.parametrize(("suffix", "style"), [("tex", "latex"), ("md", "markdown"), ("txt", "text")])
def test_the_suffix_of_a_file_says_the_style(tmp_path, suffix, style):
    path = tmp_path / "new" / f"steps.{suffix}"
    assert printed("conv", *GIVEN, "-o", path) == ""
    assert path.read_text(encoding="utf-8") == render(Conv(X, W), style=style)


def test_a_large_input_does_not_print_hundreds_of_windows_unless_asked():
    given = ["conv", "-i", ";".join(["1 " * 28] * 28), "-k", "1 1 1; 1 1 1; 1 1 1"]
    assert printed(*given).count("the window covers") == 16
    assert printed(*given, "--steps", 2).count("the window covers") == 2
    assert printed(*given, "--steps", "all").count("the window covers") == 676


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["conv", "-i", "1 nan", "-k", "1"], "Error: --input='nan': needs numbers such as 3, -1.5, 2e-3 or 2/3"),
        (["conv", "-i", "1 2; 3", "-k", "1"], "Error: --input='1 2; 3': has a row of 1 number after one of 2"),
        (["conv", "-i", "none.npy", "-k", "1"], "Error: --input='none.npy': needs a file that exists"),
        (
            ["conv", "-i", INPUT, "-k", "1 | 1"],
            f"Error: --input='{INPUT}': has 1 channel, and --kernel is for 2 (| separates them there)",
        ),
        (["conv", "-i", "1", "-k", KERNEL], "spans 2 elements, but axis 0 has 1 + 0 + 0 after padding"),
        (["conv", *GIVEN, "-b", "1 2"], "Error: --bias=(2,): needs 1 number, one for each output channel"),
        (["conv", *GIVEN, "-s", "n"], "Error: stride='n': needs an integer, or one per axis such as 2,1"),
        (["conv", *GIVEN, "-s", "1,2,3"], "Error: stride=(1, 2, 3): has 3 entries for 2 axes"),
        (["conv", *GIVEN, "-p", "half"], "Error: padding='half': needs integers such as 1 or 1,2, LO:HI, or one of"),
        (["conv", *GIVEN, "-p", "-1"], "needs padding >= 0"),
        (["conv", *GIVEN, "-p", "same", "-s", 2], "stride"),
        (["conv", *GIVEN, "--steps", "few"], "Error: steps='few': needs a number of elements, or all"),
        (["conv", *GIVEN, "-o", "steps.pdf"], "Error: output='steps.pdf': needs --format, or one of the suffixes .tex"),
        (["conv", "-i", ";".join(["1 " * 224] * 224), "-k", "1"], "has 50176 elements, and a worked example writes"),
        (
            ["conv_transpose", *GIVEN, "-p", "same"],
            "Error: padding='same': needs integers for a transposed convolution",
        ),
        (["conv_transpose", *GIVEN, "--op", 1], "needs output_padding < max(stride, dilation) = 1"),
        (["pool", "-i", INPUT, "-k", 4], "spans 4 elements, but axis 0 has 3"),
        (["grad", *GIVEN, "--grad-output", "1"], "Error: --grad-output=(1, 1, 1): needs shape (1, 2, 2)"),
        (["learn-kernel", *GIVEN, "-r", "fast"], "Error: rate='fast': needs numbers such as"),
        (["learn-kernel", *GIVEN, "-n", 0], "Error: updates=0: needs updates >= 1"),
        (["conv", *GIVEN, "-g", 2], "has 1 channel, and --kernel in 2 groups is for 2 (| separates them there)"),
        (
            ["conv", "-i", "1 | 1", "-k", "1", "-g", 2],
            "needs to divide the number of output channels of --kernel, which is 1",
        ),
        (["conv", *GIVEN, "-g", 0], "Error: groups=0: needs groups >= 1"),
        (
            ["conv_transpose", "-i", "1", "-k", "1 || 1"],
            "has 1 channel, and --kernel is for 2 (|| separates them there)",
        ),
        (["conv_transpose", *GIVEN, "-g", 2], "needs to divide the number of input channels of --kernel, which is 1"),
        (["ml-24.44"], "Error: name='ml-24.44': no calculation or example has this name; did you mean ml-24.4"),
        (["cnv", *GIVEN], "No such option: -i"),
        (["cnv"], "Error: name='cnv': no calculation or example has this name; did you mean conv?"),
        (["ml-24.4", "--lang", "fr"], "Invalid value for '--lang': 'fr' is not one of 'en', 'zh'"),
        (
            ["pool", "-i", INPUT, "-k", 2, "-m", "mean"],
            "Invalid value for '--mode' / '-m': 'mean' is not one of 'max', 'avg'",
        ),
        (["conv"], "Missing option '--input'"),
    ],
)
def test_a_wrong_request_ends_as_a_sentence_and_exit_code_2(arguments, sentence):
    assert sentence in refused(*arguments)


@pytest.mark.parametrize("command", ["", "conv", "conv_transpose", "pool", "grad", "matrix", "learn-kernel"])
def test_the_examples_in_the_help_are_true(command, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    np.save("image.npy", np.arange(72).reshape(2, 6, 6))
    shown = re.findall(r"^ +convmath worked (.*)$", printed(*filter(None, [command]), "--help"), re.MULTILINE)
    assert shown
    for line in shown:
        printed(*shlex.split(line))


HELP = """
import sys
from convmath.cli import app
try:
    app(["worked", "conv", "--help"])
finally:
    print(sorted({"numpy", "sympy", "torch"} & sys.modules.keys()))
"""


def test_help_loads_neither_numpy_nor_sympy():
    done = subprocess.run([sys.executable, "-c", HELP], capture_output=True, text=True, check=True)
    assert "--kernel" in done.stdout
    assert done.stdout.splitlines()[-1] == "[]"
