"""The command line: parses, calls, prints; no mathematics here. Everything heavy is imported inside the commands.

Exit codes: 0 done, 1 a bound or check failed, 2 bad input, 3 inconclusive, 130 interrupted.
"""

from __future__ import annotations

import contextlib
import functools
import json
import math
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from certflow import __version__
from certflow.outcome import BadInput, CertflowError, ExitCode

if TYPE_CHECKING:
    from fractions import Fraction

    from certflow.problem import Problem
    from certflow.progress import Progress

DEFAULT_FOLDER = "certflow-results"


class Commands(click.Group):
    """A group whose errors are one sentence on stderr and a pinned exit code, never a traceback."""

    def main(self, args: Any = None, prog_name: str | None = None, **extra: Any) -> Any:  # type: ignore[override]
        """Run the command line and leave with its exit code."""
        args = sys.argv[1:] if args is None else list(args)
        for stream in (sys.stdout, sys.stderr):
            # A terminal that cannot show δ gets a question mark, not a traceback.
            if hasattr(stream, "reconfigure"):
                stream.reconfigure(errors="replace")
        extra["standalone_mode"] = False
        try:
            code = super().main(args, prog_name or "certflow", **extra)
        except CertflowError as error:
            code = _fail(str(error), error.exit_code, args)
        except click.ClickException as error:
            code = _fail(_usage_sentence(error), ExitCode.BAD_INPUT, args)
        except (KeyboardInterrupt, click.Abort):
            code = _fail("interrupted; nothing was left half written.", ExitCode.INTERRUPTED, args)
        sys.exit(int(code or 0))


def _fail(sentence: str, code: ExitCode, args: list[str]) -> ExitCode:
    # With --json, stdout holds one object whatever happens.
    if "--json" in args:
        _print_json({"error": sentence, "exit_code": int(code)})
    click.echo(f"certflow: {' '.join(sentence.split())}", err=True)
    return code


def _usage_sentence(error: click.ClickException) -> str:
    where = getattr(error, "ctx", None)
    hint = f" Try '{where.command_path} --help'." if where is not None else ""
    return error.format_message().rstrip(".") + "." + hint


def _print_json(record: dict[str, Any]) -> None:
    from certflow.report.terminal import emit

    emit(json.dumps(record, indent=2, ensure_ascii=False, allow_nan=False))


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, prog_name="certflow")
def main() -> None:
    """Early directional convergence of homogeneous networks, in high precision and next to proved bounds.

    PROBLEM is a problem file (TOML); without one, the built-in Figure 1 problem is used. `certflow init` lists the
    built-in problems and prints one to start from.

    Exit codes: 0 done, 1 a bound or check failed, 2 bad input, 3 inconclusive, 130 interrupted.
    """


# -- what the commands share ------------------------------------------------------------------------------------------


def _seconds(context: click.Context, option: click.Parameter, value: float | None) -> float | None:
    if value is not None and not (0 < value <= 1e8 and math.isfinite(value)):
        raise click.BadParameter(f"{value} is not a positive number of seconds.", context, option)
    return value


def problem_command(function: Callable[..., Any]) -> Callable[..., Any]:
    """Add the argument and the options that every command on a problem has; the command gets a `Run`."""

    @functools.wraps(function)
    def command(problem: str | None, as_json: bool, digits: int, quiet: bool, time_limit: float | None, **options: Any) -> Any:
        from certflow.time_limit import time_limit as limit

        with limit(time_limit):
            return function(Run(problem, as_json, digits, quiet), **options)

    parameters = (
        click.argument("problem", required=False, type=click.Path()),
        click.option("--json", "as_json", is_flag=True, help="One JSON object on stdout, all else on stderr."),
        click.option(
            "--precision",
            "digits",
            metavar="DIGITS",
            type=click.IntRange(10, 1000),
            default=30,
            show_default=True,
            help="Decimal digits of the computation.",
        ),
        click.option("--quiet", is_flag=True, help="No progress bars."),
        click.option(
            "--time-limit", metavar="SECONDS", type=float, callback=_seconds, help="Give up after this time (exit code 3)."
        ),
    )
    # Decorators apply from the last to the first.
    return functools.reduce(lambda wrapped, add: add(wrapped), reversed(parameters), command)


class Run:
    """The common options of one invocation."""

    def __init__(self, path: str | None, as_json: bool, digits: int, quiet: bool) -> None:
        self.path, self.as_json, self.digits, self.quiet = path, as_json, digits, quiet

    def problem(self) -> Problem:
        """The problem that was asked for."""
        from certflow.problem import Problem

        return Problem.figure1() if self.path is None else Problem.from_toml(self.path)

    @contextlib.contextmanager
    def progress(self) -> Iterator[Progress]:
        """Progress bars on stderr, if it is a terminal."""
        from certflow.report.terminal import progress_bars

        with progress_bars(self.quiet) as progress:
            yield progress


def _folder(name: str) -> Path:
    """The output folder, made if necessary, and only after the input has been read."""
    path = Path(name)
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise BadInput(f"--out {name}: the folder cannot be made ({error.strerror}); choose another.") from error
    return path


def _positive(text: str | None, name: str) -> Fraction | None:
    from certflow.exact import parse_rational

    if text is None:
        return None
    value = parse_rational(text, name)
    if value <= 0:
        raise BadInput(f"{name}: {text} is not positive.")
    return value


# -- commands ---------------------------------------------------------------------------------------------------------


@main.command(short_help="List the built-in problems, or print one.")
@click.argument("name", required=False)
def init(name: str | None) -> None:
    """Print the built-in problem NAME as a problem file; without NAME, list the built-in problems.

    \b
    certflow init figure1 > problem.toml
    """
    from certflow.problem import builtin_names, builtin_text
    from certflow.report.terminal import emit

    if name is None:
        emit("\n".join(builtin_names()))
    else:
        emit(builtin_text(name), end="")


