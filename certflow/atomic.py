"""Writing a file so that a reader sees either the old content or the whole new one, never a part."""

from __future__ import annotations

import os
import secrets
import stat
from pathlib import Path

from certflow.outcome import BadInput


def write_atomically(path: str | os.PathLike[str], content: str | bytes) -> None:
    """Replace the file `path` by `content` (text is written as UTF-8, newlines untouched).

    The content goes to a new file in the same folder, reaches the disk, and only then takes the name: after a crash,
    a full disk or an interrupt the earlier file is still there, whole. A symbolic link is followed, not replaced.
    Raises `BadInput` if the folder does not exist, cannot be written, or `path` is something else than a plain file.
    """
    if "\0" in os.fspath(path):
        raise BadInput(f"{os.fspath(path)!r}: is not a file name; give one without NUL characters.")
    target = Path(os.path.realpath(path))
    data = content.encode("utf-8") if isinstance(content, str) else content
    scratch = target.with_name(f".{target.name[:100]}.{secrets.token_hex(8)}.part")
    try:
        # Without this, replacing a device file (as the superuser) would destroy it.
        if target.exists() and not target.is_file():
            raise BadInput(f"{path}: is not a plain file; choose another name to write to.")
        mode = stat.S_IMODE(target.stat().st_mode) if target.exists() else None
        # O_EXCL and the process's umask give the new file the permissions of any file the user creates.
        descriptor = os.open(scratch, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666)
    except OSError as error:
        raise BadInput(f"{path}: cannot be written ({error.strerror}); choose a folder that exists and is writable.") from error
    try:
        with os.fdopen(descriptor, "wb") as stream:
            if mode is not None:
                os.chmod(scratch, mode)
            stream.write(data)
            stream.flush()
            os.fsync(stream.fileno())
        os.replace(scratch, target)
    except BaseException as error:
        scratch.unlink(missing_ok=True)
        if isinstance(error, OSError):
            raise BadInput(f"{path}: cannot be written ({error.strerror}); the earlier file is untouched.") from error
        raise
