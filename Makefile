# make        install, prove every entry, write the book: build/convmath.tex, and build/convmath.pdf with LaTeX;
#             the same in Chinese: build/convmath-zh.tex, and build/convmath-zh.pdf with XeLaTeX
# make test   install the test extras; ruff, mypy --strict, pytest with doctests
# make bench, make thorough, make clean

PYTHON ?= python3
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := all
.DELETE_ON_ERROR:
.NOTPARALLEL:
.PHONY: all prove check test thorough bench clean

BIN := .venv/bin
PIP := $(BIN)/python -m pip -qq --disable-pip-version-check install --constraint constraints.txt
INSTALLED := .venv/.installed
INSTALLED_TEST := .venv/.installed-test

# The Debian packages in which every LaTeX package of the book lies, and those that the Chinese one needs besides: XeLaTeX,
# xeCJK, the Fandol fonts, and Zapf Dingbats, which hyperref measures links with. .ci/run reads both lines.
DEBIAN_LATEX := texlive-latex-recommended lmodern
DEBIAN_XELATEX := texlive-xetex texlive-lang-chinese texlive-fonts-recommended
LATEX_ENGINES := latexmk pdflatex lualatex xelatex tectonic
LATEX ?= $(firstword $(foreach engine,$(LATEX_ENGINES),$(shell command -v $(engine) > /dev/null && echo $(engine))))
XELATEX ?= $(shell command -v xelatex)
CHINESE := $(and $(XELATEX),$(shell kpsewhich xeCJK.sty),$(shell kpsewhich FandolSong-Regular.otf),$(shell kpsewhich pzdr.tfm))
SOURCES := $(shell find convmath proofs -name '*.py' -o -name '*.json' -o -name '*.toml' -o -name '*.bib' -o -path '*/templates/*')

all: prove build/convmath.pdf build/convmath-zh.pdf

prove: $(INSTALLED)
	@$(BIN)/convmath prove

build/convmath.tex: $(INSTALLED) $(SOURCES)
	@mkdir -p build
	@$(BIN)/convmath derive --all --format latex -o $@
	@echo "Wrote $@"

build/convmath-zh.tex: $(INSTALLED) $(SOURCES)
	@mkdir -p build
	@$(BIN)/convmath derive --all --lang zh --format latex -o $@
	@echo "Wrote $@"

OPTIONS := -interaction=nonstopmode -halt-on-error -file-line-error -output-directory=build
latexmk_COMMAND := latexmk -pdf $(OPTIONS)
tectonic_COMMAND := tectonic --outdir build
LATEX_COMMAND = $(or $($(LATEX)_COMMAND),$(LATEX) $(OPTIONS))

# $(call typeset,COMMAND,SOURCE): again while the log asks for another run; three runs settle every reference.
define typeset
	@for run in 1 2 3; do \
	    $(1) $(2) > build/latex.txt 2>&1 || { tail -n 40 build/latex.txt >&2; exit 1; }; \
	    grep -q 'Rerun to get\|No file convmath' build/latex.txt || break; \
	done
	@echo "Wrote $@"
endef

build/convmath.pdf: build/convmath.tex
ifeq ($(LATEX),)
	@echo "No LaTeX engine found, so no $@: apt-get install --no-install-recommends $(DEBIAN_LATEX)"
else
	$(call typeset,$(LATEX_COMMAND),$<)
endif

build/convmath-zh.pdf: build/convmath-zh.tex
ifeq ($(CHINESE),)
	@echo "No XeLaTeX with xeCJK, the Fandol fonts and Zapf Dingbats found, so no $@:" \
	    "apt-get install --no-install-recommends $(DEBIAN_LATEX) $(DEBIAN_XELATEX)"
else
	$(call typeset,$(XELATEX) $(OPTIONS),$<)
endif

test: check
	@OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n auto --dist worksteal

thorough: $(INSTALLED_TEST)
	@OMP_NUM_THREADS=1 HYPOTHESIS_PROFILE=thorough $(BIN)/python -m pytest -n auto --dist worksteal

check: $(INSTALLED_TEST)
	@$(BIN)/ruff check
	@$(BIN)/ruff format --check
	@$(BIN)/mypy --strict convmath

bench: $(INSTALLED_TEST)
	@for script in benchmarks/*.py; do echo "== $$script"; $(BIN)/python "$$script"; done

clean:
	@rm -rf .venv build dist ./*.egg-info .mypy_cache .pytest_cache .ruff_cache .hypothesis
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(INSTALLED): pyproject.toml constraints.txt | $(BIN)/python
	@echo "Installing convmath into .venv"
	@$(PIP) pip setuptools
	@$(PIP) --no-build-isolation --editable .
	@touch $@

$(INSTALLED_TEST): $(INSTALLED)
	@echo "Installing the test extras into .venv"
	@$(PIP) --no-build-isolation --editable '.[test]'
	@touch $@

$(BIN)/python:
	@command -v $(PYTHON) > /dev/null || { \
	    echo "$(PYTHON) is not found: apt-get install python3 python3-venv, or name one with PYTHON=..." >&2; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	    echo "convmath needs Python >= 3.11, and $(PYTHON) is $$($(PYTHON) -V): name another with PYTHON=..." >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2> /dev/null || { \
	    echo "$(PYTHON) cannot make a virtual environment: apt-get install python3-venv" >&2; exit 1; }
	@$(PYTHON) -m venv .venv
