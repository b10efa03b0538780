"""What a person sees in the terminal: tables on stdout, progress bars on stderr and only if that is a
terminal.
"""

from __future__ import annotations

import contextlib
import io
import os
import shlex
import shutil
import sys
import textwrap
from collections.abc import Iterable, Iterator

from certflow.outcome import CertflowError
from certflow.printable import printable
from certflow.progress import Progress
from certflow.tables import Table

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


def terminal_width() -> int:
    """How many characters a line on stdout has."""
    if sys.stdout.isatty():
        return max(NARROWEST, shutil.get_terminal_size((PLAIN_WIDTH, 24)).columns)
    columns = os.environ.get("COLUMNS", "")
    return max(NARROWEST, int(columns)) if columns.isdecimal() and len(columns) < 6 else PLAIN_WIDTH


@contextlib.contextmanager
def progress_bars(quiet: bool = False) -> Iterator[Progress]:
    """A `Progress` that draws one bar per piece of work on stderr; silent if `quiet` or stderr is no
    terminal.
    """
    if quiet or not sys.stderr.isatty():
        yield lambda description, done, total: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, TaskID, TaskProgressColumn, TextColumn, TimeElapsedColumn
    from rich.progress import Progress as Bars

    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeElapsedColumn())
    with Bars(*columns, console=Console(stderr=True), transient=True) as bars:
        tasks: dict[str, TaskID] = {}

        def draw(description: str, done: int, total: int) -> None:
            if description not in tasks:
                tasks[description] = bars.add_task(description, total=total)
            bars.update(tasks[description], completed=done, total=total)

        yield draw
