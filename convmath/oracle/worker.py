"""One call of a function under test, and the process that makes such calls for another.

Messages are JSON with the bytes of arrays after it, so that nothing which a function returns is ever unpickled.
"""

from __future__ import annotations

import faulthandler
import json
import os
import signal
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from io import TextIOWrapper
from multiprocessing.connection import Connection
from traceback import TracebackException
from typing import Any

import numpy as np
import numpy.typing as npt

from ..errors import DomainError
from .target import Target, left_out

Array = npt.NDArray[Any]

OUTPUT, EXCEPTION, NO_ARRAY, HANG, CRASH = "output", "exception", "no array", "hang", "crash"
_FRAMES = 6
_LENGTH = 2_000


class TimeUpError(BaseException):
    """The time limit of a call in this process has passed."""


@dataclass(frozen=True, eq=False)
class Outcome:
    """What became of one call.

    Attributes:
        fate: OUTPUT, EXCEPTION, NO_ARRAY, HANG or CRASH.
        output: what was returned, as an array; a type that NumPy lacks, such as bfloat16, in float32.
        dtype: the name of the type of its elements.
        message: what happened, in one line.
        trace: where, as a traceback of the function's own frames.
        written: the positions of the arguments that the function changed.
        uncalled: whether the function does not take such arguments.
    """

    fate: str
    output: Array | None = None
    dtype: str = ""
    message: str = ""
    trace: str = ""
    written: tuple[int, ...] = ()
    uncalled: bool = False


def execute(fn: Callable[..., Any], arguments: Sequence[Any], options: dict[str, Any]) -> Outcome:
    """Call ``fn`` with copies of the arguments; whatever it raises or returns is an outcome.

    >>> execute(lambda x: 1 / 0, [np.zeros(1)], {}).message
    'ZeroDivisionError: division by zero'
    """
    given = [None if argument is None else np.array(argument) for argument in arguments]
    fate = EXCEPTION
    try:
        result = fn(*given, **options)
        fate = NO_ARRAY
        if result is None:
            return Outcome(NO_ARRAY, message="it returned None")
        output = np.asarray(result)
        dtype = output.dtype.name
        output = np.array(output.astype(np.float32) if output.dtype.kind == "V" else output)
    except (KeyboardInterrupt, TimeUpError):
        raise
    except BaseException as error:
        message, trace = _told(error)
        if fate == NO_ARRAY:
            return Outcome(NO_ARRAY, message=message)
        return Outcome(EXCEPTION, message=message, trace=trace, uncalled=_uncalled(error))
    if output.dtype.kind not in "biufc":
        return Outcome(NO_ARRAY, message=f"an array with elements of type {dtype}")
    changed = (
        position
        for position, (before, after) in enumerate(zip(arguments, given, strict=True))
        if after is not None and not np.array_equal(before, after)
    )
    return Outcome(OUTPUT, output, dtype, written=tuple(changed))


def _uncalled(error: BaseException) -> bool:
    """Whether the arguments did not fit the function's parameters, so that none of its own code ran."""
    return isinstance(error, TypeError) and error.__traceback__ is not None and error.__traceback__.tb_next is None


def _told(error: BaseException) -> tuple[str, str]:
    """An exception in one line, and its traceback without our frame and with the innermost frames of many."""
    told = TracebackException(type(error), error, error.__traceback__, compact=True)
    message = " ".join("".join(told.format_exception_only()).split())
    del told.stack[:1]
    hidden = len(told.stack) - _FRAMES
    if hidden > 0:
        del told.stack[:hidden]
    lines = list(told.format(chain=False))
    if hidden > 0:
        lines.insert(1, f"  ... {hidden} frames\n")
    return message[:_LENGTH], "".join(lines)[-_LENGTH:] if told.stack else ""


def send(connection: Connection, header: dict[str, Any], arrays: Sequence[Array] = ()) -> None:
    """Send a message."""
    header = header | {"arrays": [(array.dtype.str, array.shape) for array in arrays]}
    connection.send_bytes(json.dumps(header).encode())
    for array in arrays:
        connection.send_bytes(array.tobytes())


def receive(connection: Connection) -> tuple[dict[str, Any], list[Array]]:
    """Receive a message; EOFError or OSError if the other side is gone."""
    header = json.loads(connection.recv_bytes())
    kinds = header.pop("arrays")
    return header, [np.ndarray(shape, np.dtype(kind), connection.recv_bytes()) for kind, shape in kinds]


def request(connection: Connection, arguments: Sequence[Any], options: dict[str, Any]) -> None:
    """Ask a serving process for a call."""
    arrays = [argument for argument in arguments if argument is not None]
    send(connection, {"given": [argument is not None for argument in arguments], "options": options}, arrays)


def reply(connection: Connection) -> Outcome:
    """The outcome of a requested call."""
    header, arrays = receive(connection)
    return Outcome(**header | {"written": tuple(header["written"])}, output=arrays[0] if arrays else None)


def serve(connection: Connection, log: int, target: Target, optional: Sequence[str], quiet: bool) -> None:
    """Load the target, say so, and answer requests until the other side closes; a crash is logged as a traceback.

    ``quiet`` drops what is printed on stdout.
    """
    if quiet:
        _silence()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # it is for the other process to stop this one
    faulthandler.enable(log, all_threads=False)
    _one_torch_thread()
    try:
        fn = target.load()
    except DomainError as error:
        send(connection, {"refused": error.condition})
        return
    send(connection, {"left_out": left_out(fn, optional)})
    while True:
        try:
            header, arrays = receive(connection)
        except (EOFError, OSError):
            return
        queue = iter(arrays)
        outcome = execute(fn, [next(queue) if given else None for given in header["given"]], _tuples(header["options"]))
        _flush()
        answer = {name: getattr(outcome, name) for name in ("fate", "dtype", "message", "trace", "written", "uncalled")}
        send(connection, answer, [] if outcome.output is None else [outcome.output])


def main() -> None:
    """Serve in a fresh interpreter; the first message says what to import, and from where."""
    connection = Connection(int(sys.argv[1]))
    header, _ = receive(connection)
    sys.path[:] = header["sys_path"]
    serve(connection, int(sys.argv[2]), Target.of(header["path"]), header["optional"], header["quiet"])
    _flush()
    os._exit(0)


def _tuples(value: Any) -> Any:
    """Lists made tuples again, as JSON does not tell them apart."""
    if isinstance(value, list):
        return tuple(map(_tuples, value))
    return {name: _tuples(entry) for name, entry in value.items()} if isinstance(value, dict) else value


def _one_torch_thread() -> None:
    """Where torch was loaded before a fork: the threads of its pool are not in this process, and it would wait."""
    torch = sys.modules.get("torch")
    if torch is not None:
        torch.set_num_threads(1)


def _silence() -> None:
    """Drop what Python and what C prints on stdout: one line for each of many cases would bury the report."""
    _flush()
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, 1)
    sys.stdout = open(null, "w", encoding="utf-8")  # noqa: SIM115 - it is there as long as the process


def _flush() -> None:
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.flush()
