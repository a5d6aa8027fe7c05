"""Finds what does not belong in a document: English in a Chinese one, what GitHub spoils in a Markdown one."""

from __future__ import annotations

import re

# Names of people and things, and words of programs, that Chinese texts print in Latin letters.
NAMES = frozenset(
    [
        *("convmath", "PyTorch", "SymPy", "Zhang", "Sobel", "Scharr", "Toeplitz", "SAME", "valid", "same", "full"),
        *("padding", "rot", "unfold", "fold", "softmax", "max", "mod", "out"),
    ]
)
_COMMENT = re.compile(r"(?m)(?<!\\)%.*$")
_DISPLAY = re.compile(r"\\begin\{(align|alignat|aligned|array)\*?\}.*?\\end\{\1\*?\}", re.DOTALL)
_REASON = re.compile(r"\\reason\{((?:[^{}]|\{(?:[^{}]|\{[^{}]*\})*\})*)\}")
_TEXT = re.compile(r"\\text\{([^{}]*)\}")
_INLINE = re.compile(r"\$[^$]*\$")
_GROUP = r"\{(?:[^{}]|\{[^{}]*\})*\}"
_CODE = re.compile(
    rf"\\(?:texttt|entry|identifier|label|ref|cite|begin|end|addcontentsline{_GROUP}|target{_GROUP})(?:\[[^]]*\])?{_GROUP}"
)
_PLAIN_TITLE = re.compile(rf"\\texorpdfstring({_GROUP}){_GROUP}")
_CITED = re.compile(r"[A-Z]\w+(?: 和 [A-Z]\w+| 等)? \d{4}", re.ASCII)
_COMMAND = re.compile(r"\\[A-Za-z@]+\*?")
_WORD = re.compile(r"[A-Za-z]{3,}")


def latin_words(source: str) -> list[str]:
    """English words in the sentences of a LaTeX document: not its preamble, formulas, code, keys and bibliography."""
    body = source.split(r"\begin{document}")[1].split(r"\begin{thebibliography}")[0]
    body = _PLAIN_TITLE.sub(r"\1", _COMMENT.sub("", body))
    places = re.findall(r"\\cite\[([^]]*)\]", body)
    inside = [part for display in _DISPLAY.finditer(body) for part in _inside(display.group())]
    body = " ".join([_DISPLAY.sub(" ", body), *inside, *places])
    body = _COMMAND.sub(" ", _CITED.sub(" ", _CODE.sub(" ", _INLINE.sub(" ", body))))
    return [word for word in _WORD.findall(body) if word not in NAMES]


def _inside(display: str) -> list[str]:
    """The words of a display: its reasons and its texts."""
    return [*_REASON.findall(display), *_TEXT.findall(_REASON.sub("", display))]


def assert_is_safe_in_markdown(page: str) -> None:
    """GitHub takes a backslash before punctuation for its own, except at the end of a line of a display."""
    for display in re.findall(r"\$\$\n(.*?)\n\$\$", page, re.DOTALL):
        assert not re.search(r"\\[^A-Za-z]", display.replace("\\\\\n", "\n")), display
    for inline in re.findall(r"(?<!\$)\$([^$\n]+)\$(?!\$)", page):
        assert not re.search(r"\\[^A-Za-z]", inline), inline
