"""Files are written whole or left as they were."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from convmath.text_files import write_file


def test_a_file_is_written_whole_or_left_as_it_was(tmp_path):
    path = tmp_path / "new" / "folder" / "file.txt"
    write_file(path, "first\n")
    assert path.read_text() == "first\n"
    with pytest.raises(UnicodeEncodeError):
        write_file(path, "second \ud800")
    assert path.read_text() == "first\n"
    assert list(path.parent.iterdir()) == [path]
    write_file(path, "second\n")
    assert path.read_text() == "second\n"


def test_a_device_is_written_to_and_a_link_followed_in_place_of_being_replaced(tmp_path):
    write_file(Path(os.devnull), "gone")
    assert not Path(os.devnull).is_file()
    link, target = tmp_path / "link", tmp_path / "target"
    link.symlink_to(target)
    write_file(link, "text")
    assert link.is_symlink()
    assert target.read_text() == "text"
