"""The command line: what it prints is what the library says, and a bad request ends as a sentence and exit code 2."""

from __future__ import annotations

import importlib.metadata
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import convmath
from convmath import catalog
from convmath.assumptions import collect
from convmath.calculus import store
from convmath.calculus.index import formulas, integers
from convmath.cli import app, sizes
from convmath.cli.entries import SUFFIXES
from convmath.errors import DomainError
from convmath.latex.document import render
from convmath.latex.printer import text

from .command_line import printed, ran, refused

ROOT = Path(__file__).parents[1]
HEAVY = {"sympy", "numpy", "torch", "z3", "scipy"}


def process(*arguments, **environment):
    command = [sys.executable, *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False, env=os.environ | environment)


def test_a_command_that_ends_otherwise_than_it_should_is_seen():
    with pytest.raises(AssertionError):
        printed("size", "3", "-k", "5")
    with pytest.raises(AssertionError):
        refused("size", "5", "-k", "3")
    assert printed("size", "5", "-k", "3") == "3\n"
    assert refused("size", "3", "-k", "5").startswith("Error: ")


# size

SMALL = st.integers(-1, 12)


@given(n=SMALL, k=SMALL, s=SMALL, p=SMALL, d=SMALL, a=SMALL, kind=st.sampled_from(["conv", "transposed", "pool"]))
def test_size_prints_what_the_helper_returns_or_the_sentence_of_its_error(n, k, s, p, d, a, kind):
    options = {"stride": s, "padding": p, "dilation": d}
    arguments = [f"{n},", "-k", k, "-s", s, "-p", p, "-d", d]
    if kind == "transposed":
        arguments += ["--transposed", "--op", a]
        options["output_padding"] = a
    elif kind == "pool":
        arguments += ["--pool", "--ceil-mode"] if a % 2 else ["--pool"]
        options["ceil_mode"] = a % 2 == 1
    helper = {
        "conv": convmath.conv_output_size,
        "transposed": convmath.conv_transpose_output_size,
        "pool": convmath.pool_output_size,
    }[kind]
    try:
        (size,) = helper((n,), k, **options)
        expected = (0, f"{size}\n", "")
    except DomainError as error:
        expected = (2, "", f"Error: {error}\n")
    result = ran("size", *arguments[1:], "--", arguments[0])
    assert (result.exit_code, result.stdout, result.stderr) == expected


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("224 -k 7 -s 2 -p 3", "112"),
        ("224x320 -k 3 -p 1", "224x320"),
        ("224,320 -k 3x5 -p 1,2", "224x320"),
        ("1080x1920 -k 3x5 -s 2 -p same_upper", "540x960"),
        ("10 -k 3 -p 0:2", "10"),
        ("10 -k 3 -p 1,1", "10"),
        ("10x12 -k 3 -p 0:2", "10x12"),
        ("10x12 -k 3 -p 0:2,1", "10x12"),
        ("10 -k 3 -p causal -d 4", "10"),
        ("112 -k 7 -s 2 -p 3 -t --op 1", "224"),
        ("6 -k 3 --pool", "2"),
        ("6 -k 3 --pool -s 2", "2"),
        ("6 -k 3 --pool -s 2 --ceil-mode", "3"),
    ],
)
def test_size_reads_sizes_paddings_and_layers(line, expected):
    assert printed("size", *line.split()) == f"{expected}\n"


def test_size_on_letters_prints_the_helpers_formula():
    n, m, k, s, p_l, p_r = integers("n m k s p_l p_r")
    formula = convmath.conv_output_size(n, k, stride=s, padding=(p_l, p_r))
    assert printed("size", "n", "-k", "k", "-s", "s", "-p", "p_l:p_r") == f"{text(formula)}\n"
    first, second = convmath.conv_output_size((n, m), 3, stride=2)
    assert printed("size", "n,m", "-k", "3", "-s", "2") == f"{text(first)}, {text(second)}\n"
    assert text(first) == "⌊(n - 3)/2⌋ + 1"


