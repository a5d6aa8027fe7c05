"""Who may import whom: one table, held over the syntax tree of every module."""

from __future__ import annotations

import ast
import io
import sys
import tokenize
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]

# A module imports from its own room and from the rooms before it. `convmath` alone is the top level, which exports from
# the rooms before it; the rooms after it use the library as any user does.
ROOMS = (
    ("convmath.errors",),
    (
        "convmath.division",
        "convmath.inert",
        "convmath.notebook",
        "convmath.npy",
        "convmath.phrases",
        "convmath.text_files",
    ),
    ("convmath.assumptions",),
    ("convmath.geometry",),
    ("convmath.formulas", "convmath.winograd"),
    ("convmath.calculus",),
    ("convmath.catalog", "convmath.counterexamples", "convmath.literature"),
    ("convmath.cache",),
    ("convmath.proving",),
    ("convmath.latex",),
    ("convmath",),
    ("convmath.proofs",),
    ("convmath.oracle",),
    ("convmath.worked",),
    ("convmath.book",),
    ("convmath.network",),
    ("convmath.figures",),
    ("convmath.cli", "convmath.__main__"),
)
# The imports against that order, all of them inside a function: the catalogue's loader, and an entry that shows itself.
UPWARD = {
    ("convmath.catalog", name)
    for name in ("convmath.proofs", "convmath.latex.printer", "convmath.latex.document", "convmath.latex.notebook")
}

# All that a module imports, the standard library aside.
ONLY = {
    "convmath.calculus.certificate": ("convmath.errors",),
    "convmath.calculus.kernel": (
        "convmath.errors",
        "convmath.inert",
        "convmath.calculus.index",
        "convmath.calculus.reals",
        "convmath.calculus.terms",
        "convmath.calculus.certificate",
        "sympy",
    ),
}

# What a module reaches in no way: neither itself nor through what it imports.
NEVER = {
    "convmath.calculus.kernel": (
        "numpy",
        "scipy",
        "z3",
        "cvc5",
        "convmath.calculus.search",
        "convmath.calculus.derive",
    ),
    "convmath.calculus.recheck": ("convmath.calculus.kernel", "convmath.calculus.derive"),
    "convmath.formulas": ("convmath.calculus",),
    "convmath.oracle": ("convmath", "convmath.formulas", "convmath.calculus", "convmath.catalog"),
}

# Who alone imports a module.
FRAMEWORKS = ("torch", "jax", "onnx", "onnxruntime", "tensorflow", "openvino", "tinygrad", "triton")
ONLY_BY = {
    "convmath.proofs": ("convmath.cli", "convmath.catalog", "convmath.proofs"),
    "z3": ("convmath.calculus.smt", "convmath.calculus.solvers"),
    "cvc5": ("convmath.calculus.solvers",),
    "mpmath": ("convmath.calculus.quadrature",),
    "scipy": ("convmath.calculus.search", "convmath.oracle.backends"),
    "hypothesis": ("convmath.oracle",),
    **dict.fromkeys(FRAMEWORKS, ("convmath.oracle.backends", "convmath.network.*_import")),
}

# Who alone imports a module by a name that it computes.
COMPUTED = ("convmath", "convmath.catalog", "convmath.oracle.backends")

# What `import convmath` must not load.
HEAVY = ("sympy", "numpy", "torch", "z3", "scipy")

NAMED = (
    "convmath.errors",
    "convmath.division",
    "convmath.inert",
    "convmath.assumptions",
    "convmath.geometry",
    "convmath.formulas",
    "convmath.calculus.index",
    "convmath.calculus.terms",
    "convmath.calculus.certificate",
    "convmath.calculus.kernel",
    "convmath.calculus.search",
    "convmath.calculus.derive",
    "convmath.calculus.solvers",
    "convmath.calculus.recheck",
    "convmath.catalog",
    "convmath.cache",
    "convmath.proving",
    "convmath.latex.printer",
    "convmath.latex.document",
    "convmath.oracle",
    "convmath.oracle.backends",
    "convmath.phrases",
    "convmath.proofs",
    "convmath.worked",
    "convmath.cli",
)

