"""What every command shares: errors as one sentence with a pinned exit code, the common options, the input.

Everything heavy is imported inside the functions, so that `certflow --help` stays fast.
"""

from __future__ import annotations

import contextlib
import functools
import itertools
import math
import shutil
import sys
import traceback
from collections.abc import Callable, Container, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from certflow.atomic import require_writable
from certflow.outcome import BadInput, CertflowError, ExitCode
from certflow.printable import json_text, printable

if TYPE_CHECKING:
    from fractions import Fraction

    from certflow.problem import Problem
    from certflow.report.terminal import Bar


class Commands(click.Group):
    """A group whose errors are one sentence on stderr and a pinned exit code, never a traceback."""

    def main(self, args: Any = None, prog_name: str | None = None, **extra: Any) -> Any:  # type: ignore[override]
        """Run the command line and leave with its exit code."""
        args = (sys.argv[1:] if args is None else list(args)) or ["--help"]
        for stream in (sys.stdout, sys.stderr):
            # A terminal that cannot show δ gets a question mark, not a traceback.
            if hasattr(stream, "reconfigure"):
                stream.reconfigure(errors="replace")
        extra["standalone_mode"] = False
        # By itself click takes no terminal for narrower than 50.
        extra["terminal_width"] = max(30, min(shutil.get_terminal_size().columns, 100) - 2)
        try:
            code = super().main(args, prog_name or "certflow", **extra)
        except CertflowError as error:
            code = _fail(str(error), error.exit_code, args)
        except click.ClickException as error:
            code = _fail(_usage_sentence(error), ExitCode.BAD_INPUT, args)
        except (KeyboardInterrupt, click.Abort):
            code = _fail("interrupted; nothing was left half written.", ExitCode.INTERRUPTED, args)
        except Exception as error:
            code = _fail(_unforeseen_sentence(error), ExitCode.FAILED, args)
        sys.exit(int(code or 0))


def _fail(sentence: str, code: ExitCode, args: list[str]) -> ExitCode:
    # With --json, stdout holds one object whatever happens.
    if "--json" in args:
        with contextlib.suppress(CertflowError):
            print_json({"error": sentence, "exit_code": int(code)})
    complain(sentence)
    return code


def complain(sentence: str) -> None:
    """Say one sentence on stderr, on one line."""
    with contextlib.suppress(OSError):
        click.echo(f"certflow: {printable(sentence, keep='')}", err=True)


def _usage_sentence(error: click.ClickException) -> str:
    where = getattr(error, "ctx", None)
    hint = f" Try '{where.command_path} --help'." if where is not None else ""
    # Lists of choices come on several lines.
    sentence = " ".join(error.format_message().split())
    return (sentence if sentence.endswith((".", "?")) else f"{sentence}.") + hint


def _unforeseen_sentence(error: Exception) -> str:
    if isinstance(error, OSError) and error.filename is None:
        from certflow.report.terminal import fall_silent

        fall_silent()
        return f"the output cannot be written ({error.strerror}); what was printed is not complete."
    with contextlib.suppress(OSError):
        traceback.print_exc()
    return (
        f"{type(error).__name__}: this is a fault of certflow; please report it with the lines above and the "
        f"problem file."
    )


def print_json(record: Any) -> None:
    """The one JSON value on stdout."""
    from certflow.report.terminal import emit

    emit(json_text(record))


def seconds(context: click.Context, option: click.Parameter, value: float | None) -> float | None:
    """The callback of --time-limit."""
    if value is not None and not (0 < value <= 1e8 and math.isfinite(value)):
        raise click.BadParameter(f"{value} is not a positive number of seconds.", context, option)
    return value


json_option = click.option(
    "--json", "as_json", is_flag=True, help="One JSON object on stdout, all else on stderr."
)
quiet_option = click.option("--quiet", is_flag=True, help="No progress bar.")
time_option = click.option(
    "--time-limit",
    metavar="SECONDS",
    type=float,
    callback=seconds,
    help="Give up after this time (exit code 3).",
)
digits_option = click.option(
    "--precision",
    "digits",
    metavar="DIGITS",
    type=click.IntRange(10, 1000),
    default=30,
    show_default=True,
    help="Decimal digits of the computation.",
)