def test_size_with_show_adds_the_formula_its_numbers_and_its_entry():
    n, k, s, d, p_l, p_r = integers("n k s d p_l p_r")
    general = text(convmath.conv_output_size(n, k, stride=s, padding=(p_l, p_r), dilation=d))
    out = printed("size", "10x11", "-k", "3", "-s", "2", "-p", "same_lower", "--show").splitlines()
    assert out == [
        "5x6",
        f"axis 0: {general} with n = 10, k = 3, s = 2, d = 1, p_l = 1, p_r = 0 (entry size.conv)",
        f"axis 1: {general} with n = 11, k = 3, s = 2, d = 1, p_l = 1, p_r = 1 (entry size.conv)",
    ]
    with collect() as conditions:
        convmath.conv_output_size(n, k)
    (_, line) = printed("size", "n", "-k", "k", "--show").splitlines()
    assert line.endswith(f"where {', '.join(map(text, formulas(conditions)))} (entry size.conv)")
    assert text(formulas(conditions)[-1]) == "k ≤ n"


@pytest.mark.parametrize(
    "line", ["7 -k 3 -t --op 0", "7 -k 3 -t -s 2 -p same_upper", "7 -k 3 --pool", "7 -k 3 --pool --ceil-mode"]
)
def test_the_formula_that_is_shown_gives_the_size_that_is_printed(line):
    size, shown = printed("size", *line.split(), "--show").splitlines()
    formula, _, values = shown.partition(" with ")
    numbers = dict(part.split(" = ") for part in values.partition(" (entry ")[0].split(", "))
    source = formula.replace("·", "*").replace("⌊", "floor(").replace("⌈", "ceil(").replace("⌋", ")").replace("⌉", ")")
    from math import ceil, floor

    value = eval(source, {"floor": floor, "ceil": ceil, "min": min, "max": max, "__builtins__": {}}, {  # noqa: S307
        name: int(number) for name, number in numbers.items()
    })  # fmt: skip
    assert str(value) == size


def test_the_entries_that_size_names_exist():
    layers = [(False, False, False), (True, False, False), (False, True, False), (False, True, True)]
    named = {sizes._layer(*layer)[1] for layer in layers}
    assert named <= {item.id for item in catalog.entries()}
    assert len(named) == 3


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("3 -k 5", "kernel_size=5 with dilation=1 spans 5 elements, but the input has 3 + 0 + 0 after padding"),
        ("3.5 -k 1", "input_size='3.5': needs integers"),
        ("5 -k 3 -p smae", "one of valid, same,"),
        ("5 -k 3 -p 1:2:3", "padding=(1, 2, 3)"),
        ("5 -k 3 -s __import__('os')", "stride=\"__import__('os')\": needs integers"),
        ("5 -k 3 -s n**9**9**9", "stride='n**9**9**9': needs integers"),
        ("5 -k lambda", "kernel_size='lambda': needs integers"),
        (f"5 -k {'9' * 5000}", "needs integers of at most 18 digits"),
        ("5 -k 3x3", "kernel_size=(3, 3): needs one value"),
        ("5x5 -k 3,3,3", "kernel_size=(3, 3, 3)"),
        ("٣ -k 1", "needs integers"),
        ("5 -k 3 --pool --transposed", "choose one"),
        ("5 -k 3 --op 1", "needs --transposed"),
        ("5 -k 3 --ceil-mode", "needs --pool"),
        ("5", "kernel-size"),
        ("5 -k 3 -p same -s 2", "'same' needs stride 1"),
        ("5 -k 3 --frobnicate", "--frobnicate"),
    ],
)
def test_size_refuses_with_a_sentence(line, said):
    assert said in refused("size", *line.split())


@given(st.text(max_size=12))
def test_a_word_is_a_number_or_a_letter_or_refused(word):
    try:
        value = sizes.numbers("stride", word)
    except DomainError:
        return
    parts = value if isinstance(value, tuple) else (value,)
    assert all(isinstance(part, int) or (part.is_Symbol and part.name in word) for part in parts)


