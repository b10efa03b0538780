"""Writing a file so that a reader sees either the old content or the whole new one, never a part."""

from __future__ import annotations

import os
import secrets
import stat
from pathlib import Path
from typing import Any

from certflow.outcome import BadInput


def file_name(path: Any, what: str = "path") -> str:
    """The name that was given as `what`; raises `BadInput` for what can be the name of no file."""
    name = os.fspath(path) if isinstance(path, str | os.PathLike) else None
    if not isinstance(name, str):
        raise BadInput(f"{what}: expected the name of a file, got {type(path).__name__}.")
    if not name or "\0" in name:
        raise BadInput(f"{what}: {name!r} is not a file name; give one that is not empty and without NUL.")
    return name


def write_atomically(path: str | os.PathLike[str], content: str | bytes) -> None:
    """Replace the file `path` by `content` (text is written as UTF-8, newlines untouched).

    The content goes to a new file in the same folder, reaches the disk, and only then takes the name: after a
    crash, a full disk or an interrupt the earlier file is still there, whole. A symbolic link is followed,
    not replaced. Raises `BadInput` if the folder does not exist, cannot be written, or `path` is something
    else than a plain file.
    """
    data = content.encode("utf-8") if isinstance(content, str) else content
    target, scratch, descriptor = _scratch(path)
    try:
        with os.fdopen(descriptor, "wb") as stream:
            if target.exists():
                os.chmod(scratch, stat.S_IMODE(target.stat().st_mode))
            stream.write(data)
            stream.flush()
            os.fsync(stream.fileno())
        os.replace(scratch, target)
    except BaseException as error:
        scratch.unlink(missing_ok=True)
        if isinstance(error, OSError):
            raise BadInput(
                f"{path}: cannot be written ({error.strerror}); the earlier file is untouched."
            ) from error
        raise


def require_writable(path: str | os.PathLike[str], option: str) -> None:
    """Raise the `BadInput` that `write_atomically` would, as far as it can be known before there is something
    to write.

    The sentence names the `option` that gave the path.
    """
    _, scratch, descriptor = _scratch(path, f"{option} ")
    os.close(descriptor)
    scratch.unlink(missing_ok=True)


def _scratch(path: str | os.PathLike[str], option: str = "") -> tuple[Path, Path, int]:
    """The file that `path` leads to, and a new file beside it, open for writing."""
    target = Path(os.path.realpath(file_name(path, f"{option}path".split()[0])))
    if not target.name:
        raise BadInput(f"{option}{path}: is a folder; give the name of a file.")
    scratch = target.with_name(f".{target.name[:100]}.{secrets.token_hex(8)}.part")
    try:
        # Without this, replacing a device file (as the superuser) would destroy it.
        if _exists(target) and not target.is_file():
            raise BadInput(f"{option}{path}: is not a plain file; choose another name to write to.")
        # O_EXCL and the process's umask give the new file the permissions of any file the user creates.
        return target, scratch, os.open(scratch, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666)
    except OSError as error:
        raise BadInput(
            f"{option}{path}: cannot be written ({error.strerror}); choose a folder that exists and is "
            f"writable."
        ) from error


def _exists(target: Path) -> bool:
    """Whether there is such a file; `OSError` for a name that can be none (too long)."""
    try:
        target.lstat()
    except FileNotFoundError:
        return False
    return True
