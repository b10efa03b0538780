"""Files that an earlier run of the main job left in its folder: what results.json names is replaced or
removed, nothing else.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path

from certflow.outcome import BadInput

RESULTS = "results.json"


def files_of_results(folder: Path) -> list[str]:
    """The names, without folders, of the files that the results.json in `folder` says were written with it;
    none without one.
    """
    try:
        record = json.loads((folder / RESULTS).read_text(encoding="utf-8"))
        named = record["files"]
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return []
    plain = (
        [name for name in named if isinstance(name, str) and Path(name).name == name]
        if isinstance(named, list)
        else []
    )
    return [name for name in plain if name not in ("", ".", "..", RESULTS)]


def remove_files(folder: Path, names: Iterable[str]) -> None:
    """Remove these files, as far as they are there. Raises `BadInput` for one that cannot be removed."""
    for name in names:
        path = folder / name
        try:
            if path.is_file() or path.is_symlink():
                path.unlink(missing_ok=True)
        except OSError as error:
            raise BadInput(
                f"{path}: the file of an earlier run cannot be removed ({error.strerror}); remove it."
            ) from error
