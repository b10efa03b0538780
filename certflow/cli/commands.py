"""The command line: parses, calls, prints; no mathematics here. Everything heavy is imported inside the
commands.

Exit codes: 0 done, 1 a bound or check failed, 2 bad input, 3 inconclusive, 130 interrupted.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from certflow import __version__
from certflow.cli.certificates import certify, check, problem_file, query, show
from certflow.cli.command_line import Commands, Run, json_option, positive, print_json, problem_command
from certflow.cli.kkt import kkt
from certflow.outcome import BadInput

if TYPE_CHECKING:
    from pathlib import Path

    from certflow.problem import Problem
    from certflow.tables import Table

DEFAULT_FOLDER = "certflow-results"


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="certflow")
def main() -> None:
    """Early directional convergence of homogeneous networks, in high precision and next to proved bounds.

    PROBLEM is a problem file (TOML) or the name of a built-in problem; without one, it is that of Figure 1.
    `certflow init` lists the built-in problems and prints one to start from.

    Exit codes: 0 done, 1 a bound or check failed, 2 bad input, 3 inconclusive, 130 interrupted.
    """


@main.command(short_help="List the built-in problems, or print one.")
@click.argument("name", required=False)
@json_option
def init(name: str | None, as_json: bool) -> None:
    """Print the built-in problem NAME as a problem file; without NAME, list the built-in problems.

    \b
    certflow init figure1 > problem.toml
    """
    from certflow.problem import builtin_names, builtin_text
    from certflow.report.terminal import emit

    if name is None:
        print_json({"names": list(builtin_names())}) if as_json else emit("\n".join(builtin_names()))
    else:
        text = builtin_text(name)
        print_json({"name": name, "text": text}) if as_json else emit(text, end="")


@main.command(short_help="The main job: theorem, tables, figures, summary.")
@problem_command
@click.option(
    "--out",
    metavar="DIR",
    default=DEFAULT_FOLDER,
    show_default=True,
    help="Where results, tables and figures go.",
)
def verify(run: Run, out: str) -> int:
    """The main job: the theorem first, then KKT points, flows for many δ, both tables, all figures.

    Writes results.json, the certificate, tables (LaTeX, Markdown, CSV) and figures (PNG, SVG) to DIR, each as
    soon as it is there; prints a few rows of each table, and a summary last.
    """
    problem = run.problem()
    from certflow.experiments.verify import STEMS
    from certflow.experiments.verify import verify as run_verify
    from certflow.experiments.workers import DESCRIPTION
    from certflow.report.terminal import emit_part

    folder = run.output_folder(out, STEMS)
    with run.progress(longest=DESCRIPTION) as progress:

        def tell(part: str | Table) -> None:
            with progress.aside():
                emit_part(part)

        result = run_verify(problem, folder, progress, run.digits, tell=None if run.as_json else tell)
    if run.as_json:
        print_json(result.results)
    return int(result.exit_code)


@main.command(short_help="The exact neural correlation function.")
@problem_command
@click.option("--latex", is_flag=True, help="LaTeX (amsmath) instead of text.")
@click.option("--exact", is_flag=True, help="Every coefficient as an exact fraction, and every arc.")
def ncf(run: Run, latex: bool, exact: bool) -> None:
    """The exact neural correlation function N, its gradient, and its pieces on the circle."""
    problem = run.problem()
    from certflow.ncf.exact import correlation
    from certflow.report.records import ncf_record
    from certflow.report.terminal import emit, emit_prose

    result = correlation(problem)
    if run.as_json:
        print_json(ncf_record(problem, result, exact))
    elif latex:
        emit(result.latex(None, exact) if exact else result.latex())
    else:
        text = result.text(None, exact) if exact else result.text()
        # In a file or a pipe formulas stay in one piece.
        (emit_prose if sys.stdout.isatty() else emit)(text)


@main.command(short_help="One gradient flow, as a table.")
@problem_command
@click.option(
    "--delta", default="1e-5", show_default=True, help="The norm of the initial weights; any positive number."
)
@click.option("--time", metavar="T", help="Stop at this scaled time t·δ^(L-2); default: the problem's.")
@click.option("--radius", metavar="R", help="Stop when the norm of the weights reaches R.")
@click.option(
    "--rows", type=click.IntRange(2, 10_000), default=13, show_default=True, help="Rows of the table."
)
@click.option("--csv", "as_csv", is_flag=True, help="Comma-separated values with all digits and all neurons.")
def flow(run: Run, delta: str, time: str | None, radius: str | None, rows: int, as_csv: bool) -> int:
    """The gradient flow from ‖w(0)‖ = δ: size and direction of the weights over time."""
    if run.as_json and as_csv:
        raise BadInput("--json and --csv: choose one of them.")
    problem = run.problem()
    end, size = positive(time, "--time"), positive(radius, "--radius")
    from certflow.experiments.trajectory import trajectory
    from certflow.report.terminal import emit, emit_table

    with run.progress() as progress:
        result = trajectory(
            problem, delta, time=end, radius=size, rows=rows, digits=run.digits, progress=progress
        )
    if run.as_json:
        print_json(result.to_json())
    elif as_csv:
        emit(result.table().to_csv(), end="")
        for remark in result.remarks:
            click.echo(remark, err=True)
    else:
        emit_table(result.table(most_blocks=7))
    return int(result.exit_code)


@main.command(short_help="Figure 1, 2 or 3 of arXiv 2402.09226.")
@click.argument("figure", type=click.Choice(["fig1", "fig2", "fig3", "fig4"]))
@problem_command
@click.option("--out", metavar="DIR", default=DEFAULT_FOLDER, show_default=True, help="Where the figures go.")
def reproduce(run: Run, figure: str, out: str) -> None:
    """Draw a figure of arXiv 2402.09226 (PNG, SVG).

    fig1 and fig3: gradient descent with the published settings; fig2: the gradient field of u1·|u2| with its
    kink and exact limit flows, without PROBLEM; fig4, a saddle, is not drawn yet.
    """
    from certflow.report.records import problem_record
    from certflow.report.terminal import emit_files, emit_table

    if figure == "fig4":
        raise BadInput("fig4: shows a flow near a saddle, which is not drawn yet; choose fig1, fig2 or fig3.")
    drawn = _field(run, out) if figure == "fig2" else _descent(run, figure, out)
    problem, folder, files, facts, more = drawn
    if run.as_json:
        cells = {row[0].text: [cell.for_csv() for cell in row[1:]] for row in facts.rows}
        record = {"problem": problem_record(problem), "figure": figure, "folder": str(folder), "files": files}
        print_json(record | {"approx": more | cells})
    else:
        emit_table(facts)
        emit_files(folder, files)


Drawn = tuple["Problem", "Path", list[str], "Table", dict[str, list[str]]]
"""The problem, where its figure lies, the files, the facts in it, and more of them for JSON."""


def _descent(run: Run, figure: str, out: str) -> Drawn:
    problem = run.problem()
    from certflow.experiments.figure1 import planar_descent, require_planar
    from certflow.experiments.figure3 import save_figure3

    require_planar(problem)
    folder = run.output_folder(out, {"figure1", "figure1_facts", "figure3"})
    with run.progress() as progress:
        descent = planar_descent(problem, progress)
    files = descent.save(folder) if figure == "fig1" else save_figure3(problem, folder, descent)
    return problem, folder, files, descent.facts(), {"reductions": list(descent.runs)}


def _field(run: Run, out: str) -> Drawn:
    if run.path is not None:
        raise BadInput(f"fig2: shows u1·|u2| whatever the problem is; leave {run.path} out.")
    folder = run.output_folder(out, {"figure2"})
    from certflow.experiments.figure2 import planar_field

    with run.progress() as progress:
        field = planar_field(progress)
    return field.problem, folder, field.save(folder), field.facts(), {}


for each in (kkt, certify, check, show, query, problem_file):
    main.add_command(each)
