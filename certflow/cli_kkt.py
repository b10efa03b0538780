"""The command `kkt`: the KKT points of a problem as a table, a figure, JSON and a certificate."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from certflow.command_line import Run, print_json, problem_command
from certflow.outcome import BadInput, ExitCode, Inconclusive

if TYPE_CHECKING:
    from certflow.kkt.enumerate import Budget
    from certflow.kkt.points import KKTSet
    from certflow.problem import Problem

SHOWN_ROWS = 40
"""Rows of the table in the terminal; --csv and --json give all."""
FIGURES = (".png", ".svg", ".pdf")
FIRST_BOXES = 2_000
"""With a time limit the search is repeated with this many boxes, then with `MORE` times as many, and so on: what an
earlier round proved is still there when the time is over."""
MORE = 8


@click.command(short_help="Its KKT points, proved and enclosed.")
@problem_command
@click.option("--latex", is_flag=True, help="The table as LaTeX (booktabs).")
@click.option("--csv", "as_csv", is_flag=True, help="All points as comma-separated values, with all digits and coordinates.")
@click.option("--figure", metavar="FILE", help="Draw N and its KKT points: PNG, SVG or PDF, on the circle or the sphere.")
@click.option("--certificate", metavar="FILE", help="Write a certificate that `check` accepts.")
@click.option("--starts", type=click.IntRange(1, 1_000_000), help="Starts of the search where not all points can be enumerated.")
def kkt(run: Run, latex: bool, as_csv: bool, figure: str | None, certificate: str | None, starts: int | None) -> int:
    """The KKT points of the constrained NCF, each proved and enclosed, and whether there are others.

    Of one neuron if the network is a sum of neurons, of all weights otherwise. In the plane also the basin of every
    point: which part of the initial directions flows to it.

    Exit code 0 if the list is proved to be complete, 3 if it may not be (what was found is printed all the same) or nothing
    was found. With --time-limit, what was proved until then is printed.
    """
    if run.as_json + latex + as_csv > 1:
        raise BadInput("--json, --latex and --csv: choose one of them.")
    if figure is not None and Path(figure).suffix.lower() not in FIGURES:
        raise BadInput(f"--figure {figure}: the name does not end in {', '.join(FIGURES[:-1])} or {FIGURES[-1]}.")
    problem = run.problem()
    from certflow.report.records import kkt_record, problem_record

    # A time limit, too, leaves a sentence here, and below it costs the file at most: what was found is printed.
    try:
        found, reason = _enumerate(problem, run, starts), ""
    except Inconclusive as error:
        found, reason = None, str(error)
    extra, complaints = _files(problem, found, figure, certificate) if found is not None else ({}, [])
    if run.as_json:
        print_json({"problem": problem_record(problem), **kkt_record(found, reason), **extra})
    elif found is not None:
        _print(problem, found, run.digits, latex, as_csv, extra)
    if found is None:
        complaints = [f"not enumerated: {reason.rstrip('.')}."]
    for complaint in complaints:
        click.echo(f"certflow: {complaint}", err=True)
    return ExitCode.DONE if found is not None and found.complete and not complaints else ExitCode.INCONCLUSIVE


def _enumerate(problem: Problem, run: Run, starts: int | None) -> KKTSet:
    """The KKT set; with a time limit the best of the rounds that were finished in time. Raises `Inconclusive`."""
    from certflow.kkt.enumerate import Budget, kkt_set
    from certflow.time_limit import OutOfTime

    budget = Budget() if starts is None else Budget(starts=starts)
    best: KKTSet | None = None
    try:
        with run.progress() as progress:
            for each in _rounds(budget, run.time_limit is not None):
                best = kkt_set(problem, run.digits, each, progress)
                if best.complete or not best.counts.get("boxes"):
                    break
    except OutOfTime as error:
        if best is None:
            raise
        late = f"{best.reason.rstrip('.')}; a longer search was stopped: {error}"
        return replace(best, reason=late)
    if best is None:
        raise Inconclusive("the budget allows no search.")
    return best


def _rounds(budget: Budget, in_time: bool) -> list[Budget]:
    """The whole budget, after ever larger parts of it if the time may not suffice."""
    rounds, boxes = [], FIRST_BOXES
    while in_time and boxes < budget.boxes:
        rounds.append(replace(budget, boxes=boxes))
        boxes *= MORE
    return [*rounds, budget]


def _files(problem: Problem, found: KKTSet, figure: str | None, certificate: str | None) -> tuple[dict[str, Any], list[str]]:
    """Write what was asked for; the record of it, and a sentence for each file that could not be made."""
    from certflow.atomic import write_atomically

    record: dict[str, Any] = {}
    complaints = []
    if figure is not None:
        from certflow.report.kkt_figures import kkt_figure

        try:
            write_atomically(figure, kkt_figure(problem, found, Path(figure).suffix.lower()[1:]))
            record["figure"] = figure
        except Inconclusive as error:
            record["figure"] = None
            complaints.append(f"no figure: {error}")
    if certificate is not None:
        from certflow.certificates import sha256
        from certflow.certificates_kkt import kkt_certificate

        try:
            content = kkt_certificate(problem, found)
            write_atomically(certificate, content)
            record |= {"certificate": certificate, "sha256": sha256(content.decode("utf-8"))}
        except Inconclusive as error:
            record |= {"certificate": None, "sha256": None}
            complaints.append(f"no certificate: {error}")
    return record, complaints


def _print(problem: Problem, found: KKTSet, digits: int, latex: bool, as_csv: bool, files: dict[str, Any]) -> None:
    from certflow.report.kkt_table import fitting_kkt_table, kkt_table
    from certflow.report.terminal import emit, emit_table, terminal_width

    if as_csv:
        emit(kkt_table(problem, found, digits, every=True).to_csv(), end="")
    elif latex:
        emit(kkt_table(problem, found, digits).to_latex(), end="")
    else:
        emit_table(fitting_kkt_table(problem, found, digits, SHOWN_ROWS, terminal_width()))
        if files.get("figure"):
            emit(f"Figure written to {files['figure']}")
        if files.get("certificate"):
            # Not wrapped: a command has to stay in one piece.
            emit(f"Certificate written to {files['certificate']}; to check it: certflow check {files['certificate']}")