@main.command(short_help="The main job: tables, figures and results.json.")
@problem_command
@click.option("--out", metavar="DIR", default=DEFAULT_FOLDER, show_default=True, help="Where results, tables and figures go.")
def verify(run: Run, out: str) -> int:
    """The main job: structure, NCF, KKT points, flows for many δ, both tables, all figures.

    Writes results.json, tables (LaTeX, Markdown, CSV) and figures (PNG, SVG) to DIR.
    """
    problem = run.problem()
    from certflow.experiments.verify import verify as run_verify
    from certflow.report.terminal import emit_files, emit_prose, emit_table

    folder = _folder(out)
    with run.progress() as progress:
        result = run_verify(problem, out=folder, progress=progress, digits=run.digits)
    if run.as_json:
        _print_json(result.results)
    else:
        emit_prose(result.text + "\n")
        for table in result.tables:
            emit_table(table)
        emit_files(folder, result.files)
    return int(result.exit_code)


@main.command(short_help="The exact neural correlation function.")
@problem_command
@click.option("--latex", is_flag=True, help="LaTeX (amsmath) instead of text.")
@click.option("--exact", is_flag=True, help="Every coefficient as an exact fraction, and every arc.")
def ncf(run: Run, latex: bool, exact: bool) -> None:
    """The exact neural correlation function N, its gradient, and its pieces on the circle."""
    problem = run.problem()
    from certflow.report.records import ncf_record
    from certflow.report.terminal import emit
    from certflow.symbolic.ncf import ncf as exact_ncf

    result = exact_ncf(problem)
    if run.as_json:
        _print_json(ncf_record(problem, result, exact))
    elif exact:
        emit(result.latex(None, exact) if latex else result.text(None, exact))
    else:
        emit(result.latex() if latex else result.text())


@main.command(short_help="Its KKT points, enclosed.")
@problem_command
@click.option("--latex", is_flag=True, help="The table as LaTeX (booktabs).")
def kkt(run: Run, latex: bool) -> int:
    """The KKT points of the constrained NCF of one neuron, each proved and enclosed."""
    problem = run.problem()
    from certflow.kkt.planar import kkt_of_problem, why_not_enumerated
    from certflow.report.kkt_table import kkt_table
    from certflow.report.records import kkt_record, problem_record
    from certflow.report.terminal import emit, emit_table

    points = kkt_of_problem(problem, digits=run.digits)
    if run.as_json:
        _print_json({"problem": problem_record(problem), **kkt_record(problem, points)})
    elif points is not None and latex:
        emit(kkt_table(points, run.digits).to_latex(), end="")
    elif points is not None:
        emit_table(kkt_table(points, run.digits))
    if points is None:
        click.echo(f"certflow: not enumerated: {why_not_enumerated(problem)}.", err=True)
        return ExitCode.INCONCLUSIVE
    return ExitCode.DONE


@main.command(short_help="One gradient flow, as a table.")
@problem_command
@click.option("--delta", default="1e-5", show_default=True, help="The norm of the initial weights; any positive number.")
@click.option("--time", metavar="T", help="Stop at this scaled time t·δ^(L-2); default: the problem's.")
@click.option("--radius", metavar="R", help="Stop when the norm of the weights reaches R.")
@click.option("--rows", type=click.IntRange(2, 10_000), default=13, show_default=True, help="Rows of the table.")
@click.option("--csv", "as_csv", is_flag=True, help="Comma-separated values with all digits and all neurons.")
def flow(run: Run, delta: str, time: str | None, radius: str | None, rows: int, as_csv: bool) -> None:
    """The gradient flow from ‖w(0)‖ = δ: size and direction of the weights over time."""
    if run.as_json and as_csv:
        raise BadInput("--json and --csv: choose one of them.")
    problem = run.problem()
    end, size = _positive(time, "--time"), _positive(radius, "--radius")
    from certflow.experiments.trajectory import trajectory
    from certflow.report.terminal import emit, emit_table

    with run.progress() as progress:
        result = trajectory(problem, delta, time=end, radius=size, rows=rows, digits=run.digits, progress=progress)
    if run.as_json:
        _print_json(result.to_json())
    elif as_csv:
        emit(result.table().to_csv(), end="")
    else:
        emit_table(result.table(most_blocks=7))


@main.command(short_help="Figure 1 or 3 of arXiv 2402.09226.")
@click.argument("figure", type=click.Choice(["fig1", "fig3"]))
@problem_command
@click.option("--out", metavar="DIR", default=DEFAULT_FOLDER, show_default=True, help="Where the figures go.")
def reproduce(run: Run, figure: str, out: str) -> None:
    """Draw Figure 1 or 3 of arXiv 2402.09226 (PNG, SVG) from gradient descent with the published settings."""
    problem = run.problem()
    from certflow.experiments.figure1 import planar_descent, require_planar
    from certflow.experiments.figure3 import save_figure3
    from certflow.report.records import problem_record
    from certflow.report.terminal import emit_files, emit_table

    require_planar(problem)
    folder = _folder(out)
    with run.progress() as progress:
        descent = planar_descent(problem, progress)
    files = descent.save(folder) if figure == "fig1" else save_figure3(problem, folder, descent)
    if run.as_json:
        facts = {row[0].text: [cell.for_csv() for cell in row[1:]] for row in descent.facts().rows}
        approx = {"reductions": list(descent.runs), **facts}
        _print_json(
            {"problem": problem_record(problem), "figure": figure, "folder": str(folder), "files": files, "approx": approx}
        )
    else:
        emit_table(descent.facts())
        emit_files(folder, files)
