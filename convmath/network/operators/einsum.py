"""Sums of products by Einstein's convention."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import ClassVar

from ...assumptions import require
from ...errors import DomainError
from .base import Operator, Reads, Size, Sizes, Work, product, stretched_to
from .domains import Domain, Domains, several

_LETTERS = Domain(lambda value: type(value) is str, "letters")


@dataclass(frozen=True)
class Einsum(Operator):
    """Products of one or two inputs, summed over the indices that the output lacks.

    Attributes:
        inputs: for each input, a letter for each of its dimensions; sizes of 1 are stretched.
        output: the letters of the output's dimensions.

    Raises:
        DomainError: there are more than two inputs, a letter occurs twice in one, or the output has one of its own.

    Source: [torch.einsum].

    >>> Einsum(("nhqd", "nhkd"), "nhqk").sizes((2, 8, 5, 64), (2, 8, 7, 64))
    (2, 8, 5, 7)
    """

    inputs: tuple[str, ...]
    output: str

    domains: ClassVar[Domains] = {"inputs": several(_LETTERS, "letters for each input"), "output": _LETTERS}

    def __post_init__(self) -> None:
        """Require letters that say what to do."""
        super().__post_init__()
        if not 1 <= len(self.inputs) <= 2:
            raise DomainError("inputs", self.inputs, "einsum needs one or two inputs; more are a sequence of two each")
        for letters in (*self.inputs, self.output):
            if len(set(letters)) != len(letters):
                raise DomainError("equation", letters, "einsum needs each letter once in an input and in the output")
        if not set(self.output) <= set("".join(self.inputs)):
            raise DomainError("output", self.output, "einsum needs letters of its inputs")

    def sizes(self, *inputs: Sizes) -> Sizes:
        """The size of every letter of the output."""
        found = self._letters(inputs)
        return tuple(found[letter] for letter in self.output)

    def _letters(self, inputs: Sequence[Sizes]) -> Mapping[str, Size]:
        if len(inputs) != len(self.inputs):
            raise DomainError("inputs", len(inputs), f"einsum needs {len(self.inputs)}, one for each part")
        found: dict[str, Size] = {}
        for letters, sizes in zip(self.inputs, inputs, strict=True):
            if len(letters) != len(sizes):
                raise DomainError("sizes", sizes, f"einsum needs {len(letters)} dimensions for {letters!r}")
            for letter, size in zip(letters, sizes, strict=True):
                before = found.get(letter, 1)
                if 1 not in (before, size):
                    require("==", before, size, "sizes", f"einsum needs one size for {letter!r}", sizes=tuple(inputs))
                found[letter] = size if before == 1 else before
        return found

    def reads(self, inputs: Sequence[Sizes], output: Sizes) -> tuple[Reads, ...]:
        """Each letter of the output in its place; what is summed over is read whole."""
        return tuple(
            tuple(
                (letters.index(letter), stretched_to(sizes[letters.index(letter)], n)) if letter in letters else None
                for letter, n in zip(self.output, output, strict=True)
            )
            for letters, sizes in zip(self.inputs, inputs, strict=True)
        )

    @property
    def _summed(self) -> tuple[set[str], list[set[str]]]:
        """The letters over which products are summed, and those over which each input is summed before."""
        gone = [set(letters) - set(self.output) for letters in self.inputs]
        both = gone[0] & gone[1] if len(gone) == 2 else set()
        return both, [one - both for one in gone]

    def work(self, inputs: Sequence[Sizes], output: Sizes) -> Work:
        """A product for every output and every index that both inputs have and the output lacks.

        What only one of them has is summed over beforehand; where nothing is left to sum over, the products are no
        multiply-accumulates.
        """
        sizes, (both, alone) = self._letters(inputs), self._summed
        before = 0
        for source, letters, gone in zip(inputs, self.inputs, alone, strict=True):
            kept = [n for letter, n in zip(letters, source, strict=True) if letter not in gone]
            before += product(source) - product(kept)
        if not both:
            return Work(other=before + (product(output) if len(inputs) == 2 else 0))
        macs = product(output) * product([sizes[letter] for letter in sorted(both)])
        return Work(macs, product(output), 0, before)


def parsed(equation: str, ranks: Sequence[int]) -> tuple[tuple[str, ...], str]:
    """The letters of every input and of the output, those that an ellipsis stands for as digits.

    Args:
        equation: as ``"bij,bjk->bik"``; without an arrow the output has the letters that occur once, in their order.
        ranks: the numbers of dimensions of the inputs.

    Raises:
        DomainError: the equation is none, or does not fit the inputs.

    >>> parsed("...ij, jk", (4, 2))
    (('01ij', 'jk'), '01ik')
    """
    left, arrow, right = equation.replace(" ", "").partition("->")
    terms = left.split(",")
    if len(terms) != len(ranks):
        raise DomainError("equation", equation, f"needs letters for each of {len(ranks)} inputs")
    hidden = [rank - len(term.replace("...", "")) for term, rank in zip(terms, ranks, strict=True)]
    for term, more in zip(terms, hidden, strict=True):
        letters = term.replace("...", "", 1)
        if (letters and not (letters.isascii() and letters.isalpha())) or (more if letters == term else more < 0):
            raise DomainError(
                "equation", equation, f"{term!r} does not fit an input of {len(letters) + more} dimensions"
            )
    most = max([more for term, more in zip(terms, hidden, strict=True) if "..." in term], default=0)
    if most > len(_DIGITS):
        raise DomainError("equation", equation, f"an ellipsis needs at most {len(_DIGITS)} dimensions")
    found = tuple(term.replace("...", _DIGITS[most - more : most]) for term, more in zip(terms, hidden, strict=True))
    if not arrow:
        every = "".join(found)
        once = sorted(letter for letter in set(every) - set(_DIGITS) if every.count(letter) == 1)
        return found, _DIGITS[:most] + "".join(once)
    output = right.replace("...", _DIGITS[:most])
    if not set(output) <= set("".join(found)):
        raise DomainError("equation", equation, "needs an output of letters that its inputs have")
    return found, output


_DIGITS = "0123456789"


def pairwise(terms: Sequence[str], output: str) -> list[Einsum]:
    """The sums of products of two inputs each, from left to right, each over what no later input needs.

    >>> [(one.inputs, one.output) for one in pairwise(("ab", "bc", "cd"), "ad")]
    [(('ab', 'bc'), 'ac'), (('ac', 'cd'), 'ad')]
    """
    if len(terms) == 1:
        return [Einsum((terms[0],), output)]
    found, before = [], terms[0]
    needed = [*accumulate(reversed(terms[2:]), lambda later, term: later | set(term), initial=set(output))]
    for number, (term, later) in enumerate(zip(terms[1:], reversed(needed), strict=True), 1):
        together = "".join(dict.fromkeys(letter for letter in before + term if letter in later))
        after = output if number == len(terms) - 1 else together
        found.append(Einsum((before, term), after))
        before = after
    return found
