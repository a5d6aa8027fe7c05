"""Compiles LaTeX for real, and reads what its log complains about."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

ENGINES = ("pdflatex", "lualatex", "xelatex", "tectonic")
POINTS = 2.0
"""Wider than this, a box sticks out visibly."""


@dataclass(frozen=True)
class Log:
    """What a LaTeX run says."""

    text: str

    @property
    def overfull(self) -> list[float]:
        """By how many points boxes are too wide."""
        return [
            w for w in map(float, re.findall(r"Overfull \\hbox \((\d+\.\d+)pt too wide\)", self.text)) if w > POINTS
        ]

    @property
    def missing(self) -> list[str]:
        """Characters that a font does not have."""
        return re.findall(r"Missing character: There is no (\S+)", self.text)

    @property
    def undefined(self) -> list[str]:
        """References and citations without a target."""
        return re.findall(
            r"LaTeX Warning: (?:Reference|Citation) `([^']*)'[^\n]*undefined", self.text.replace("\n", " ")
        )


def chinese() -> tuple[str, ...]:
    """The engine of Chinese documents; the test is skipped where it or its fonts are missing."""
    for needed in ("xeCJK.sty", "FandolSong-Regular.otf", "pzdr.tfm"):
        found = shutil.which("kpsewhich") and subprocess.run(["kpsewhich", needed], capture_output=True, check=False)
        if not found or found.returncode:
            pytest.skip(
                f"no {needed} is installed (Debian: texlive-xetex, texlive-lang-chinese, texlive-fonts-recommended)"
            )
    return ("xelatex",)


def compiled(source: str, folder: Path, engines: Sequence[str] = ENGINES) -> Log:
    """The log of the last run of the LaTeX engine; the test is skipped where there is none."""
    engine = next(filter(shutil.which, engines), None)
    if engine is None:
        pytest.skip(f"no LaTeX engine: none of {', '.join(engines)} is installed")
    (folder / "page.tex").write_text(source, encoding="utf-8")
    options = [] if engine == "tectonic" else ["-interaction=nonstopmode", "-halt-on-error"]
    command = [engine, *options, "page.tex"]
    for _ in range(3):
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, errors="replace", check=False)
        assert done.returncode == 0, done.stdout[-3000:]
        log = folder / "page.log"
        text = log.read_text(encoding="utf-8", errors="replace") if log.exists() else done.stdout + done.stderr
        if not re.search(r"Rerun to get|No file page", text):
            break
    assert (folder / "page.pdf").stat().st_size > 0
    return Log(text)
