"""What was proved is not proved again, unless anything that it depends on has changed; a failure is never kept."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path

import platformdirs
import pytest

from convmath import cache, catalog
from convmath.calculus import store
from convmath.proving import Outcome, Request, prove

from .test_layers import ROOT, imports_of, inside, modules_under, reached

VALID, CONV = catalog.entry("size.valid"), catalog.entry("size.conv")


def outcome_of(identifier, place, **options):
    (outcome,) = prove([identifier], Request(cache=place, **options))
    return outcome


# What is kept


def test_what_was_proved_is_not_proved_again_and_without_a_cache_it_is(tmp_path):
    first, second = (outcome_of("size.valid", tmp_path) for _ in range(2))
    assert (first.ok, first.cached, second.ok, second.cached) == (True, False, True, True)
    assert asdict(second) == asdict(first) | {"cached": True}
    (plain,) = prove(["size.valid"])
    assert not plain.cached


def test_cached_and_fresh_outcomes_come_in_the_order_of_the_entries(tmp_path):
    outcome_of("size.conv", tmp_path)
    found = list(prove(["size.valid", "size.conv", "interval.count"], Request(cache=tmp_path), jobs=2))
    assert [(outcome.id, outcome.cached) for outcome in found] == [
        ("size.valid", False),
        ("size.conv", True),
        ("interval.count", False),
    ]


def test_a_recheck_is_kept_apart_from_a_proof(tmp_path):
    assert not outcome_of("size.valid", tmp_path).cached
    assert not outcome_of("size.valid", tmp_path, recheck=True).cached
    again = outcome_of("size.valid", tmp_path, recheck=True)
    assert again.cached
    assert again.answers["z3"]["proved"] == again.answers["cvc5"]["proved"]


def test_a_search_and_smtlib_files_need_a_proof_anyway(tmp_path):
    outcome_of("size.valid", tmp_path)
    assert not outcome_of("size.valid", tmp_path, smtlib=tmp_path / "smt").cached
    certificates = Path(shutil.copytree(store.committed(), tmp_path / "certificates"))
    assert not outcome_of("size.valid", tmp_path, search=True, folder=certificates).cached


def test_the_folder_is_that_of_the_user_where_none_is_named(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert cache.default_folder() == Path(platformdirs.user_cache_dir("convmath")) / "proofs"


def test_a_folder_that_cannot_be_written_is_left_alone(tmp_path):
    place = tmp_path / "file"
    place.write_text("")
    assert outcome_of("size.valid", place).ok
    assert not outcome_of("size.valid", place).cached


# What the hash covers


def test_another_option_certificate_version_or_source_gives_another_key(tmp_path, monkeypatch):
    folder = Path(shutil.copytree(store.committed(), tmp_path / "certificates"))
    keys = [cache.key(CONV, {"recheck": False}, folder), cache.key(CONV, {"recheck": True}, folder)]
    keys += [cache.key(VALID, {"recheck": False}, folder)]
    certificate = store.file_of("interval.count", folder)
    certificate.write_text(certificate.read_text() + " ")
    keys += [cache.key(CONV, {"recheck": False}, folder)]
    certificate.unlink()
    keys += [cache.key(CONV, {"recheck": False}, folder)]
    for changed in ("_version", "_hash"):
        with monkeypatch.context() as patch:
            patch.setattr(cache, changed, lambda what, changed=changed: "1" if changed == "_version" else b"1")
            keys += [cache.key(CONV, {"recheck": False}, folder)]
    assert len(set(keys)) == len(keys)
    assert cache.key(CONV, {"recheck": False}, folder) == keys[4]


def test_a_certificate_of_an_entry_that_is_not_used_does_not_matter(tmp_path, monkeypatch):
    monkeypatch.setattr(cache, "engine", list)
    folder = Path(shutil.copytree(store.committed(), tmp_path / "certificates"))
    before = cache.key(CONV, {}, folder)
    store.file_of("continuous.commutes", folder).unlink()
    assert cache.key(CONV, {}, folder) == before


SHOWN = ("convmath.latex",)
"""What writes pages, and gives theorems a text for the interpreter: nothing there says whether one is proved."""


def unhashed(files):
    """The modules that proving and the proofs use and that are not among the files."""
    modules = modules_under(ROOT)
    graph = {
        name: [edge for edge in imports_of(name, modules) if not inside(edge.target, SHOWN)]
        for name in modules
        if not inside(name, SHOWN)
    }
    used = {"convmath.proving"} | {name for name in modules if inside(name, ("convmath.proofs",))}
    for name in tuple(used):
        used |= {edge.target for edge in reached(name, graph, ("at import", "in a function"))}
    hashed = {path.resolve() for path in files}
    own = {name for name in used & modules.keys() if not inside(name, ("convmath.proofs",))}
    return sorted(name for name in own if modules[name].resolve() not in hashed)


def test_every_module_that_proving_and_the_proofs_use_is_hashed():
    assert unhashed(cache.engine()) == []


def test_a_module_of_the_engine_that_is_not_hashed_is_noticed():
    fewer = [path for path in cache.engine() if path.name not in ("kernel.py", "size.py")]
    assert unhashed(fewer) == ["convmath.calculus.kernel", "convmath.formulas.size"]


def test_an_entry_depends_on_the_modules_that_it_imports_and_on_the_entries_that_it_names():
    assert cache.closure(CONV.build.__module__) >= {"convmath.proofs.size", "convmath.proofs.intervals"}
    assert "convmath.proofs.continuous" not in cache.closure(CONV.build.__module__)
    assert "convmath.proofs.layer" in cache.closure(catalog.entry("grad.input").build.__module__)


@pytest.mark.parametrize(
    ("source", "modules"),
    [
        ("import sympy", ()),
        ("from .layer import x", ("layer",)),
        ("from convmath.proofs.layer import x", ("layer",)),
        ("from . import layer, size", ("layer", "size")),
        ("def f():\n    from .layer import x", ("layer",)),
        ("from convmath.catalog import entry\nentry('interval.count').theorem", ("intervals",)),
        ("from convmath.catalog import entry as e\ne('interval.count')", ("intervals",)),
        ("from convmath.calculus import terms\nentry = print\nentry(terms)", ()),
    ],
)
def test_what_a_module_uses_is_read_off_its_source(source, modules):
    assert cache.uses(source) == tuple(f"convmath.proofs.{name}" for name in modules)


@pytest.mark.parametrize(
    "source",
    [
        "from convmath.catalog import entry\nname = 'interval.count'\nentry(name)",
        "from convmath.catalog import entry\nfind = entry",
        "from convmath.catalog import entries\nentries()",
        "from convmath.catalog import *",
        "from convmath import catalog\ncatalog.entry('interval.count')",
        "import convmath.catalog",
        "from importlib import import_module\nimport_module('convmath.proofs.size')",
        "__import__('convmath.proofs.size')",
    ],
)
def test_what_cannot_be_read_off_means_all_modules(source):
    everything = {item.build.__module__ for item in catalog.entries() if item.build.__module__.startswith(cache.PROOFS)}
    assert set(cache.uses(source)) >= everything


def test_an_entry_of_other_code_is_never_kept():
    def build():
        """Nothing."""

    assert cache.key(catalog.Entry("test.own", "", "", (), (), None, build), {}) is None


# What is read


@pytest.fixture(scope="module")
def valid(tmp_path_factory):
    """The file of an entry that was proved."""
    place = tmp_path_factory.mktemp("kept")
    outcome_of("size.valid", place)
    return place / "size.valid.json"


def kept(path):
    return json.loads(path.read_text())


def forged(data, **changes):
    """An outcome that was edited, with a check to match."""
    outcome = data["outcome"] | changes
    return json.loads(cache.text(data["key"], outcome))


@pytest.mark.parametrize(
    "spoil",
    [
        lambda data: "",
        lambda data: "{",
        lambda data: "[]",
        lambda data: "null",
        lambda data: "[" * 100_000,
        lambda data: json.dumps(data)[:-20],
        lambda data: json.dumps(data | {"key": "0" * 64}),
        lambda data: json.dumps(data | {"check": "0" * 64}),
        lambda data: json.dumps(data | {"outcome": data["outcome"] | {"steps": 7}}),
        lambda data: json.dumps(forged(data, id="size.conv")),
        lambda data: json.dumps(forged(data, problems=["no"])),
        lambda data: json.dumps(forged(data, trust=["kernel", "hope"])),
        lambda data: json.dumps(forged(data, more=1)),
        lambda data: json.dumps({name: part for name, part in data.items() if name != "outcome"}),
    ],
)
def test_a_file_that_was_spoiled_or_forged_counts_for_nothing(tmp_path, valid, spoil):
    path = Path(shutil.copy(valid, tmp_path))
    text = path.read_text()
    path.write_text(spoil(kept(path)))
    assert outcome_of("size.valid", tmp_path).cached is False
    assert kept(path)["key"] == json.loads(text)["key"], "it is kept anew"


def test_the_file_as_it_was_kept_counts_wherever_it_lies(tmp_path, valid):
    shutil.copy(valid, tmp_path)
    assert outcome_of("size.valid", tmp_path).cached


def test_the_file_of_another_entry_counts_for_nothing(tmp_path, valid):
    shutil.copy(valid, tmp_path / "size.conv.json")
    assert not outcome_of("size.conv", tmp_path).cached


def test_a_failure_is_not_kept(tmp_path):
    folder = Path(shutil.copytree(store.committed(), tmp_path / "certificates"))
    store.file_of("size.valid", folder).write_text("{}")
    place = tmp_path / "cache"
    assert not outcome_of("size.valid", place, folder=folder).ok
    assert not outcome_of("size.valid", place, folder=folder).cached
    assert not place.exists()
    assert Outcome("x", problems=("no",)).ok is False


# The command, on a copy of the library whose files change


@pytest.fixture
def copy(tmp_path):
    """The library and its proofs as an installed copy has them."""
    shutil.copytree(ROOT / "convmath", tmp_path / "convmath", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copytree(ROOT / "proofs", tmp_path / "convmath" / "proofs", ignore=shutil.ignore_patterns("__pycache__"))
    return tmp_path


def proved(copy, *options):
    """The exit code, whether it was proved before, and what went wrong."""
    environment = os.environ | {"PYTHONPATH": str(copy), "CONVMATH_CACHE": str(copy / "cache")}
    command = [sys.executable, "-m", "convmath", "prove", "size.valid", "--format", "json", *options]
    run = subprocess.run(command, env=environment, cwd=copy, capture_output=True, text=True, check=False, timeout=120)
    report = json.loads(run.stdout)
    return run.returncode, report["entries"][0]["cached"], " ".join(report["problems"])


def replace_in(path, old, new):
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))
    return lambda: path.write_text(text)


def test_a_changed_proof_certificate_or_engine_is_proved_again(copy):
    package = copy / "convmath"
    assert proved(copy) == (0, False, "")
    assert proved(copy) == (0, True, "")
    assert proved(copy, "--no-cache") == (0, False, "")
    assert proved(copy, "--cache", str(copy / "other")) == (0, False, "")
    assert (copy / "other" / "size.valid.json").is_file()
    restore = replace_in(package / "proofs" / "size.py", "1): n - k}", "1): n - k - 1}")
    code, cached, problem = proved(copy)
    assert (code, cached) == (1, False)
    assert "size.valid" in problem
    restore()
    assert proved(copy) == (0, True, ""), "the failure was not kept in its place"
    certificate = package / "proofs" / "certificates" / "size.valid.json"
    restore = replace_in(certificate, '"close": [[1', '"close": [[2')
    code, cached, problem = proved(copy)
    assert (code, cached) == (1, False)
    assert "not to -1" in problem
    restore()
    refusal = '    raise ProofError("no ring")\n'
    said = '    """Both sides are the same polynomial'
    restore = replace_in(package / "calculus" / "kernel.py", said, refusal + said)
    code, cached, problem = proved(copy)
    assert (code, cached) == (1, False)
    assert "no ring" in problem
    restore()
    assert proved(copy) == (0, True, "")
