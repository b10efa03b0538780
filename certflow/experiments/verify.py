"""The main job (`certflow verify`): the uniform theorem with its certificate, first and at once; then
structure, KKT points, flows for many delta, both tables, all figures, each kept as soon as it is there; and a
summary.

The lower bounds of the time near the origin are proved (L2) and so are KKT enclosures; times and angle errors
are measured with the reference flow, which is an approximation with an error estimate.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, SupportsIndex

from certflow.arithmetic.base import mp_arithmetic
from certflow.arithmetic.enclosure import OutsideDomain
from certflow.atomic import file_name, write_atomically
from certflow.certifying import Faulty, Theorem, certify
from certflow.exact import format_rational, whole
from certflow.experiments.angle_error import Law, fixed_radius, fixed_time
from certflow.experiments.angle_tables import conclusion, errors_table, fits_table, rows_table
from certflow.experiments.earlier import RESULTS, files_of_results, remove_files
from certflow.experiments.figure1 import FACTS, PlanarDescent, planar_descent, require_planar
from certflow.experiments.figure3 import save_figure3
from certflow.experiments.limit_points import BlockLimit, limit_points
from certflow.experiments.lookahead import added_deltas, jobs, look_ahead
from certflow.experiments.measurement import EXTRA_DIGITS, Job, Measurement
from certflow.experiments.story import (
    MEASURED,
    fits_part,
    head,
    kkt_part,
    short,
    structure_part,
    summary,
    times_part,
)
from certflow.experiments.theorem import (
    CERTIFICATE,
    REFERENCES,
    THEOREM,
    TIMES,
    save_theorem,
    save_times,
    theorem_text,
)
from certflow.experiments.time_near_origin import TimeRow, time_conclusion, time_panels, time_rows, time_table
from certflow.experiments.workers import Measuring
from certflow.flow.reference.flow import MAX_DIGITS, limit_flow
from certflow.kkt.enumerate import Budget, KKTPoints, kkt_set
from certflow.kkt.neuron.circle import PlanarKKT, why_not_enumerated
from certflow.kkt.points import KKTSet
from certflow.kkt.table import kkt_table
from certflow.ncf.exact import correlation
from certflow.outcome import BadInput, ExitCode, Inconclusive
from certflow.printable import json_text
from certflow.problem import Problem, ProblemSource
from certflow.progress import Progress, require_progress
from certflow.report.figures import angle_law_figure, save, time_near_origin_figure
from certflow.report.polygon_figures import LIMIT_FLOWS, save_limit_flows
from certflow.report.records import kkt_record, problem_record, versions_record
from certflow.running import OutOfTime, no_deadline, tick
from certflow.tables import Table, write_table
from certflow.theorems.literature import classify
from certflow.theorems.time_near_origin.times import NearOrigin, near_origin
from certflow.units import require_doubles

if TYPE_CHECKING:
    from os import PathLike

STRUCTURE = "structure.txt"
LAWS = {"fixed_time": "angle_fixed_time", "fixed_radius": "angle_fixed_radius"}

_TABLES = [f"{law}{part}" for law in LAWS.values() for part in ("", "_fits")]
_TABLES += ["kkt", "time_near_origin", "figure1_facts"]

STEMS = frozenset(
    [
        *_TABLES,
        *(f"{name}-narrow" for name in _TABLES),
        *(f"{law}_rows" for law in LAWS.values()),
        *(Path(name).stem for name in (CERTIFICATE, THEOREM, REFERENCES, TIMES, STRUCTURE, RESULTS)),
        "figure1",
        "figure3",
        LIMIT_FLOWS,
    ]
)
"""The names, without their endings, of all files that are written."""

KKT_BUDGET = Budget(cells=1_000, boxes=5_000, weights=3, starts=4)
"""The main job takes what a few seconds give; `certflow kkt` searches longer."""

POINTS, BOUNDS, FLOWS, FIGURES = "KKT points", "bounds of the time near the origin", "flows", "figures"
"""What is to be done after the theorem, in this order."""

NOT_THERE, INTERRUPTED = "it was not computed.", "interrupted before it was done."

Tell = Callable[[str | Table], None]
"""Told every part of the story, prose or the first rows of a table, as soon as it is known."""


@dataclass(repr=False, eq=False)
class Verification:
    """What the main job found: the `theorem`, `results` (the content of results.json), `text` and `tables`
    for people, the names of the `files` written, and the `exit_code`: FAILED if a bound is violated,
    INCONCLUSIVE if a certificate is refused, a flow could not be computed, or the time was over.
    """

    theorem: Theorem
    results: dict[str, Any]
    text: str
    tables: list[Table]
    files: list[str]
    exit_code: ExitCode
    _summary: str

    def summary(self) -> str:
        """Five lines: what was proved, what was measured, what failed or is open, where it lies, how to check
        it.
        """
        return self._summary

    def __str__(self) -> str:
        return f"{self.text}\n\n{self._summary}"

    def __repr__(self) -> str:
        return f"<Verification: {self.exit_code.name.lower()}, {len(self.files)} files, {self.theorem!r}>"


def verify(
    problem: ProblemSource,
    out: str | PathLike[str] | None = None,
    progress: Progress | None = None,
    digits: SupportsIndex = 30,
    workers: SupportsIndex | None = None,
    tell: Tell | None = None,
) -> Verification:
    """Run the main job on `problem`, the theorem first, and write results.json, tables and figures to the
    folder `out` (None: nothing is written).

    `digits` is the precision of flows and KKT points; flows run in `workers` processes (default: at most two,
    as many as there are processors; 1: in this one). Each part is told to `tell` and written as soon as it is
    known: what ends the work early, an interrupt, an error or the time limit, leaves on disk what was done,
    and a results.json that says what is missing. Once the time is over, the flows that are finished are
    tabulated, without figures. Raises `BadInput` like the parts, and `Inconclusive` if doubles cannot hold
    the problem or N⁺_max cannot be bounded.
    """
    problem, digits = Problem.load(problem), whole(digits, "digits", 5, MAX_DIGITS)
    workers = None if workers is None else whole(workers, "workers", 1)
    require_progress(progress)
    require_doubles(problem)
    job = _Job(problem, None if out is None else Path(file_name(out, "out")), progress, digits, workers, tell)
    try:
        job.run()
    except BaseException as error:
        if job.theorem is None:
            raise
        job.stopped = INTERRUPTED if isinstance(error, KeyboardInterrupt) else str(error)
        result = job.end()
        if not isinstance(error, OutOfTime):
            raise
        return result
    return job.end()


class _Job:
    """What was found so far; whatever stops the work, `end` makes results of it."""

    def __init__(
        self,
        problem: Problem,
        folder: Path | None,
        progress: Progress | None,
        digits: int,
        workers: int | None,
        tell: Tell | None,
    ) -> None:
        self.problem, self.folder, self.progress = problem, folder, progress
        self.digits, self.workers, self.tell = digits, workers, tell
        self.number_system = mp_arithmetic(digits + EXTRA_DIGITS)
        self.stopped = ""
        self.missing = [POINTS, BOUNDS, FLOWS, FIGURES]
        self.troubles: list[str] = []
        self.said: list[str] = []
        self.tables: list[Table] = []
        self.files: list[str] = []
        self.earlier: set[str] = set()
        self.parts = classify(problem)
        self.theorem: Theorem | None = None
        self.kkt: KKTSet | None = None
        self.kkt_found = kkt_record(None, NOT_THERE)
        self.bounds: NearOrigin | None = None
        self.fault: dict[str, str] | None = None
        self.descent: PlanarDescent | None = None
        self.why_no_descent = ""
        self.time = problem.experiment.time
        self.limits: list[BlockLimit] = []
        self.at_time: tuple[list[list[Any]], Any] = ([], 0)
        self.added: list[str] = []
        self.plan: list[Job] = []
        self.found: list[Measurement] = []
        self.rows: list[TimeRow] = []
        self.laws = self.angle_laws()

    def run(self) -> None:
        """All stages, the theorem first."""
        self.prove()
        self.points()
        self.measure()
        self.tabulate()
        self.draw()

    # -- what is proved --------------------------------------------------------------------------------------

    def prove(self) -> None:
        """The theorem, written and told before anything else is begun."""
        found = certify(self.problem, progress=self.named("proving the theorem"))
        if self.folder is not None:
            try:
                self.folder.mkdir(parents=True, exist_ok=True)
            except OSError as error:
                raise BadInput(
                    f"{self.folder}: the folder cannot be made ({error.strerror}); choose another."
                ) from error
            # Files of an earlier run, perhaps on another problem, do not stay beside these results.
            self.earlier = set(files_of_results(self.folder))
            self.files += save_theorem(found, self.folder)
        self.theorem = found
        self.say(theorem_text(found, self.folder if found.certificate else None))
        self.save()

    def points(self) -> None:
        """Structure, KKT points, and the bounds of the time near the origin."""
        problem, parts = self.problem, self.parts
        # Distances to planar KKT points are taken, which needs more digits than are shown.
        more = EXTRA_DIGITS if why_not_enumerated(problem) is None else 0
        try:
            self.kkt = kkt_set(problem, self.digits + more, KKT_BUDGET, self.named("finding KKT points"))
            self.kkt_found = kkt_record(self.kkt)
        except Inconclusive as error:
            self.kkt_found = kkt_record(None, str(error))
        self.missing.remove(POINTS)
        derivation = f"{parts.homogeneity.text()}\n\n{parts.text()}\n\n{correlation(problem).text()}\n"
        self.keep(partial(_text_file, name=STRUCTURE, text=derivation))
        self.say(structure_part(parts, "" if self.folder is None else STRUCTURE))
        if self.kkt is not None:
            self.table(
                kkt_table(problem, self.kkt, self.digits), "kkt", kkt_part(problem, self.kkt, self.digits)
            )
        self.save()
        known = None if self.kkt is None else KKTPoints(problem, self.kkt)
        self.bounds = near_origin(problem, self.digits, known)
        try:
            self.keep(lambda folder: save_times(problem, self.kkt, folder))
        except Faulty as error:
            # All else does not rest on this certificate, and is written.
            self.fault = error.fault
            self.say(f"No certificate of the times near the origin: {error}")
            self.troubles.append(f"no certificate of the times near the origin: {short(str(error))}")
        self.missing.remove(BOUNDS)
        self.say(f"Proved (L2). {self.bounds.statement(problem.experiment.factor_squared)}")
        self.save()

    # -- what is measured ------------------------------------------------------------------------------------

    def measure(self) -> None:
        """Plan the flows, run them, and use the time until they are back for gradient descent."""
        problem, experiment, bounds = self.problem, self.problem.experiment, self.bounds
        if bounds is None:
            raise ValueError("flows are planned with the bounds")
        planar = self.kkt if isinstance(self.kkt, PlanarKKT) else None
        deltas = experiment.delta_values()
        try:
            self.at("planning the flows")
            ahead = look_ahead(problem, bounds, min(deltas))
            time = ahead.fixed_time(experiment.time)
            limits = limit_points(problem, ahead.paths(), planar, self.number_system, experiment.radius)
            added = added_deltas(ahead, limits, time, deltas, self.digits)
            plan = jobs(ahead, time, experiment.deltas, self.digits)
            plan += jobs(ahead, time, added, self.digits, check=False)
            self.plan, self.time, self.limits, self.added = plan, time, limits, added
        except (Inconclusive, OutsideDomain, OutOfTime) as error:
            self.plan = [_failed_job(problem, delta, self.digits) for delta in experiment.deltas]
            self.found = [Measurement(delta, failure=str(error)) for delta in experiment.deltas]
        with Measuring(problem, [] if self.found else self.plan, self.workers) as measuring:
            try:
                self.descend(planar, lambda *_: measuring.report(self.progress))
                if not self.found:
                    with suppress(OutOfTime):
                        self.at_time = self.limit_directions()
                    self.found = measuring.collect(self.progress)
            except KeyboardInterrupt:
                self.found = self.found or measuring.finished(INTERRUPTED)
                raise
        if any(each.failure for each in self.found):
            tick()
        self.missing.remove(FLOWS)

    def descend(self, planar: PlanarKKT | None, progress: Progress) -> None:
        """Gradient descent for Figures 1 and 3, or the reason why there is none."""
        try:
            require_planar(self.problem)
            given = planar if why_not_enumerated(self.problem) is None else None
            self.descent = planar_descent(self.problem, progress, kkt=given)
        except (BadInput, OutOfTime) as error:
            self.why_no_descent = str(error)

    def limit_directions(self) -> tuple[list[list[Any]], Any]:
        """The directions of the limit flow at the fixed time, and its error estimate."""
        flow = limit_flow(self.problem, time=self.time, digits=self.digits)
        ctx = self.number_system.context
        directions = [
            [ctx.mpf(v) for v in flow.block_direction(j, self.time)] for j in range(len(flow.blocks))
        ]
        return directions, ctx.mpf(flow.error_estimate)

    def tabulate(self) -> None:
        """Both tables of all flows that are finished."""
        problem, bounds, digits = self.problem, self.bounds, self.digits
        if bounds is None:
            raise ValueError("times are compared with the bounds")
        given = len(problem.experiment.deltas)
        with no_deadline():
            self.rows = time_rows(problem, bounds, self.plan[:given], self.found[:given])
            self.laws = self.angle_laws()
            said = [MEASURED, f"- {time_conclusion(self.rows)}"]
            said += [f"- {conclusion(law, problem.order)}" for law in self.laws if law.fits]
            failures = {each.failure: None for each in self.found if each.failure}
            failures.pop(self.stopped, None)  # is told at the end
            for failure in failures:
                said.append(f"- Not computed: {failure}")
                self.troubles.append(f"not computed: {short(failure)}")
            if self.why_no_descent:
                said.append(f"- Figures 1 and 3 are not drawn: {self.why_no_descent}")
            self.say("\n".join(said))
            shown = times_part(problem, self.rows, digits, self.folder is not None)
            self.table(time_table(problem, self.rows, digits), "time_near_origin", shown)
            for law in self.laws:
                name, all_rows = LAWS[law.kind], rows_table(law).to_csv()
                self.table(errors_table(law, self.added), name)
                shown = fits_part(law, "" if self.folder is None else f"{name}_fits.csv")
                fitted = any(fit.slope is not None for fit in law.fits)
                self.table(fits_table(law), f"{name}_fits", shown if fitted else None)
                self.keep(partial(_text_file, name=f"{name}_rows.csv", text=all_rows))
            if self.descent is not None:
                facts = self.descent.facts()
                self.table(facts, FACTS, head(facts, "" if self.folder is None else f"{FACTS}.csv"))
        self.save()

    def angle_laws(self) -> list[Law]:
        """Both laws, fitted to what was measured."""
        problem, ctx, time = self.problem, self.number_system.context, self.time
        directions, estimate = self.at_time
        estimates = [ctx.mpf(each.error_estimate) for each in self.found if each.error_estimate is not None]
        resolution = max([ctx.mpf(10) ** -self.digits, ctx.mpf(estimate), *estimates])
        limits = self.limits if directions else []
        shared = (self.number_system, resolution, self.digits)
        by_time = fixed_time(problem.order, time, self.found, directions, limits, *shared)
        if time != problem.experiment.time:
            asked = format_rational(problem.experiment.time)
            why = "the limit flow blows up before, or was not followed further"
            note = f"The fixed scaled time is {format_rational(time)} instead of {asked}: {why}."
            by_time = replace(by_time, note=note)
        return [by_time, fixed_radius(problem.experiment.radius, self.found, self.limits, *shared)]

    def draw(self) -> None:
        """All figures. Raises `OutOfTime` between two of them."""
        problem, descent = self.problem, self.descent
        panels = time_panels(self.rows, problem)
        figures: list[Callable[[Path], list[str]]] = [
            lambda folder: save(time_near_origin_figure(panels, problem.order), folder, "time_near_origin")
        ]
        for law in self.laws:
            series, name = law.series(), LAWS[law.kind]
            if series:
                figures.append(lambda folder, s=series, n=name: save(angle_law_figure(s), folder, n))  # type: ignore[misc]
        if descent is not None:
            figures.append(descent.draw)
            figures.append(lambda folder: save_figure3(problem, folder, descent))
        figures.append(self.limit_flows)
        for done, figure in enumerate(figures if self.folder is not None else []):
            tick()
            self.at("drawing figures", done, len(figures))
            self.keep(figure)
        tick()
        self.missing.remove(FIGURES)

    def limit_flows(self, folder: Path) -> list[str]:
        """The figure of the limit flows, where there is one."""
        with suppress(Inconclusive):
            return save_limit_flows(self.problem, folder)
        return []

    # -- what is kept and told -------------------------------------------------------------------------------

    def end(self) -> Verification:
        """Tell the summary and write results.json, also of work that was stopped after the theorem."""
        theorem = self.theorem
        if theorem is None:
            raise ValueError("the theorem comes first")
        with no_deadline():
            if self.found and not self.rows:
                self.tabulate()
            if self.stopped:
                missing = ", ".join(self.missing)
                self.say(f"Stopped: {self.stopped} What was found until then is kept; missing: {missing}.")
                self.troubles.insert(0, f"stopped, missing: {missing}")
            violated = [row for row in self.rows if row.holds is False]
            troubles = [f"VIOLATED: the bound for δ = {row.delta} ({row.event})" for row in violated]
            if theorem.reason:
                troubles.append(
                    f"{'no theorem' if theorem.claim is None else 'theorem'}: {short(theorem.reason)}"
                )
            troubles += self.troubles
            folder = self.folder
            said = summary(
                theorem, self.bounds, self.laws, self.rows, troubles, bool(violated), folder, self.files
            )
            self.save()
            if self.tell is not None:
                self.tell(said)
            failed = any(each.failure for each in self.found)
            open_ = self.stopped or failed or self.fault or theorem.fault
            code = ExitCode.FAILED if violated else ExitCode.INCONCLUSIVE if open_ else ExitCode.DONE
            files = [*self.files, RESULTS] if folder is not None else []
            return Verification(
                theorem, self.results(), "\n\n".join(self.said), self.tables, files, code, said
            )

    def save(self) -> None:
        """Write results.json as far as there are results; what an earlier run left goes."""
        if self.folder is not None:
            remove_files(self.folder, self.earlier - set(self.files))
            self.earlier = set()
            write_atomically(self.folder / RESULTS, json_text(self.results(), indent=1) + "\n")

    def results(self) -> dict[str, Any]:
        """The content of results.json: exact numbers and enclosures as text, two tables approximate."""
        problem, parts, bounds = self.problem, self.parts, self.bounds
        by_time, by_radius = self.laws
        record = {
            "stopped": self.stopped or ("it was not finished." if self.missing else None),
            "missing": self.missing,
            "problem": problem_record(problem),
            "homogeneity": {
                "order": parts.order,
                "block_orders": [str(order) for order in parts.homogeneity.block_orders],
                "separable": parts.separable,
                "smoothness": parts.smoothness,
                "definable": parts.definable,
                "theorem": parts.theorem,
                "reason": parts.reason,
                "derivation": list(parts.homogeneity.derivation),
            },
            **self.kkt_found,
            "theorem": None if self.theorem is None else self.theorem.record(CERTIFICATE),
            "near_origin": bounds
            and {
                "n_max_upper": format_rational(bounds.n_max_upper),
                "n_max_method": bounds.n_max_method,
                "beta_upper": format_rational(bounds.beta_upper),
                "beta_method": bounds.beta_method,
                "factor_squared": format_rational(problem.experiment.factor_squared),
                "radius": format_rational(problem.experiment.radius),
            },
            "time_near_origin": [row.to_json(self.digits) for row in self.rows],
            "angle_error": {
                "fixed_time": by_time.to_json(self.added),
                "fixed_radius": by_radius.to_json(self.added),
                "added_deltas": self.added,
            },
            "precision": self.digits,
            "versions": versions_record(),
        }
        if self.fault:
            record["fault"] = self.fault
        return record | ({"files": self.files} if self.folder is not None else {})

    def keep(self, write: Callable[[Path], list[str]]) -> None:
        """Have files written, if there is a folder for them."""
        if self.folder is not None:
            self.files += write(self.folder)

    def say(self, text: str) -> None:
        """Keep a paragraph of the story, and tell it."""
        self.said.append(text)
        if self.tell is not None:
            self.tell(text)

    def table(self, table: Table, name: str, shown: Table | None = None) -> None:
        """Keep a table, in files called `name`, and tell what is `shown` of it."""
        self.tables.append(table)
        self.keep(lambda folder: write_table(table, folder, name))
        if shown is not None and self.tell is not None:
            self.tell(shown)

    def named(self, stage: str) -> Progress | None:
        """Progress of the parts of a stage."""
        progress = self.progress
        return progress and (lambda part, done, total: progress(f"{stage}: {part}", done, total))

    def at(self, stage: str, done: int = 0, total: int = 1) -> None:
        """Say which stage is under way."""
        if self.progress is not None:
            self.progress(stage, done, total)


def _text_file(folder: Path, name: str, text: str) -> list[str]:
    write_atomically(folder / name, text)
    return [name]


def _failed_job(problem: Problem, delta: str, digits: int) -> Job:
    experiment = problem.experiment
    radius = experiment.radius
    return Job(delta, experiment.time, radius, experiment.factor_squared, radius, None, False, digits)
