"""An ONNX file without its weights: of the elements of a large tensor one is kept, which tells it from a mask.

The encoding is that of protocol buffers: a message is a row of fields, each with a key that holds its number and how
its content is written. [ProtobufEncoding]
"""

from __future__ import annotations

import mmap
import stat
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from os import PathLike, fspath
from pathlib import Path

from ...errors import DomainError
from .masks import KINDS, telling_bytes

LONG = 4096
"""The elements of a tensor are kept up to so many bytes: sizes and axes are short, weights are long."""

MOST_BYTES = 32 * 2**20
"""What may be left of a file without the weights."""

MOST_NODES = 200_000

_INSIDE: Mapping[str, Mapping[int, str]] = {
    "model": {7: "graph", 25: "function"},
    "function": {7: "node", 11: "attribute"},
    "graph": {1: "node", 5: "tensor"},
    "node": {5: "attribute"},
    "attribute": {5: "tensor", 6: "graph", 11: "graph"},
    "tensor": {},
}
"""The fields of a message that may hold large tensors, and what they are."""

_LEFT_OUT: Mapping[str, frozenset[int]] = {
    "model": frozenset({20}),  # training_info
    "tensor": frozenset({4, 5, 6, 7, 9, 10, 11}),  # float_data to uint64_data, raw_data
}
"""The fields that are left out where they are long: elements, and how a model is trained."""

_TYPE = 2
"""The field of a tensor that says its type; it comes before the elements."""

_ELEMENTS: Mapping[int, frozenset[int]] = {4: frozenset({1}), 9: frozenset(KINDS), 10: frozenset({11})}
"""The fields of a tensor that hold elements as they lie in memory, and of which types: float, all of masks, double."""

MOST_LOOKED_AT = 2**27
"""Of the elements of large tensors, most of them of masks, no more bytes are looked at in a file."""

_DEEPEST = 100
"""Messages inside of each other; the library that reads them takes no more."""

_VARINT, _EIGHT, _LENGTH, _FOUR = 0, 1, 2, 5


def read(path: str | PathLike[str]) -> bytes:
    """The file without the elements of large tensors.

    Raises:
        DomainError: it is no file, is not encoded as a protocol buffer, or is too large even so.
    """
    try:
        mode = Path(path).stat().st_mode
        if not stat.S_ISREG(mode):
            raise DomainError("path", fspath(path), "needs a file")
        with Path(path).open("rb") as file:
            if not Path(path).stat().st_size:
                raise DomainError("path", fspath(path), "the file is empty")
            with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
                return _Skeleton(fspath(path)).of(content)
    except OSError as error:
        raise DomainError("path", fspath(path), f"the file cannot be read: {error.strerror or error}") from error


@dataclass(frozen=True, slots=True)
class _Field:
    """A field: its number, and where it, its content and the next field begin."""

    number: int
    start: int
    content: int
    end: int
    nested: bool


class _Skeleton:
    """What is left of one file."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._nodes = 0
        self._left = MOST_BYTES
        self._looks = MOST_LOOKED_AT

    def of(self, content: mmap.mmap) -> bytes:
        """The model in ``content`` without the elements of large tensors."""
        return b"".join(self._message(content, 0, len(content), "model"))

    def _message(self, content: mmap.mmap, start: int, end: int, kind: str, depth: int = 0) -> Iterator[bytes]:
        elements = 0
        for field in self._fields(content, start, end):
            if (kind, field.number) == ("tensor", _TYPE):
                elements, _ = self._number(content, field.content, end)
            self._nodes += _INSIDE[kind].get(field.number) == "node"
            if self._nodes > MOST_NODES:
                raise DomainError("path", self._path, f"the network has more than {MOST_NODES} nodes")
            length = field.end - field.content
            if length > LONG and field.number in _LEFT_OUT.get(kind, ()):
                if elements in _ELEMENTS.get(field.number, ()) and length <= self._looks:
                    told = telling_bytes(partial(self._part, content, field.content), length, elements)
                    yield _varint(field.number << 3 | _LENGTH) + _varint(len(told)) + told
                continue
            inside = _INSIDE[kind].get(field.number) if field.nested and length > LONG and depth < _DEEPEST else None
            if inside is None:
                self._left -= field.end - field.start
                if self._left < 0:
                    most = f"more than {MOST_BYTES // 2**20} MiB"
                    raise DomainError("path", self._path, f"the file holds {most} beside its weights")
                yield content[field.start : field.end]
            else:
                nested = b"".join(self._message(content, field.content, field.end, inside, depth + 1))
                yield _varint(field.number << 3 | _LENGTH) + _varint(len(nested)) + nested

    def _part(self, content: mmap.mmap, first: int, start: int, stop: int) -> bytes:
        self._looks -= stop - start
        return content[first + start : first + stop]

    def _fields(self, content: mmap.mmap, at: int, end: int) -> Iterator[_Field]:
        while at < end:
            start = at
            key, at = self._number(content, at, end)
            wire, length = key & 7, 0
            if wire == _VARINT:
                _, after = self._number(content, at, end)
                length = after - at
            elif wire == _LENGTH:
                length, at = self._number(content, at, end)
            elif wire in (_EIGHT, _FOUR):
                length = 8 if wire == _EIGHT else 4
            else:
                raise self._broken(start)
            if at + length > end:
                raise self._broken(start)
            yield _Field(key >> 3, start, at, at + length, wire == _LENGTH)
            at += length

    def _number(self, content: mmap.mmap, at: int, end: int) -> tuple[int, int]:
        """An integer in groups of seven bits, the lowest first; a set eighth bit says that more follow."""
        value = 0
        for group in range(10):
            if at + group >= end:
                break
            byte = content[at + group]
            value |= (byte & 0x7F) << (7 * group)
            if byte < 0x80:
                return value, at + group + 1
        raise self._broken(at)

    def _broken(self, at: int) -> DomainError:
        reason = f"this is no ONNX model: byte {at} begins no whole field of a protocol buffer"
        return DomainError("path", self._path, reason)


def _varint(value: int) -> bytes:
    groups = [value >> shift & 0x7F for shift in range(0, max(1, value.bit_length()), 7)]
    return bytes([*(group | 0x80 for group in groups[:-1]), groups[-1]])
