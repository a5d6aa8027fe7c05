"""The wheel works on its own: a fresh environment without any extra, and no source tree in sight."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

ROOT = Path(__file__).parents[1]

INSTALLED = """
import importlib.util, json
import convmath
from importlib.resources import files
proofs = files("convmath.proofs") if importlib.util.find_spec("convmath.proofs") else None
certificates = proofs.joinpath("certificates") if proofs else None
print(json.dumps({
    "convmath": convmath.__file__,
    "proofs": str(proofs),
    "certificates": sorted(f.name for f in certificates.iterdir() if f.name.endswith(".json"))
        if certificates and certificates.is_dir() else [],
    "extras": [name for name in ("torch", "hypothesis", "scipy", "z3", "cvc5") if importlib.util.find_spec(name)],
}))
"""


def run(*command, cwd):
    """The finished process, run without this process's Python settings."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    return subprocess.run([*map(str, command)], cwd=cwd, env=environment, capture_output=True, text=True, check=False)


def succeed(*command, cwd):
    done = run(*command, cwd=cwd)
    assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def build_wheel(tmp_path):
    """The wheel of a copy of the source tree, so that nothing is written into this one."""
    source = tmp_path / "source"
    source.mkdir()
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source)
    for name in ("convmath", "proofs"):
        shutil.copytree(ROOT / name, source / name, ignore=shutil.ignore_patterns("__pycache__", ".*_cache"))
    succeed(sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", tmp_path, cwd=source)
    (wheel,) = tmp_path.glob("*.whl")
    return wheel


def left_out_of(wheel):
    """The files of the source tree that the wheel lacks."""
    sources = {path for folder in ("convmath", "proofs") for path in files_under(folder)}
    expected = {Path("convmath", path) if path.parts[0] == "proofs" else path for path in sources}
    with zipfile.ZipFile(wheel) as archive:
        return sorted(map(str, expected - set(map(Path, archive.namelist()))))


def files_under(folder):
    """The code and data files in a folder of the source tree, without what tools leave there."""
    paths = (path.relative_to(ROOT) for path in (ROOT / folder).rglob("*") if path.is_file())
    return [path for path in paths if not any(part.startswith((".", "__pycache__")) for part in path.parts)]


def without_proofs(wheel, folder):
    """A copy of the wheel from which ``proofs/`` was left out."""
    folder.mkdir()
    with zipfile.ZipFile(wheel) as full, zipfile.ZipFile(folder / wheel.name, "w") as bare:
        for name in full.namelist():
            if not name.startswith("convmath/proofs/"):
                bare.writestr(name, full.read(name))
    return folder / wheel.name


def install(python, *what, cwd):
    quietly = ("--quiet", "--disable-pip-version-check", "--no-compile")
    succeed(python, "-m", "pip", "install", *quietly, "--constraint", ROOT / "constraints.txt", *what, cwd=cwd)


def missing_from(python, empty):
    """What a user who has only this environment would miss, in words; run from the folder ``empty``."""
    prefix = python.parents[1]
    imported = run(python, "-c", INSTALLED, cwd=empty)
    if imported.returncode != 0:
        return [f"`import convmath` fails: {imported.stderr}"]
    found = json.loads(imported.stdout)
    problems = [
        f"{name} comes from {found[name]}, not from the environment"
        for name in ("convmath", "proofs")
        if "site-packages" not in found[name] or not found[name].startswith(str(prefix))
    ]
    expected = sorted(path.name for path in (ROOT / "proofs/certificates").glob("*.json"))
    if not expected or found["certificates"] != expected:
        problems.append(f"certificates: {found['certificates']} in place of {expected}")
    problems += [f"{name} is importable" for name in found["extras"]]
    for command in ("derive", "prove"):
        done = run(prefix / "bin/convmath", command, "size.conv", cwd=empty)
        if done.returncode != 0 or "size.conv" not in done.stdout:
            problems.append(f"`convmath {command} size.conv` fails: {done.stdout}{done.stderr}")
    return problems


def test_the_wheel_derives_and_proves_in_a_fresh_environment_without_extras_and_needs_its_proofs(tmp_path):
    wheel = build_wheel(tmp_path)
    empty = tmp_path / "empty"
    empty.mkdir()
    succeed(sys.executable, "-m", "venv", tmp_path / "venv", cwd=tmp_path)
    python = tmp_path / "venv/bin/python"

    assert left_out_of(wheel) == []
    install(python, wheel, cwd=tmp_path)
    assert missing_from(python, empty) == []

    bare = without_proofs(wheel, tmp_path / "bare")
    assert "convmath/proofs/__init__.py" in left_out_of(bare)
    install(python, "--force-reinstall", "--no-deps", bare, cwd=tmp_path)
    problems = missing_from(python, empty)
    assert [line for line in problems if line.startswith("proofs comes from None")]
    assert [line for line in problems if line.startswith("certificates: [] in place of")]
    assert [line for line in problems if line.startswith("`convmath derive size.conv` fails")]
    assert [line for line in problems if line.startswith("`convmath prove size.conv` fails")]