MODULE_LINES = 450
TRUSTED_LINES = 500
TRUSTED = ("convmath.calculus.kernel", "convmath.calculus.certificate")
LAYOUT = {
    *(tokenize.NL, tokenize.NEWLINE, tokenize.COMMENT, tokenize.INDENT, tokenize.DEDENT, tokenize.ENDMARKER),
}

Modules = Mapping[str, Path]


@dataclass(frozen=True)
class Import:
    importer: str
    target: str
    line: int
    when: str  # "at import", "in a function" or "for types"

    def __str__(self) -> str:
        return f"{self.importer}:{self.line} imports {self.target}"


def modules_under(root: Path) -> dict[str, Path]:
    """Every module of the installed package, by its dotted name."""
    found = {}
    for folder, package in (("convmath", "convmath"), ("proofs", "convmath.proofs")):
        for path in sorted((root / folder).rglob("*.py")):
            parts = path.relative_to(root / folder).with_suffix("").parts
            name = ".".join((package, *parts))
            found[name.removesuffix(".__init__")] = path
    return found


def inside(module: str, patterns: tuple[str, ...]) -> bool:
    """Whether the module is one of the patterns or lies in one; the pattern ``convmath`` means its top level alone."""
    packages = (pattern for pattern in patterns if pattern != "convmath")
    return module in patterns or any(fnmatchcase(f"{module}.", f"{package}.*") for package in packages)


def imports_of(name: str, modules: Modules) -> Iterator[Import]:
    """Every import statement of a module, and every call of ``import_module`` or ``__import__``."""
    path = modules[name]
    package = name if path.name == "__init__.py" else name.rpartition(".")[0]

    def absolute(target: str) -> str:
        level = len(target) - len(target.lstrip("."))
        if level == 0:
            return target
        return ".".join(filter(None, (*package.split(".")[: package.count(".") + 2 - level], target[level:])))

    def targets(node: ast.AST) -> Iterator[str]:
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = absolute("." * node.level + (node.module or ""))
            for alias in node.names:
                yield f"{base}.{alias.name}" if f"{base}.{alias.name}" in modules else base
        elif isinstance(node, ast.Call):
            called = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", None)
            if called in {"import_module", "__import__"}:
                literal = node.args[0].value if node.args and isinstance(node.args[0], ast.Constant) else None
                yield absolute(literal) if isinstance(literal, str) else "a computed name"

    def walk(node: ast.AST, when: str) -> Iterator[Import]:
        for target in targets(node):
            yield Import(name, target, node.lineno, when)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda) and when == "at import":
            when = "in a function"
        guarded = node.body if isinstance(node, ast.If) and ast.unparse(node.test).endswith("TYPE_CHECKING") else []
        for child in ast.iter_child_nodes(node):
            yield from walk(child, "for types" if child in guarded else when)

    yield from walk(ast.parse(path.read_text(encoding="utf-8"), str(path)), "at import")


def reached(start: str, graph: Mapping[str, list[Import]], kinds: tuple[str, ...]) -> Iterator[Import]:
    """The imports of these kinds that ``start`` brings about; a parent package brings only those at its import."""
    queue, seen = [(start, kinds)], set()
    while queue:
        module, kinds = node = queue.pop()
        if node in seen:
            continue
        seen.add(node)
        queue += [(parent, ("at import",)) for parent in parents(module)]
        for edge in graph.get(module, []):
            if edge.when in kinds:
                yield edge
                queue.append((edge.target, kinds))


def parents(module: str) -> list[str]:
    parts = module.split(".")
    return [".".join(parts[:length]) for length in range(1, len(parts))]


def room(module: str) -> int | None:
    return next((number for number, names in enumerate(ROOMS) if inside(module, names)), None)


