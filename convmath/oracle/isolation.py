"""Calls of a function under test in a process of its own, so that a hang or a crash of it is only an outcome.

The process is forked where that is safe; then any callable will do, and a call costs about 0.1 ms more. It is a fresh
interpreter where a fork would break a library that is already in use (CUDA, JAX, TensorFlow, macOS), and when a forked
process hangs or crashes, to see whether a fresh one does as well; for that the function must be importable by name.
Where neither is possible, and on request, calls are made in this process. Then a crash of the function ends this
process, and the time limit holds only in the main thread and only while the function runs Python.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import threading
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext, redirect_stdout, suppress
from itertools import takewhile
from multiprocessing import Pipe
from multiprocessing.connection import Connection
from typing import Any, Protocol

from ..errors import DomainError, UnsupportedError
from .target import Target, left_out
from .worker import CRASH, HANG, Outcome, TimeUpError, execute, receive, reply, request, send, serve

_START_LIMIT = 300.0
_NEVER_FORKED = ("jax", "tensorflow", "cupy")
_COMMAND = "from convmath.oracle.worker import main; main()"


class Runner(Protocol):
    """Something that calls the function under test; ``left_out`` are the options that that has no parameter for."""

    left_out: tuple[str, ...]

    @property
    def place(self) -> str:
        """Where it calls it, in words."""

    def run(self, arguments: Sequence[Any], options: dict[str, Any]) -> Outcome:
        """One call."""

    def close(self) -> None:
        """End."""


def runner_for(
    target: Target, optional: Sequence[str], *, isolated: bool | None, time_limit: float, quiet: bool = False
) -> Runner:
    """A runner in a process of its own (``isolated`` True), in this one (False), or where possible in its own (None).

    ``quiet`` drops what the target prints on stdout.

    Raises:
        DomainError: the target cannot be imported.
        UnsupportedError: ``isolated`` is True and no process can be had.
    """
    if isolated is False:
        return InProcess(target, optional, time_limit, quiet)
    hazard = fork_hazard()
    if not hazard:
        return Process(target, optional, time_limit, quiet, fresh=False)
    if target.path is not None and os.name == "posix":
        try:
            return Process(target, optional, time_limit, quiet, fresh=True)
        except DomainError:
            if target.fn is None:
                raise
    if isolated:
        raise UnsupportedError(f"{target.name} cannot run in a process of its own: {hazard}, and no name to import it")
    return InProcess(target, optional, time_limit, quiet)


def fork_hazard() -> str:
    """Why a fork of this process may not work; "" if it does."""
    if not hasattr(os, "fork") or sys.platform == "darwin":
        return f"{sys.platform} has no safe fork"
    for name in _NEVER_FORKED:
        if name in sys.modules:
            return f"{name} is loaded, whose threads a fork would lose"
    torch = sys.modules.get("torch")
    return "CUDA is in use, which cannot be forked" if torch is not None and torch.cuda.is_initialized() else ""


class InProcess:
    """Calls in this process."""

    def __init__(self, target: Target, optional: Sequence[str], time_limit: float, quiet: bool) -> None:
        """Import the target."""
        self._fn = target.load()
        self._limit, self._quiet = time_limit, quiet
        self.left_out = left_out(self._fn, optional)

    @property
    def place(self) -> str:
        """Where calls are made."""
        return "in this process"

    def run(self, arguments: Sequence[Any], options: dict[str, Any]) -> Outcome:
        """One call."""
        try:
            with _silence() if self._quiet else nullcontext(), _alarm(self._limit):
                return execute(self._fn, arguments, options)
        except TimeUpError:
            return _hang(self._limit)

    def close(self) -> None:
        """Nothing to end."""


class Process:
    """Calls in another process, which is started again after a hang or a crash.

    A function that ends processes again and again has the next one started ahead, as that may have a lot to import.
    """

    def __init__(self, target: Target, optional: Sequence[str], time_limit: float, quiet: bool, *, fresh: bool) -> None:
        """Start the process; DomainError if it cannot import the target."""
        self._target, self._optional, self._limit, self._fresh = target, list(optional), time_limit, fresh
        self._quiet, self._ends = quiet, 0
        self._trusted = fresh or target.path is None
        self._spare: _Child | None = None
        self._running: _Child | None = self._started()
        self.left_out = self._running.left_out

    @property
    def place(self) -> str:
        """Where calls are made."""
        return "in a fresh interpreter" if self._fresh else "in a forked process"

    def run(self, arguments: Sequence[Any], options: dict[str, Any]) -> Outcome:
        """One call; the first time that a forked process hangs or crashes, a fresh one has the last word."""
        outcome = self._attempt(arguments, options)
        if outcome.fate not in (HANG, CRASH) or self._trusted:
            return outcome
        self._trusted = self._fresh = True
        try:
            self._running = self._started()
        except DomainError:  # not importable by name after all
            self._fresh = False
            return outcome
        last = self._attempt(arguments, options)
        self._fresh = last.fate != outcome.fate or self._target.fn is None  # a fork would import it again as well
        return last

    def close(self) -> None:
        """End the process."""
        for child in (self._running, self._spare):
            if child is not None:
                child.stop()
        self._running = self._spare = None

    def _child(self) -> _Child:
        return _Child(self._target, self._optional, self._quiet, fresh=self._fresh)

    def _started(self) -> _Child:
        child, self._spare = self._spare or self._child(), None
        child.load()
        return child

    def _attempt(self, arguments: Sequence[Any], options: dict[str, Any]) -> Outcome:
        if self._running is None:
            self._running = self._started()
        if self._fresh and self._ends > 1 and self._spare is None:
            self._spare = self._child()
        outcome = self._running.call(arguments, options, self._limit)
        if outcome.fate in (HANG, CRASH):
            self._running.stop()
            self._running = None
            self._ends += 1
        return outcome


class _Child:
    """A serving process, which imports its target as soon as it is made; its crash handler writes to ``log``."""

    left_out: tuple[str, ...] = ()

    def __init__(self, target: Target, optional: list[str], quiet: bool, *, fresh: bool) -> None:
        self._target = target
        self.log = tempfile.TemporaryFile()  # noqa: SIM115
        self.connection, theirs = Pipe()
        self._code = 0
        self.process: subprocess.Popen[bytes] | None = None
        if fresh:
            self.process = _spawned(theirs, self.log.fileno())
            self.pid = self.process.pid
            with suppress(OSError):  # it has ended already, which shows when an answer is waited for
                send(
                    self.connection,
                    {"sys_path": sys.path, "path": target.path, "optional": optional, "quiet": quiet},
                )
        else:
            self.pid = _forked(self.connection, lambda: serve(theirs, self.log.fileno(), target, optional, quiet))
        theirs.close()

    def load(self) -> None:
        """Wait for the target to be imported; what its function leaves out is known then."""
        try:
            self.left_out = self._loaded()
        except BaseException:
            self.stop()
            raise

    def _loaded(self) -> tuple[str, ...]:
        target = self._target
        try:
            if not self.connection.poll(_START_LIMIT):
                raise DomainError("fn", target.name, f"is not imported within {_START_LIMIT:g} s")
            header, _ = receive(self.connection)
        except (EOFError, OSError):
            raise DomainError("fn", target.name, f"ends the process that imports it: {self._end()}") from None
        if "refused" in header:
            raise DomainError("fn", target.path or target.name, header["refused"])
        return tuple(header["left_out"])

    def call(self, arguments: Sequence[Any], options: dict[str, Any], limit: float) -> Outcome:
        """One call."""
        try:
            request(self.connection, arguments, options)
            if not self.connection.poll(limit):
                return _hang(limit)
            return reply(self.connection)
        except (EOFError, OSError):
            return Outcome(CRASH, message=self._end(), trace=self._logged())

    def stop(self) -> None:
        """Kill the process and what it has started."""
        for kill in (os.killpg, os.kill):
            with suppress(ProcessLookupError, PermissionError):
                kill(self.pid, signal.SIGKILL)
        self._exit_code()
        self.connection.close()
        self.log.close()

    def _end(self) -> str:
        """How the process ended."""
        code = self._exit_code()
        if code >= 0:
            return f"exited with code {code}"
        return f"ended by signal {-code} ({signal.strsignal(-code)})"

    def _exit_code(self) -> int:
        if self.process is not None:
            return self.process.wait()
        with suppress(ChildProcessError):
            self._code = os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])
        return self._code

    def _logged(self) -> str:
        """The traceback that the crash handler wrote, innermost frame first, as far as the function's own frames go."""
        self.log.seek(0)
        lines = self.log.read().decode(errors="replace").splitlines()
        own = takewhile(lambda line: os.path.dirname(__file__) not in line, lines)
        return "\n".join(own).strip()[:2_000]


