"""Theorems show themselves in Jupyter; the kernel does not know how."""

from __future__ import annotations

from ..calculus.kernel import Theorem
from .printer import latex, text


def theorem_latex(theorem: Theorem) -> str:
    """The conclusion as displayed mathematics."""
    return rf"$\displaystyle {latex(theorem.conclusion)}$"


def theorem_markdown(theorem: Theorem) -> str:
    """Hypotheses, conclusion and what the theorem rests on.

    >>> from convmath.calculus.index import eq, integers
    >>> from convmath.calculus.kernel import assume
    >>> n = integers("n")
    >>> print(theorem_markdown(assume(eq(n, 1))))
    If $n = 1$, then $n = 1$. (kernel)
    """
    hypotheses = ", ".join(sorted(f"${latex(hypothesis)}$" for hypothesis in theorem.hypotheses))
    claim = f"${latex(theorem.conclusion)}$"
    return f"{f'If {hypotheses}, then ' if hypotheses else ''}{claim}. ({', '.join(sorted(theorem.trust))})"


def theorem_text(theorem: Theorem) -> str:
    """The conclusion as plain text, for the interpreter."""
    return f"<Theorem {text(theorem.conclusion)}>"


def show_theorems() -> None:
    """Give theorems the methods that Python and Jupyter look for."""
    shown = {"__repr__": theorem_text, "_repr_latex_": theorem_latex, "_repr_markdown_": theorem_markdown}
    for name, method in shown.items():
        setattr(Theorem, name, method)
