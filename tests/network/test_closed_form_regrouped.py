"""Views by sizes that are multiples of each other, and those whose last size goes by no formula, at all sizes."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch")

from torch.nn import functional as F  # noqa: E402, N812

from convmath.network import from_torch  # noqa: E402
from convmath.network.closed_form import naming  # noqa: E402

from .applied import Apply  # noqa: E402

LARGEST = 40


def in_windows(x):
    """Padded to whole windows of 4, taken apart, and put together as an image again."""
    n, c, h, w = x.shape
    x = F.pad(x, (0, -w % 4, 0, -h % 4))
    height, width = x.shape[2:]
    windows = x.view(n, c, height // 4, 4, width // 4, 4).permute(0, 2, 4, 3, 5, 1).reshape(-1, 4, 4, c)
    apart = windows.view(-1, height // 4, width // 4, 4, 4, c)
    return apart.permute(0, 1, 3, 2, 4, 5).reshape(-1, height, width, c)


def shared(x):
    """As many copies as windows go into all rows."""
    rows = x.flatten(2).transpose(1, 2)
    return rows.new_zeros(1, 8).expand(rows.shape[1] // x.shape[3], 8)


def positions(x):
    """A table of 4 x 4 places, resized to those of the image, one after the other."""
    table = F.interpolate(x.new_zeros(1, 6, 4, 4), size=(x.shape[2] // 2, x.shape[3] // 2))
    return table.permute(0, 2, 3, 1).reshape(1, (x.shape[2] // 2) * (x.shape[3] // 2), -1)


def fixed(x):
    """A table of 64 rows with as many columns as the image leaves."""
    return x.new_zeros(1, 64, 6).reshape(1, x.shape[2], x.shape[3], -1)


REGROUPED = {
    "windows": (in_windows, 16, lambda n: True),
    "copies": (shared, 6, lambda n: True),
    "positions": (positions, 8, lambda n: n >= 2),
    "a table": (fixed, 8, lambda n: n == 8),
}
"""Functions, where they are read, and where the closed forms have to hold."""


def taken(function, n):
    """The sizes that torch gives; None where it refuses."""
    try:
        return tuple(function(torch.empty((1, 8, n, n), device="meta")).shape)
    except RuntimeError:
        return None


@pytest.mark.parametrize("name", REGROUPED)
def test_a_view_by_sizes_that_are_multiples_is_proved_with_torchs_sizes(name):
    function, at, where = REGROUPED[name]
    forms = from_torch(Apply(function), (3, "n", "n"), at=at).closed_forms()
    assert (forms.output.label, forms.output.reading) == ("proved", "by construction"), str(forms.output)
    valid = forms.valid.up_to(LARGEST)
    assert valid == [n for n in range(1, LARGEST + 1) if where(n)]
    assert {n: forms.output.at(n) for n in valid} == {n: taken(function, n) for n in valid}


def test_a_size_that_stands_for_another_one_at_another_size_is_said_to_be_so():
    forms = from_torch(Apply(fixed), (3, "n", "n"), at=8).closed_forms()
    assert taken(fixed, 4) == (1, 4, 4, 24)
    assert "as it was read" in str(forms.valid)
    assert from_torch(Apply(fixed), (3, "n", "n"), at=4).closed_forms().output.at(4) == (1, 4, 4, 24)


def test_a_multiple_that_is_taken_for_the_size_itself_is_caught(monkeypatch):
    function, at, _ = REGROUPED["windows"]
    monkeypatch.setattr(naming, "_times", lambda form, other: 1 if form.free_symbols else None)
    forms = from_torch(Apply(function), (3, "n", "n"), at=at).closed_forms()
    valid = [] if forms.valid is None else forms.valid.up_to(LARGEST)
    assert {n: taken(function, n) for n in range(1, LARGEST + 1)} != {n: forms.output.at(n) for n in valid}
