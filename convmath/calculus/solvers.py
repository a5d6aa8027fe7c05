"""Asks Z3 and cvc5 about SMT-LIB 2 files, each in a process of its own that is killed when it overruns its time limit.

Both solvers are optional. Run as a program, this module is that process: it reads a query a line and answers in a line.
"""

from __future__ import annotations

import json
import queue
import subprocess
import sys
import threading
import time
import weakref
from collections.abc import Callable, Mapping
from contextlib import suppress
from importlib.util import find_spec
from typing import Any, NamedTuple

from ..errors import UnsupportedError

_GRACE = 1.0
"""So many seconds later than its time limit a solver is killed."""
_SEEDS = 4
"""So many random seeds are tried for a query."""
_START = 30.0
"""So many seconds a process may take to load its solver."""


class Answer(NamedTuple):
    """What a solver says: ``proved``, ``refuted`` or ``unknown``, after how many seconds."""

    verdict: str
    seconds: float


def _ask_z3(query: str, seconds: float) -> str:
    """With products of variables Z3 depends on its random seed; some seeds in turn share the time."""
    return str(_z3_solver(query, seconds)[1])


def _z3_solver(query: str, seconds: float) -> tuple[Any, Any]:
    import z3

    for seed in range(_SEEDS):
        solver = z3.Solver(ctx=z3.Context())
        solver.set("timeout", max(1, int(1000 * seconds / _SEEDS)))
        solver.set("random_seed", seed)
        solver.from_string(query)
        reply = solver.check()
        if str(reply) != "unknown":
            break
    return solver, reply


def _z3_model(query: str, seconds: float) -> Any:
    """The model that Z3 offers: the values of the constants, and of each function a list of ``[arguments, value]``."""
    solver, reply = _z3_solver(query, seconds)
    if str(reply) != "sat":
        return None
    model = solver.model()
    constants = {d.name(): model[d].as_long() for d in model.decls() if d.arity() == 0}
    functions = {}
    for declaration in (d for d in model.decls() if d.arity()):
        *points, other = model[declaration].as_list()
        points = [[[arg.as_long() for arg in args], value.as_long()] for *args, value in points]
        functions[declaration.name()] = [*points, [None, other.as_long()]]
    return {"constants": constants, "functions": functions}


def _ask_cvc5(query: str, seconds: float) -> str:
    import cvc5

    solver = cvc5.Solver()
    solver.setOption("tlimit-per", str(max(1, int(1000 * seconds))))
    parser = cvc5.InputParser(solver)
    parser.setStringInput(cvc5.InputLanguage.SMT_LIB_2_6, query, "query")
    replies = []
    while not (command := parser.nextCommand()).isNull():
        replies.append(command.invoke(solver, parser.getSymbolManager()))
    return "".join(replies).strip()


SOLVERS: Mapping[str, Callable[[str, float], str]] = {"z3": _ask_z3, "cvc5": _ask_cvc5}
_QUESTIONS: Mapping[str, Callable[[str, float], Any]] = {**SOLVERS, "z3 model": _z3_model}


class Solver:
    """One of the solvers, in a process that starts with the first query.

    Args:
        name: ``"z3"`` or ``"cvc5"``.

    Raises:
        UnsupportedError: it is not installed: ``pip install 'convmath[recheck]'``.

    >>> Solver("cvc5").ask("(set-logic QF_LIA)(declare-const n Int)(assert (< n n))(check-sat)").verdict
    'proved'
    """

    def __init__(self, name: str) -> None:
        """See the class."""
        if not _is_installed(name):
            raise UnsupportedError(f"{name} is not installed: pip install 'convmath[recheck]'")
        self.name = name
        self._process: _Process | None = None

    def ask(self, query: str, seconds: float = 5.0) -> Answer:
        """What it answers to an SMT-LIB 2 file within a time limit: ``unsat`` means proved, ``sat`` refuted."""
        start = time.perf_counter()
        reply = self._reply(self.name, query, seconds)
        verdict = {"unsat": "proved", "sat": "refuted"}.get(str(reply), "unknown")
        return Answer(verdict, time.perf_counter() - start)

    def model(self, query: str, seconds: float = 5.0) -> Any:
        """The constants and functions for which Z3 says that an SMT-LIB 2 file is satisfiable, or None."""
        reply = self._reply(f"{self.name} model", query, seconds)
        return reply if isinstance(reply, dict) else None

    def _reply(self, question: str, query: str, seconds: float) -> Any:
        if self._process is None:
            self._process = _Process(self.name)
        try:
            return json.loads(self._process.ask([question, query, seconds], seconds + _GRACE) or "")
        except ValueError:
            self._process.kill()
            self._process = None
            return None


def _is_installed(name: str) -> bool:
    try:
        return find_spec(name) is not None
    except ValueError:
        return False


class _Process:
    """This module, run as a program."""

    def __init__(self, name: str) -> None:
        command = [sys.executable, "-m", __spec__.name, name]
        self._program = subprocess.Popen(  # noqa: S603 - the command is this module
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        )
        self._replies: queue.SimpleQueue[str] = queue.SimpleQueue()
        reader = threading.Thread(target=_collect, args=(self._program.stdout, self._replies), daemon=True)
        reader.start()
        self.kill = weakref.finalize(self, _end, self._program, reader)
        self._ready = self._reply(_START)

    def ask(self, query: Any, seconds: float) -> str | None:
        """The reply, or None if there is none in time."""
        if not self._ready or self._program.stdin is None:
            return None
        try:
            self._program.stdin.write(json.dumps(query) + "\n")
            self._program.stdin.flush()
        except OSError:
            return None
        return self._reply(seconds)

    def _reply(self, seconds: float) -> str | None:
        try:
            return self._replies.get(timeout=seconds) or None
        except queue.Empty:
            return None


def _collect(lines: Any, replies: queue.SimpleQueue[str]) -> None:
    with lines:
        for line in lines:
            replies.put(line.strip())
    replies.put("")


def _end(program: subprocess.Popen[str], reader: threading.Thread) -> None:
    program.kill()
    program.wait()
    reader.join()
    if program.stdin is not None:
        with suppress(OSError):
            program.stdin.close()


def _serve(name: str) -> None:
    """Answer the queries on the standard input until it ends."""
    SOLVERS[name]("(set-logic QF_LIA)(check-sat)", _START)
    print("ready", flush=True)
    for line in sys.stdin:
        question, query, seconds = json.loads(line)
        try:
            reply = _QUESTIONS[question](query, seconds)
        except Exception as error:  # the solvers' own have no common base; it is no answer
            reply = f"{type(error).__name__}: {error}"
        print(json.dumps(reply), flush=True)


if __name__ == "__main__":
    _serve(sys.argv[1])