def _spawned(theirs: Connection, log: int) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-c", _COMMAND, str(theirs.fileno()), str(log)]
    passed = (theirs.fileno(), log)
    return subprocess.Popen(command, pass_fds=passed, stdin=subprocess.DEVNULL, start_new_session=True)  # noqa: S603


def _forked(ours: Connection, child: Callable[[], None]) -> int:
    """The id of a fork of this process that does nothing but ``child``."""
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError, ValueError):
            stream.flush()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # "multi-threaded": NumPy's BLAS, which allows for a fork
        pid = os.fork()
    if pid:
        return pid
    code = 1
    try:
        os.setsid()
        ours.close()
        child()
        code = 0
    finally:
        os._exit(code)


def _hang(limit: float) -> Outcome:
    return Outcome(HANG, message=f"no answer within {limit:g} s")


@contextmanager
def _silence() -> Iterator[None]:
    with open(os.devnull, "w", encoding="utf-8") as null, redirect_stdout(null):
        yield


@contextmanager
def _alarm(limit: float) -> Iterator[None]:
    """Raise TimeUpError in the main thread when the limit has passed."""
    if threading.current_thread() is not threading.main_thread() or not hasattr(signal, "setitimer"):
        yield
        return

    def time_up(*_: Any) -> None:
        raise TimeUpError

    before = signal.signal(signal.SIGALRM, time_up)
    timer = signal.setitimer(signal.ITIMER_REAL, limit)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, *timer)
        signal.signal(signal.SIGALRM, before)
