"""Atomic writes: the reader sees the old content or the whole new one, whatever happens in between."""

import os
import stat

import pytest

from certflow.atomic import write_atomically
from certflow.outcome import BadInput


def test_text_and_bytes_are_written_exactly(tmp_path):
    target = tmp_path / "out.txt"
    write_atomically(target, "ζ\r\nline\n")
    assert target.read_bytes() == "ζ\r\nline\n".encode()
    write_atomically(str(target), b"\0\xff")
    assert target.read_bytes() == b"\0\xff"
    assert os.listdir(tmp_path) == ["out.txt"]


def test_a_failure_half_way_leaves_the_earlier_file_and_nothing_else(tmp_path, monkeypatch):
    target = tmp_path / "out.txt"
    target.write_text("earlier")

    def full_disk(descriptor):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full_disk)
    with pytest.raises(BadInput, match="No space left on device"):
        write_atomically(target, "new")
    assert target.read_text() == "earlier"
    assert os.listdir(tmp_path) == ["out.txt"]


def test_an_interrupt_leaves_the_earlier_file_and_nothing_else(tmp_path, monkeypatch):
    target = tmp_path / "out.txt"
    target.write_text("earlier")

    def interrupted(source, destination):
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "replace", interrupted)
    with pytest.raises(KeyboardInterrupt):
        write_atomically(target, "new")
    assert target.read_text() == "earlier"
    assert os.listdir(tmp_path) == ["out.txt"]


def test_the_new_content_is_on_disk_before_it_takes_the_name(tmp_path, monkeypatch):
    target = tmp_path / "out.txt"
    target.write_text("earlier")
    events = []
    fsync, replace = os.fsync, os.replace
    monkeypatch.setattr(os, "fsync", lambda descriptor: (events.append("fsync"), fsync(descriptor)))
    monkeypatch.setattr(os, "replace", lambda a, b: (events.append("replace"), replace(a, b)))
    write_atomically(target, "new")
    assert events == ["fsync", "replace"]


def test_permissions_are_those_of_any_new_file_or_of_the_earlier_one(tmp_path):
    ordinary, target = tmp_path / "ordinary", tmp_path / "target"
    ordinary.write_text("")
    write_atomically(target, "")
    assert stat.S_IMODE(target.stat().st_mode) == stat.S_IMODE(ordinary.stat().st_mode)
    target.chmod(0o600)
    write_atomically(target, "again")
    assert stat.S_IMODE(target.stat().st_mode) == 0o600


def test_a_symbolic_link_is_followed(tmp_path):
    target, link = tmp_path / "target", tmp_path / "link"
    target.write_text("earlier")
    link.symlink_to(target)
    write_atomically(link, "new")
    assert link.is_symlink()
    assert target.read_text() == "new"


def test_what_is_not_a_plain_file_is_refused_and_kept(tmp_path):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    for path in (tmp_path, pipe):
        with pytest.raises(BadInput, match="not a plain file"):
            write_atomically(path, "x")
    assert stat.S_ISFIFO(pipe.stat().st_mode)


def test_a_missing_folder_is_named(tmp_path):
    with pytest.raises(BadInput, match=r"nowhere.*cannot be written"):
        write_atomically(tmp_path / "nowhere" / "out.txt", "x")
    with pytest.raises(BadInput, match="is not a file name"):
        write_atomically("a\0b", "x")
    (tmp_path / "file").write_text("")
    with pytest.raises(BadInput, match="cannot be written"):
        write_atomically(tmp_path / "file" / "out.txt", "x")