def broken_layers(modules: Modules) -> list[str]:
    """One sentence for each import that the tables above forbid; imports for types count in the order of rooms only."""
    graph = {name: list(imports_of(name, modules)) for name in modules}
    edges = [edge for found in graph.values() for edge in found]
    running = [edge for edge in edges if edge.when != "for types"]
    problems = [f"{edge} (against the order of rooms)" for edge in edges if points_up(edge)]
    for module, allowed in ONLY.items():
        for edge in graph.get(module, []):
            if not inside(edge.target, allowed) and edge.target.partition(".")[0] not in sys.stdlib_module_names:
                problems.append(f"{edge} (only: {', '.join(allowed)})")
    for package, forbidden in NEVER.items():
        for module in graph:
            for edge in reached(module, graph, ("at import", "in a function")) if inside(module, (package,)) else ():
                if inside(edge.target, forbidden):
                    problems.append(f"{edge} (out of reach of {module})")
    for target, importers in (ONLY_BY | {"a computed name": COMPUTED}).items():
        for edge in running:
            if inside(edge.target, (target,)) and not inside(edge.importer, importers):
                problems.append(f"{edge} (only by: {', '.join(importers)})")
    for edge in reached("convmath", graph, ("at import",)):
        if inside(edge.target, HEAVY):
            problems.append(f"{edge} (loaded by `import convmath`)")
    return sorted(set(problems))


def points_up(edge: Import) -> bool:
    start, end = room(edge.importer), room(edge.target)
    known = edge.when == "in a function" and (edge.importer, edge.target) in UPWARD
    return end is not None and (start is None or end > start) and not known


def lines(path: Path) -> int:
    return len(path.read_text(encoding="utf-8").splitlines())


def code_lines(path: Path) -> int:
    """Lines that hold code: no blank line, comment or docstring."""
    source = path.read_text(encoding="utf-8")
    tokens = tokenize.generate_tokens(io.StringIO(source).readline)
    code = {line for t in tokens if t.type not in LAYOUT for line in range(t.start[0], t.end[0] + 1)}
    documented = [
        n for n in ast.walk(ast.parse(source)) if isinstance(n, ast.Expr) and isinstance(n.value, ast.Constant)
    ]
    return len(code - {line for node in documented for line in range(node.lineno, node.end_lineno + 1)})


def broken_sizes(modules: Modules) -> list[str]:
    """The modules that are too long, and the trusted core if it is."""
    problems = [
        f"{name} has {lines(path)} lines, more than {MODULE_LINES}"
        for name, path in modules.items()
        if lines(path) > MODULE_LINES
    ]
    trusted = sum(code_lines(modules[name]) for name in TRUSTED if name in modules)
    if trusted > TRUSTED_LINES:
        problems.append(f"{' and '.join(TRUSTED)} have {trusted} lines of code, more than {TRUSTED_LINES}")
    return problems


def assert_statements(modules: Modules) -> list[str]:
    """Where the package checks by ``assert``, which ``python -O`` removes."""
    return [
        f"{name}:{node.lineno}"
        for name, path in modules.items()
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Assert)
    ]


@pytest.fixture(scope="module")
def package():
    return modules_under(ROOT)


def test_every_module_that_the_tables_name_exists(package):
    assert [name for name in NAMED if name not in package] == []
    assert [name for name in package if room(name) is None] == []


def test_imports_follow_the_tables(package):
    assert broken_layers(package) == []


# A small tree that keeps every rule.
SOUND = {
    "convmath/__init__.py": "from .errors import E",
    "convmath/errors.py": "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import numpy",
    "convmath/division.py": "def f():\n    import sympy",
    "convmath/geometry.py": "from .division import f",
    "convmath/formulas/__init__.py": "",
    "convmath/formulas/size.py": "from ..geometry import g",
    "convmath/calculus/__init__.py": "",
    "convmath/calculus/certificate.py": "from fractions import Fraction\nfrom ..errors import E",
    "convmath/calculus/terms.py": "import sympy",
    "convmath/calculus/kernel.py": "from ..errors import E\nfrom . import certificate, terms",
    "convmath/calculus/search.py": "from .kernel import Theorem\nimport scipy",
    "convmath/calculus/derive.py": "from .kernel import Theorem",
    "convmath/calculus/recheck.py": "from .solvers import solve",
    "convmath/calculus/solvers.py": "import z3, cvc5",
    "convmath/catalog.py": "def load():\n    from . import proofs",
    "convmath/latex/printer.py": "from ..calculus import kernel",
    "convmath/oracle/check.py": "from ..errors import E",
    "convmath/oracle/backends/pytorch.py": "import torch",
    "convmath/cli.py": "from .catalog import load",
    "proofs/__init__.py": "from ..calculus.derive import Calc",
}


