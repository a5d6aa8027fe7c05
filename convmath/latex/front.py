"""What stands before the entries of the complete document: how to read it, and its notation."""

from __future__ import annotations

from dataclasses import dataclass

from ..phrases import phrase, say
from .dialect import Dialect
from .page import Paragraph, Section, Terms

_READING = (
    "Every page of this book states a formula of convolution arithmetic, says what it supposes, and derives it line by "
    "line; the reason for a line stands at its right. Each symbol is explained where it first occurs. A numerical "
    "example follows that can be done by hand, then a common mistake with the least numbers at which it fails.",
    "The chapters follow the order of a course: counting and sizes, the operations, their layers and gradients, then "
    "pooling, receptive fields, symmetries and costs, and at the end convolutions of functions and fast algorithms. "
    "A page can be read alone.",
)
_TRUST = (
    ("Proved", "The statement holds for all numbers that meet its conditions. Every step was made by a rule of a small "
               "kernel. A statement about integers on which a step rests carries a certificate: its negation is split "
               "into cases, and in each case an exact polynomial identity makes a sum of products of non-negative "
               "expressions equal to -1. What a page rests on besides is named at its end."),
    ("Checked", "The examples, the calculations of the worked examples and the numbers of the counterexamples are "
                "computed exactly when this book is made. The functions of the library, which are the formulas of this "
                "book, are tested against nested loops and other libraries on samples of their arguments."),
    ("Cited", "A source is where a statement can be found, not what it rests on here. The table of the literature says "
              "which page shows what other texts state, and where they are wrong as printed."),
)  # fmt: skip


@dataclass(frozen=True)
class Matter:
    """A chapter that is no run of pages."""

    heading: str
    sections: tuple[Section, ...]


_ENTRY = "An entry of a tensor of real numbers, which is defined at all integers."


def introduction(dialect: Dialect) -> Matter:
    """What is proved, checked and cited, and how a page is read."""
    reading = tuple(Paragraph(dialect.prose(phrase(words))) for words in _READING)
    trust = Terms(tuple((dialect.prose(phrase(term)), dialect.prose(phrase(words))) for term, words in _TRUST))
    intro = Paragraph(dialect.prose(say("Three words say how far a statement can be trusted.")))
    return Matter(say("How to read this book"), (Section("", (*reading, intro, trust)),))


def notation(dialect: Dialect) -> Matter:
    """The signs that pages use without explaining them."""
    flat = dialect.flat
    a, b, f, k, p = map(dialect.name, "abfkP")
    quotient = [flat.floor(a, b), flat.ceil(a, b)]
    signs = (
        (f"[{p}]", say("Iverson's bracket: 1 if {p} holds, and 0 otherwise. What stands behind a bracket counts only "
                       "where it holds.", p=dialect.inline(p))),
        (dialect.sum(k, None, None), say("A sum over all integers for which the brackets hold. Several indices below "
                                         "one sign are summed over together.")),
        (dialect.sum(k, a, b), say("A sum over all integers from {a} to {b}; it is empty and therefore 0 if {b} is "
                                   "less than {a}.", a=dialect.inline(a), b=dialect.inline(b))),
        (", ".join(quotient), say("The quotient rounded down, and rounded up; {b} is at least 1, and {a} has any sign.",
                                  a=dialect.inline(a), b=dialect.inline(b))),
        (dialect.mod(a, b), say("The remainder of the division, at least 0 and less than {b}.", b=dialect.inline(b))),
        (dialect.indexed("x", [b, *map(dialect.name, "ci")]), say(_ENTRY)),
        (dialect.derivative(f, dialect.indexed("x", ["j"])), say("The partial derivative for one entry of a tensor.")),
    )  # fmt: skip
    letters = Paragraph(say("All letters stand for integers unless a page says otherwise."))
    terms = Terms(tuple((dialect.inline(sign), words) for sign, words in signs))
    return Matter(say("Notation"), (Section("", (letters, terms)),))
