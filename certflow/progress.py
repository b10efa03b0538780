"""How long-running functions tell their caller how far they are; the caller decides whether to draw
anything.
"""

from __future__ import annotations

from typing import Any, Protocol

from certflow.outcome import BadInput


class Progress(Protocol):
    """Called as `progress(description, done, total)`: `done` of `total` steps of the named piece of work are
    finished.

    A new description starts a new piece; `done == total` ends it. It may raise (a time limit does), so it is
    called only where the work can stop without leaving anything half done.
    """

    def __call__(self, description: str, done: int, total: int) -> None: ...


def require_progress(progress: Any) -> None:
    """Raise `BadInput` for what can neither be called nor is None."""
    if progress is not None and not callable(progress):
        raise BadInput(f"progress: expected a function or None, got {type(progress).__name__}.")