@pytest.mark.parametrize(
    ("path", "source", "problem"),
    [
        ("convmath/calculus/kernel.py", "from convmath.calculus.search import find", "convmath.calculus.search (only:"),
        ("convmath/calculus/kernel.py", "from .derive import Calc", "convmath.calculus.derive (only:"),
        ("convmath/calculus/kernel.py", "from . import search", "convmath.calculus.search (only:"),
        ("convmath/calculus/kernel.py", "def f():\n    import numpy.linalg", "numpy.linalg (only:"),
        ("convmath/calculus/terms.py", "def f():\n    import z3", "z3 (out of reach of convmath.calculus.kernel)"),
        ("convmath/calculus/certificate.py", "import sympy", "sympy (only: convmath.errors)"),
        (
            "convmath/calculus/recheck.py",
            "from .search import find",
            "kernel (out of reach of convmath.calculus.recheck)",
        ),
        ("convmath/formulas/size.py", "from ..calculus import kernel", "(out of reach of convmath.formulas.size)"),
        ("convmath/oracle/check.py", "from ..formulas.size import f", "(out of reach of convmath.oracle.check)"),
        ("convmath/oracle/check.py", "import convmath", "imports convmath (out of reach of convmath.oracle.check)"),
        (
            "convmath/errors.py",
            "class A:\n    def f(self):\n        from . import division",
            "(against the order of rooms)",
        ),
        (
            "convmath/geometry.py",
            "import importlib\nimportlib.import_module('.cli', __package__)",
            "convmath.cli (against",
        ),
        ("convmath/calculus/recheck.py", "import z3", "z3 (only by: convmath.calculus.smt,"),
        ("convmath/latex/printer.py", "from convmath import proofs", "(only by: convmath.cli, convmath.catalog,"),
        ("convmath/formulas/size.py", "from importlib import import_module\nimport_module('torch')", "torch (only by:"),
        ("convmath/cli.py", "async def f():\n    __import__('torch.nn')", "torch.nn (only by:"),
        ("convmath/cli.py", "import importlib\nimportlib.import_module('to' + 'rch')", "a computed name (only by:"),
        (
            "convmath/errors.py",
            "try:\n    import numpy\nexcept ImportError:\n    pass",
            "(loaded by `import convmath`)",
        ),
    ],
)
def test_a_forbidden_import_is_reported(tmp_path, path, source, problem):
    for name, text in SOUND.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    assert broken_layers(modules_under(tmp_path)) == []
    (tmp_path / path).write_text(source)
    assert any(problem in line for line in broken_layers(modules_under(tmp_path)))


def test_no_module_is_too_long_and_the_trusted_core_is_small(package):
    assert broken_sizes(package) == []


def test_a_module_that_is_too_long_is_reported(tmp_path):
    (tmp_path / "convmath/calculus").mkdir(parents=True)
    (tmp_path / "convmath/calculus/kernel.py").write_text("x = 1\n" * (MODULE_LINES + 1))
    (tmp_path / "convmath/calculus/certificate.py").write_text("x = 1\n" * (TRUSTED_LINES - MODULE_LINES))
    assert len(broken_sizes(modules_under(tmp_path))) == 2


def test_only_lines_of_code_count_for_the_trusted_core(tmp_path):
    module = tmp_path / "module.py"
    module.write_text('"""Words\nand words."""\n\n# more\nx = (\n    1\n)\n')
    assert code_lines(module) == 3


def test_the_package_has_no_assert_statement(package):
    assert assert_statements(package) == []


def test_an_assert_statement_is_reported(tmp_path):
    (tmp_path / "convmath").mkdir()
    (tmp_path / "convmath/errors.py").write_text("def f(x):\n    if x:\n        assert x > 0\n")
    assert assert_statements(modules_under(tmp_path)) == ["convmath.errors:3"]