# start-up


@pytest.mark.parametrize("line", ["--help", "--version", "size 224 -k 7", "size 3 -k 7", "size --help", "prove --help"])
def test_help_and_sizes_of_numbers_load_nothing_heavy(line):
    code = (
        "import sys\nfrom convmath.cli import app\n"
        f"try:\n    app({line.split()!r})\nexcept SystemExit:\n    print('loaded', *sys.modules)"
    )
    run = process("-c", code)
    (loaded,) = [row for row in run.stdout.splitlines() if row.startswith("loaded")]
    assert HEAVY & set(loaded.split()) == set()
    assert "convmath.cli" in loaded.split()


def test_a_heavy_import_at_start_up_would_be_seen():
    code = "import sys; from convmath.cli import app; app(['size', 'n', '-k', '3'], standalone_mode=False)"
    assert "sympy" in process("-c", f"{code}; print(*sys.modules)").stdout.split()


# list and show


def test_list_has_every_entry_and_whether_its_certificates_are_there():
    rows = json.loads(printed("list", "--format", "json"))
    assert [row["id"] for row in rows] == [item.id for item in catalog.entries()]
    assert [row["title"] for row in rows] == [item.title for item in catalog.entries()]
    assert {row["status"] for row in rows} == {"certified"}
    table = printed("list")
    assert all(row["id"] in table and row["title"] in table for row in rows)


def test_list_says_which_entry_has_no_certificates(tmp_path, monkeypatch):
    folder = Path(shutil.copytree(store.committed(), tmp_path / "certificates"))
    store.file_of("size.conv", folder).unlink()
    monkeypatch.setattr(store, "committed", lambda: folder)
    rows = json.loads(printed("list", "--format", "json"))
    assert [row["id"] for row in rows if row["status"] != "certified"] == ["size.conv"]


def test_show_tells_what_an_entry_says_supposes_and_rests_on():
    out = printed("show", "size.conv")
    assert "size.conv: Output size of a convolution" in out
    theorem = catalog.entry("size.conv").theorem
    assert text(theorem.conclusion) in out
    assert all(text(hypothesis) in out for hypothesis in theorem.hypotheses)
    assert "DumoulinVisin2016" in out
    assert "convmath.conv_output_size" in out
    assert out.splitlines()[-1].split() == ["Rests", "on", "kernel"]
    facts = json.loads(printed("show", "grad.input", "--ndim", "2", "--format", "json"))
    assert facts["trust"] == ["kernel"]
    assert facts["statements"] == [text(catalog.entry("grad.input").proof(2).statements[-1].theorem.conclusion)]
    assert facts["statements"] != json.loads(printed("show", "grad.input", "--format", "json"))["statements"]


@pytest.mark.parametrize("command", ["show", "derive", "prove"])
def test_an_unknown_id_is_answered_with_the_nearest(command):
    said = refused(command, "size.cnov")
    assert "id='size.cnov'" in said
    assert "did you mean size.conv" in said


def test_a_number_of_axes_that_an_entry_has_not_is_refused():
    assert "ndim=7: grad.input needs one of 1, 2, 3" in refused("show", "grad.input", "--ndim", "7")
    assert "ndim=2: size.conv is about one axis" in refused("derive", "size.conv", "--ndim", "2")


# derive


def test_derive_writes_what_the_library_renders_in_the_style_of_the_suffix(tmp_path):
    assert printed("derive", "size.valid") == render(catalog.entry("size.valid"), style="text")
    for suffix, style in SUFFIXES.items():
        path = tmp_path / "new" / f"page{suffix}"
        assert printed("derive", "grad.bias", "--ndim", "2", "-o", path) == ""
        assert path.read_text() == render(catalog.entry("grad.bias"), ndim=2, style=style.value)
    printed("derive", "grad.bias", "--format", "markdown", "-o", tmp_path / "page.tex")
    assert (tmp_path / "page.tex").read_text() == render(catalog.entry("grad.bias"), style="markdown")
    two = [catalog.entry("size.full"), catalog.entry("size.valid")]
    assert printed("derive", "size.full", "size.valid", "--format", "json") == render(two, style="json")


