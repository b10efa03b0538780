"""The command `kkt`: the KKT points of a problem as a table, a figure, JSON and a certificate."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from certflow.cli.command_line import Run, complain, print_json, problem_command
from certflow.outcome import BadInput, ExitCode, Inconclusive, Outcome
from certflow.printable import printable
from certflow.running import OutOfTime, no_deadline

if TYPE_CHECKING:
    from certflow.kkt.enumerate import Budget
    from certflow.kkt.points import KKTSet
    from certflow.kkt.table import MoreColumn
    from certflow.problem import Problem

SHOWN_ROWS = 40
"""Rows of the table in the terminal; --csv and --json give all."""
FIGURES = (".png", ".svg", ".pdf")
FIRST_BOXES, FIRST_STARTS = 300, 4
"""With a time limit the search is repeated, first with so few boxes and starts, then with `MORE` times as
many, and so on: what an earlier round proved is still there when the time is over.
"""
MORE = 6


@click.command(short_help="Its KKT points, proved and enclosed.")
@problem_command
@click.option("--latex", is_flag=True, help="The table as LaTeX (booktabs, array).")
@click.option("--narrow", is_flag=True, help="With --latex: as wide as a column of a two-column article.")
@click.option(
    "--csv",
    "as_csv",
    is_flag=True,
    help="All points as comma-separated values, with all digits and coordinates.",
)
@click.option(
    "--figure",
    metavar="FILE",
    help="Draw N and its KKT points: PNG, SVG or PDF, on the circle or the sphere.",
)
@click.option("--certificate", metavar="FILE", help="Write a certificate that `check` accepts.")
@click.option(
    "--own-start", is_flag=True, help="Prove to which points the problem's own initial direction flows."
)
@click.option(
    "--basin-certificate",
    metavar="FILE",
    help="Write what --own-start proves as a certificate that `check` accepts.",
)
@click.option(
    "--sample",
    type=click.IntRange(1, 1_000_000),
    help="Estimate all basins from so many random initial directions.",
)
@click.option(
    "--starts",
    type=click.IntRange(1, 1_000_000),
    help="Starts of the search where not all points can be enumerated.",
)
def kkt(run: Run, latex: bool, narrow: bool, as_csv: bool, starts: int | None, **wanted: Any) -> int:
    """The KKT points of the constrained NCF, each proved and enclosed, and whether there are others.

    Of one neuron if the network is a sum of neurons, of all weights otherwise. In the plane also the basin of
    every point: which part of the initial directions flows to it.

    Exit code 0 if the list is proved to be complete, 3 if it may not be (what was found is printed all the
    same) or nothing was found. With --time-limit, what was proved until then is printed.
    """
    if run.as_json + latex + as_csv > 1:
        raise BadInput("--json, --latex and --csv: choose one of them.")
    if narrow and not latex:
        raise BadInput("--narrow: is a form of --latex; give both.")
    figure = wanted["figure"]
    if figure is not None and Path(figure).suffix.lower() not in FIGURES:
        raise BadInput(
            f"--figure {figure}: the name does not end in {', '.join(FIGURES[:-1])} or {FIGURES[-1]}."
        )
    problem = run.problem()
    names = ("figure", "certificate", "basin_certificate")
    outputs = [(wanted[each], f"--{each.replace('_', '-')}") for each in names if wanted[each] is not None]
    for name, option in outputs:
        run.output_file(name, option)
    if len({os.path.realpath(name) for name, _ in outputs}) < len(outputs):
        raise BadInput(
            f"{' and '.join(option for _, option in outputs)}: are the same file; choose different names."
        )
    from certflow.report.records import kkt_record, problem_record

    # A time limit, too, leaves a sentence here, and in `_Extras` it costs one of them at most: what was found
    # is printed.
    try:
        found, reason = _enumerate(problem, run, starts), ""
    except (Inconclusive, OutOfTime) as error:
        found, reason = None, str(error)
    extras = _Extras()
    if found is None:
        extras.complaints.append(f"not enumerated: {reason.rstrip('.')}.")
    else:
        extras.make(problem, found, run, **wanted)
    with no_deadline():
        if run.as_json:
            print_json({"problem": problem_record(problem), **kkt_record(found, reason), **extras.record})
        elif found is not None:
            if latex:
                from certflow.kkt.table import kkt_table
                from certflow.report.terminal import emit

                emit(kkt_table(problem, found, run.digits, more=extras.columns).to_latex(narrow), end="")
            else:
                _print(problem, found, run.digits, as_csv, extras)
    for complaint in extras.complaints:
        complain(complaint)
    return (
        ExitCode.DONE
        if found is not None and found.complete and not extras.complaints
        else ExitCode.INCONCLUSIVE
    )


def _enumerate(problem: Problem, run: Run, starts: int | None) -> KKTSet:
    """The KKT set; with a time limit the best of the rounds that were finished in time. Raises
    `Inconclusive`.
    """
    from certflow.kkt.enumerate import Budget, kkt_set

    budget = Budget() if starts is None else Budget(starts=starts)
    best: KKTSet | None = None
    try:
        with run.progress() as progress:
            for each in _rounds(budget, run.time_limit is not None):
                best = kkt_set(problem, run.digits, each, progress)
                if best.complete or not {"boxes", "starts"} & best.counts.keys():
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
    rounds, boxes, starts = [], FIRST_BOXES, FIRST_STARTS
    while in_time and (boxes < budget.boxes or starts < budget.starts):  # ends: both grow by a factor
        rounds.append(replace(budget, boxes=min(boxes, budget.boxes), starts=min(starts, budget.starts)))
        boxes, starts = MORE * boxes, MORE * starts
    return [*rounds, budget]


class _Extras:
    """What was asked for besides the list: columns of the table, files, their `record`, and a sentence for
    each failure.
    """

    def __init__(self) -> None:
        self.record: dict[str, Any] = {}
        self.columns: list[MoreColumn] = []
        self.complaints: list[str] = []

    def make(
        self,
        problem: Problem,
        found: KKTSet,
        run: Run,
        figure: str | None,
        certificate: str | None,
        own_start: bool,
        basin_certificate: str | None,
        sample: int | None,
    ) -> None:
        """Make all that is wanted."""
        if own_start or basin_certificate is not None:
            failure = "no proof of where the initial direction flows"
            self._try("limits", failure, lambda: self._limits(problem, found, run, basin_certificate))
        if sample is not None:
            self._try(
                "basin_estimates",
                "no estimate of the basins",
                lambda: self._sample(problem, found, run, sample),
            )
        if figure is not None:
            self._try("figure", "no figure", lambda: self._figure(problem, found, figure))
        if certificate is not None:
            self._try("certificate", "no certificate", lambda: self._certificate(problem, found, certificate))

    def _try(self, name: str, failure: str, make: Callable[[], None]) -> None:
        self.record[name] = None
        try:
            make()
        except (Inconclusive, OutOfTime) as error:
            self.complaints.append(f"{failure}: {error}")

    def _limits(self, problem: Problem, found: KKTSet, run: Run, file: str | None) -> None:
        from certflow.certificates import sha256, write_certificate
        from certflow.certifying import accepted, certify
        from certflow.report.kkt_columns import limit_column
        from certflow.theorems.basin.prove import certified_limits, limit_flow

        with run.progress() as progress:
            certified = certify(problem, progress=progress)
        if certified.claim is None:
            raise Inconclusive(certified.reason)
        limits = certified_limits(certified, found)
        if file is not None:
            _, text = accepted(limit_flow(certified))
            write_certificate(file, text)
            self.record |= {"basin_certificate": file, "basin_sha256": sha256(text)}
        self.record["limits"] = [limit.to_json() for limit in limits]
        self.columns.append(
            limit_column(limits, len(found.points), joint=problem.order > 2 or len(problem.blocks) == 1)
        )
        left = sum(limit.entry is None for limit in limits)
        if left:
            self.complaints.append(
                f"not proved to which point {left} of {len(limits)} blocks flow: the notes say why."
            )

    def _sample(self, problem: Problem, found: KKTSet, run: Run, starts: int) -> None:
        from certflow.kkt.basins_sampled import sample_basins
        from certflow.kkt.table import output_signs
        from certflow.report.kkt_columns import estimate_column, estimate_record

        signs = output_signs(problem)
        with run.progress() as progress:
            estimates = [
                sample_basins(problem, found, starts, sign=sign, progress=progress) for sign in signs
            ]
        self.record["basin_estimates"] = [estimate_record(each) for each in estimates]
        self.columns += [estimate_column(each, len(signs) > 1) for each in estimates]

    def _figure(self, problem: Problem, found: KKTSet, file: str) -> None:
        from certflow.atomic import write_atomically
        from certflow.report.kkt_figures import kkt_figure

        write_atomically(file, kkt_figure(problem, found, Path(file).suffix.lower()[1:]))
        self.record["figure"] = file

    def _certificate(self, problem: Problem, found: KKTSet, file: str) -> None:
        from certflow.atomic import write_atomically
        from certflow.certificates import sha256
        from certflow.certifying import accepted
        from certflow.outcome import Status
        from certflow.theorems.kkt_points.prove import listed

        proved, text = accepted(listed(problem, found))
        write_atomically(file, text)
        status = Status.COMPLETE if proved.outcome is Outcome.PROVED else Status.PARTIAL
        self.record |= {
            "certificate": file,
            "certificate_status": status,
            "sha256": sha256(text),
            "checked": True,
        }


def _print(problem: Problem, found: KKTSet, digits: int, as_csv: bool, extras: _Extras) -> None:
    from certflow.kkt.table import fitting_kkt_table, kkt_table
    from certflow.outcome import Status
    from certflow.report.terminal import emit, emit_command, emit_prose, emit_table, terminal_width

    if as_csv:
        emit(kkt_table(problem, found, digits, every=True, more=extras.columns).to_csv(), end="")
    else:
        emit_table(fitting_kkt_table(problem, found, digits, SHOWN_ROWS, terminal_width(), extras.columns))
        figure, points, basin = (
            extras.record.get(name) for name in ("figure", "certificate", "basin_certificate")
        )
        if figure:
            emit_prose(f"Figure written to {printable(figure, keep='')}")
        single = extras.record.get("certificate_status") == Status.PARTIAL
        scope = ", point by point and not as a complete list," if single else ""
        for certificate, how in ((points, scope), (basin, "")):
            if certificate:
                written = f"written to {printable(certificate, keep='')}; to check it again"
                emit_command(
                    f"Accepted by the independent checker{how} and {written}", "certflow check", certificate
                )
