"""What a person sees in the terminal: tables on stdout, progress on stderr and only if that is a terminal."""

from __future__ import annotations

import contextlib
import io
import math
import os
import shlex
import shutil
import sys
import textwrap
import time
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING

from certflow.outcome import CertflowError
from certflow.printable import printable
from certflow.tables import Table

if TYPE_CHECKING:
    from rich.progress import Progress as Bars

PLAIN_WIDTH = 100
"""Width of what is printed when stdout is not a terminal, unless COLUMNS says something else."""
NARROWEST = 20


def emit(text: str, end: str = "\n") -> None:
    """Write `text` to stdout, control characters escaped; when the reader has gone (`certflow kkt | head`),
    fall silent.

    Raises `CertflowError` if stdout cannot take it for another reason.
    """
    _write(printable(text) + end)


def _write(text: str) -> None:
    try:
        sys.stdout.write(text)
        sys.stdout.flush()
    except OSError as error:
        fall_silent()
        if not isinstance(error, BrokenPipeError):
            raise CertflowError(
                f"stdout cannot be written ({error.strerror}); what was printed is not complete."
            ) from error


def fall_silent() -> None:
    """From now on nothing is printed: the interpreter flushes stdout once more at exit and must find one that
    takes it.
    """
    sys.stdout = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115


def emit_prose(text: str) -> None:
    """Write `text`, with lines that are too long for the terminal broken between words and indented; a word
    is broken only if no line can hold it.
    """
    width = terminal_width()
    lines = []
    for line in printable(text).splitlines():
        indent = " " * (len(line) - len(line.lstrip()))
        lines += textwrap.wrap(line, width, subsequent_indent=indent + "  ", drop_whitespace=True) or [""]
    emit("\n".join(lines))


def emit_command(text: str, command: str, file: str) -> None:
    """Say `text`, and below it the `command` for `file` in one piece, ready to be copied."""
    emit_prose(f"{text}:")
    emit(f"  {command} {shlex.quote(printable(file, keep=''))}")


def emit_files(folder: str | os.PathLike[str], names: Iterable[str]) -> None:
    """Say what was written where: names that differ in their ending only are one entry."""
    endings: dict[str, list[str]] = {}
    for name in names:
        stem, _, ending = name.rpartition(".")
        endings.setdefault(stem, []).append(ending)
    shown = (
        f"{stem}.{each[0] if len(each) == 1 else '{' + ','.join(each) + '}'}"
        for stem, each in endings.items()
    )
    emit_prose(f"Written to {printable(os.fspath(folder), keep='')}: {', '.join(shown)}")


def emit_table(table: Table) -> None:
    """Print title, body and notes of the table; colour and width follow the terminal."""
    from rich.console import Console

    drawn = io.StringIO()
    console = Console(file=drawn, force_terminal=sys.stdout.isatty(), width=terminal_width())
    console.print(printable(table.title), style="bold", markup=False, highlight=False)
    for part in table.to_rich(console.width):
        console.print(part)
    for note in table.notes:
        console.print(printable(note), style="dim", markup=False, highlight=False)
    _write("\n".join(line.rstrip() for line in drawn.getvalue().rstrip().splitlines()) + "\n\n")


def emit_part(part: str | Table) -> None:
    """Print prose or a table, and an empty line."""
    if isinstance(part, Table):
        emit_table(part)
    else:
        emit_prose(part + "\n")
        emit("")


def terminal_width() -> int:
    """How many characters a line on stdout has."""
    if sys.stdout.isatty():
        return max(NARROWEST, shutil.get_terminal_size((PLAIN_WIDTH, 24)).columns)
    columns = os.environ.get("COLUMNS", "")
    return max(NARROWEST, int(columns)) if columns.isdecimal() and len(columns) < 6 else PLAIN_WIDTH


class Bar:
    """A `Progress` that draws one line on stderr: the piece of work that is under way, how much of it is
    done, how long all has taken, and how long `longest`, the piece that decides it, will still take.
    """

    def __init__(self, bars: Bars | None = None, longest: str = "") -> None:
        self._bars, self._left = bars, TimeLeft()
        self._longest = longest

    def __call__(self, description: str, done: int, total: int) -> None:
        """Draw how far the work is; nothing without a terminal."""
        if self._bars is None:
            return
        left = self._left.after(done / max(total, 1)) if description == self._longest else ""
        shown = f"{description}, {left}" if left else description
        self._bars.update(self._bars.task_ids[0], description=shown, completed=done, total=total)

    @contextlib.contextmanager
    def aside(self) -> Iterator[None]:
        """Within the body the line is gone, so that something else can be printed."""
        if self._bars is None:
            yield
            return
        self._bars.stop()
        try:
            yield
        finally:
            self._bars.start()


class TimeLeft:
    """How long a piece of work will still take, from how fast it went; nothing is said as long as that is a
    guess.
    """

    LEAST_SHARE, LEAST_SECONDS = 0.05, 3.0

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._start: float | None = None

    def after(self, share: float) -> str:
        """What is left when this share is done, rounded, in words."""
        now = self._clock()
        if self._start is None or share <= 0:
            self._start = now
        passed = now - self._start
        if share < self.LEAST_SHARE or passed < self.LEAST_SECONDS:
            return ""
        left = passed * (1 - share) / share
        if left < 57:
            return f"about {max(5 * math.ceil(left / 5), 5)} s left"
        return f"about {math.ceil(left / 60)} min left" if left < 5400 else f"about {left / 3600:.1f} h left"


@contextlib.contextmanager
def progress_bar(quiet: bool = False, longest: str = "") -> Iterator[Bar]:
    """A `Bar` that is gone at the end; silent if `quiet` or stderr is no terminal."""
    if quiet or not sys.stderr.isatty():
        yield Bar()
        return
    from rich.console import Console
    from rich.progress import BarColumn, TaskProgressColumn, TextColumn, TimeElapsedColumn
    from rich.progress import Progress as Bars
    from rich.table import Column

    text = TextColumn("{task.description}", table_column=Column(no_wrap=True, overflow="ellipsis"))
    # What changes its length comes last, so that nothing jumps.
    columns = (BarColumn(bar_width=20), TaskProgressColumn(), TimeElapsedColumn(), text)
    # What others print on stdout stays there.
    with Bars(
        *columns, console=Console(stderr=True), transient=True, redirect_stdout=False, redirect_stderr=False
    ) as bars:
        bars.add_task("")
        yield Bar(bars, longest)