def test_derive_all_writes_the_book_with_the_same_bytes_in_another_process(tmp_path, book):
    done = process("-m", "convmath", "derive", "--all", "-o", tmp_path / "all.tex", PYTHONHASHSEED="4242")
    assert (done.returncode, done.stdout) == (0, ""), done.stderr
    assert (tmp_path / "all.tex").read_bytes() == book().encode()


def test_derive_writes_the_same_bytes_in_every_process():
    texts = {process("-m", "convmath", "derive", "size.pool_ceil", PYTHONHASHSEED=seed).stdout for seed in ("1", "2")}
    assert len(texts) == 1
    assert "size.pool_ceil" in texts.pop()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "--all for every entry"),
        (["size.conv", "--all"], "--all for every entry"),
        (["size.conv", "-o", "page.docx"], "output='page.docx': needs --format, or one of the suffixes .tex"),
        (["size.conv", "--format", "pdf"], "pdf"),
        (["size.conv", "grad.input", "--ndim", "2"], "ndim=2: size.conv is about one axis"),
        (["size.valid", "--format", "text", "-o", "/dev/null/page"], "/dev/null: File exists"),
        (["size.valid", "--format", "text", "-o", "/dev"], "/dev: Is a directory"),
    ],
)
def test_derive_refuses_with_a_sentence(arguments, said):
    assert said in refused("derive", *arguments)


# prove


def prove_in(folder, *arguments):
    return ran("prove", *arguments, "--jobs", "1", "--certificates", folder)


@pytest.fixture
def folder(tmp_path):
    return Path(shutil.copytree(store.committed(), tmp_path / "certificates"))


def test_prove_reports_each_entry_and_ends_with_0(folder):
    result = prove_in(folder, "size.valid", "size.conv", "--no-cache")
    assert result.exit_code == 0, result.output
    assert "2 of 2 entries proved" in result.stdout
    assert "kernel" in result.stdout
    assert [line.split(" in ")[0] for line in result.stderr.splitlines()] == ["size.valid: proved", "size.conv: proved"]
    report = json.loads(prove_in(folder, "size.valid", "--format", "json").stdout)
    assert report["ok"] is True
    (entry,) = report["entries"]
    certificates = json.loads(store.file_of("size.valid", folder).read_text())
    assert (entry["id"], entry["trust"], entry["problems"]) == ("size.valid", ["kernel"], [])
    assert entry["facts"] == len(certificates) > 0


def test_prove_ends_with_1_and_names_the_entry_whose_certificates_are_wrong(folder):
    path = store.file_of("size.valid", folder)
    path.write_text(path.read_text().replace("-1", "-2", 1) if "-1" in path.read_text() else "{}")
    result = prove_in(folder, "size.valid", "size.same_odd")
    assert result.exit_code == 1
    assert "1 of 2 entries proved" in result.stdout
    assert "size.valid: " in result.stderr
    report = json.loads(prove_in(folder, "size.valid", "--format", "json").stdout)
    assert report["ok"] is False
    assert len(report["problems"]) == 1


def test_prove_search_mends_the_folder_and_removes_what_belongs_to_no_entry(folder):
    store.file_of("size.valid", folder).unlink()
    shutil.copy(store.file_of("size.conv", folder), folder / "size.invented.json")
    broken = ran("prove", "--certificates", folder)
    assert broken.exit_code == 1
    for said in ("size.valid: its certificates are missing", "size.invented.json: belongs to no entry"):
        assert said in broken.stderr
    mended = ran("prove", "--certificates", folder, "--search", "--jobs", "1")
    assert mended.exit_code == 0, mended.output
    assert sorted(path.stem for path in folder.glob("*.json")) == sorted(item.id for item in catalog.entries())
    assert prove_in(folder, "size.valid").exit_code == 0


