"""Arrays in ``.npy`` files that a user names."""

from __future__ import annotations

from pathlib import Path
from tokenize import TokenError
from typing import Any

import numpy as np
import numpy.typing as npt

from .errors import DomainError


def load(parameter: str, path: Path) -> npt.NDArray[Any]:
    """The array of an ``.npy`` file, left on the disk until it is used; nothing in it is unpickled.

    Raises:
        DomainError: it is no such file; ``parameter`` is what the message calls it.
    """
    if not path.is_file():
        raise DomainError(parameter, str(path), "needs an .npy file that exists")
    try:
        with np.errstate(over="ignore"):  # a header may promise any size
            found: npt.NDArray[Any] = np.lib.format.open_memmap(path, mode="r")
    except (ValueError, OverflowError, TypeError, EOFError, SyntaxError, TokenError) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise DomainError(parameter, str(path), f"needs an .npy file of plain numbers, but: {reason}") from None
    return found