def problem_command(function: Callable[..., Any]) -> Callable[..., Any]:
    """Add the argument and the options that every command on a problem has; the command gets a `Run`."""
    return _on_problem(function, digits_option)


def exact_problem_command(function: Callable[..., Any]) -> Callable[..., Any]:
    """The same for commands whose precision is not the user's choice."""
    return _on_problem(function)


def _on_problem(function: Callable[..., Any], *more: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(function)
    def command(
        problem: str | None,
        as_json: bool,
        quiet: bool,
        time_limit: float | None,
        digits: int = 30,
        **options: Any,
    ) -> Any:
        from certflow.running import deadline

        with deadline(time_limit):
            return function(Run(problem, as_json, digits, quiet, time_limit), **options)

    argument = click.argument("problem", required=False)
    # Decorators apply from the last to the first.
    parameters = (argument, json_option, *more, quiet_option, time_option)
    return functools.reduce(lambda wrapped, add: add(wrapped), reversed(parameters), command)


def asked_problem(source: str | None) -> Problem:
    """The problem in the file or with the built-in name `source`, as `Problem.load` decides; without one that
    of Figure 1.
    """
    from certflow.problem import Problem, is_builtin

    if source is None:
        return Problem.figure1()
    found = Problem.load(source)
    if is_builtin(source) and Path(source).exists():
        complain(f"{source}: the built-in problem is meant; write ./{source} for the file of this name.")
    return found


class Run:
    """The common options of one invocation."""

    def __init__(
        self, path: str | None, as_json: bool, digits: int, quiet: bool, time_limit: float | None = None
    ) -> None:
        self.path, self.as_json, self.digits, self.quiet, self.time_limit = (
            path,
            as_json,
            digits,
            quiet,
            time_limit,
        )

    def problem(self) -> Problem:
        """The problem that was asked for."""
        return asked_problem(self.path)

    def inputs(self) -> list[Path]:
        """The files that the problem was read from."""
        from certflow.problem import is_builtin
        from certflow.problem_file import input_files

        return [] if self.path is None or is_builtin(self.path) else input_files(self.path)

    def output_file(self, name: str, option: str) -> None:
        """Raise `BadInput`, before any work is done, if the file `name` cannot be written or is an input."""
        require_writable(name, option)
        if Path(name).exists():
            self._spare_inputs([Path(name)], option)

    def output_folder(self, name: str, stems: Container[str]) -> Path:
        """The folder --out, made if necessary; only files with these stems are written to it. Raises
        `BadInput` as above.
        """
        if not name or "\0" in name:
            raise BadInput(
                f"--out {name!r}: is not the name of a folder; write --out . for the current folder."
            )
        folder = Path(name)
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self._spare_inputs([each for each in folder.iterdir() if each.stem in stems], "--out")
        except OSError as error:
            raise BadInput(
                f"--out {name}: the folder cannot be used ({error.strerror}); choose another."
            ) from error
        require_writable(folder / "results.json", "--out")
        return folder

    def _spare_inputs(self, outputs: list[Path], option: str) -> None:
        for output, source in itertools.product(outputs, self.inputs() if outputs else []):
            if output.samefile(source):
                raise BadInput(
                    f"{option} {output}: is an input of this command and would be overwritten; choose "
                    f"another name."
                )

    @contextlib.contextmanager
    def progress(self, longest: str = "") -> Iterator[Bar]:
        """A progress bar on stderr, if it is a terminal; it tells the time that is left of the piece of work
        `longest`.
        """
        from certflow.report.terminal import progress_bar

        with progress_bar(self.quiet, longest) as progress:
            yield progress


def positive(text: str | None, name: str) -> Fraction | None:
    """The exact positive number that an option gives, None if it was left out. Raises `BadInput`."""
    from certflow.exact import number

    if text is None:
        return None
    value = number(text, name)
    if value <= 0:
        raise BadInput(f"{name}: {text} is not positive.")
    return value