@pytest.mark.parametrize("arguments", [["--jobs", "0"], ["--format", "xml"], ["--jobs", "many"]])
def test_prove_refuses_wrong_options(arguments):
    assert arguments[0] in refused("prove", "size.valid", *arguments)


def test_prove_with_a_folder_that_is_not_there_is_refused(tmp_path):
    (tmp_path / "file").touch()
    for name, said in (("nowhere", "does not exist"), ("file", "is a file")):
        for options in ([], ["--search"]):
            assert said in refused("prove", "size.valid", *options, "--certificates", tmp_path / name)


# the program


def test_python_m_convmath_is_the_same_program():
    run = process("-m", "convmath", "size", "224", "-k", "7", "-s", "2", "-p", "3")
    assert (run.returncode, run.stdout, run.stderr) == (0, "112\n", "")
    run = process("-m", "convmath", "size", "224", "-k", "0")
    assert (run.returncode, run.stdout) == (2, "")
    assert run.stderr == "Error: kernel_size=0: needs kernel_size >= 1\n"


def test_version_is_that_of_the_package():
    assert printed("--version") == f"convmath {importlib.metadata.version('convmath')}\n"


def test_every_command_has_help_and_its_examples_are_true():
    assert "Examples:" in printed("--help")
    commands = [command.name for command in app.registered_commands]
    judging = ["prove", "check", "conformance"]
    assert commands == ["size", "list", "show", "derive", "counterexamples", *judging, "net", "solve"]
    for command in commands:
        out = printed(command, "--help")
        examples = [line.split() for line in out.splitlines() if line.strip().startswith("convmath ")]
        for example in examples if command in ("size", "show") else ():
            printed(*example[1:])


def test_a_terminal_without_the_characters_gets_their_numbers():
    command = [sys.executable, "-m", "convmath", "show", "size.conv"]
    run = subprocess.run(
        command, capture_output=True, check=False, encoding="latin-1", env=os.environ | {"PYTHONIOENCODING": "latin-1"}
    )
    assert run.returncode == 0, run.stderr
    assert "\\u230a" in run.stdout


def test_a_closed_pipe_is_no_error_message():
    command = [sys.executable, "-m", "convmath", "list", "--format", "json"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as running:
        running.stdout.close()
        assert running.stderr.read() == ""


# fuzz

COMMANDS = ["size", "list", "show", "derive", "counterexamples", "prove"]
OPTIONS = [
    *(
        "--help",
        "-h",
        "--version",
        "--all",
        "--ndim",
        "--format",
        "-o",
        "--output",
        "-k",
        "-s",
        "-p",
        "-d",
        "--op",
        "-t",
    ),
    *("--pool", "--ceil-mode", "--show", "--jobs", "--certificates", "--recheck", "--smtlib", "--"),
]
VALUES = [
    *(
        "json",
        "latex",
        "markdown",
        "text",
        "table",
        "out.txt",
        "sub/out.md",
        "nowhere",
        "1",
        "2",
        "0",
        "-1",
        "224",
        "8x8",
    ),
    *("1:2", "same", "n", "p_l", "size.conv", "size.valid", "size.cnov", "grad.bias", "[bold]", "{}", "%s"),
]
WORDS = st.sampled_from(COMMANDS) | st.sampled_from(OPTIONS) | st.sampled_from(VALUES)
OTHERS = st.text(max_size=6).filter(lambda word: "/" not in word)


@given(st.lists(WORDS | OTHERS, max_size=7))
def test_any_arguments_end_with_a_known_exit_code_and_without_a_traceback(tmp_path_factory, words):
    if "prove" in words:
        words = [*words, "size.cnov", "size.cnov"]  # never the whole catalogue
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path_factory.mktemp("fuzz"))
        result = ran(*words)
    assert result.exit_code in {0, 1, 2}, (words, result.exception)
    assert result.exception is None or isinstance(result.exception, SystemExit), (words, result.exception)
    assert "Traceback" not in result.output
