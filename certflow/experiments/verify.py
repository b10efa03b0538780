"""The main job (`certflow verify`): the uniform theorem with its certificate, structure, NCF, KKT points,
flows for many delta, both tables, all figures.

The lower bounds of the time near the origin are proved (L2) and so are KKT enclosures; times and angle errors
are measured with the reference flow, which is an approximation with an error estimate.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any, SupportsIndex

from certflow.arithmetic.base import MPArithmetic, mp_arithmetic
from certflow.arithmetic.enclosure import OutsideDomain
from certflow.atomic import write_atomically
from certflow.certifying import Faulty, Theorem, certify
from certflow.exact import format_rational, whole
from certflow.experiments.angle_error import Law, fixed_radius, fixed_time
from certflow.experiments.angle_tables import conclusion, errors_table, fits_table, rows_table
from certflow.experiments.earlier import RESULTS, files_of_results, remove_files
from certflow.experiments.figure1 import PlanarDescent, planar_descent, require_planar
from certflow.experiments.figure3 import save_figure3
from certflow.experiments.limit_points import BlockLimit, limit_points
from certflow.experiments.lookahead import added_deltas, jobs, look_ahead
from certflow.experiments.measurement import EXTRA_DIGITS, Job, Measurement
from certflow.experiments.theorem import CERTIFICATE, THEOREM, TIMES, save_theorem, save_times, theorem_text
from certflow.experiments.time_near_origin import TimeRow, time_conclusion, time_panels, time_rows, time_table
from certflow.experiments.workers import Measuring
from certflow.flow.reference.flow import MAX_DIGITS, limit_flow
from certflow.kkt.enumerate import Budget, kkt_set
from certflow.kkt.neuron.circle import PlanarKKT, why_not_enumerated
from certflow.kkt.points import KKTSet
from certflow.kkt.table import fitting_kkt_table, kkt_table
from certflow.ncf.exact import correlation
from certflow.outcome import BadInput, ExitCode, Inconclusive
from certflow.printable import json_text
from certflow.problem import Problem, ProblemSource
from certflow.progress import Progress
from certflow.report.figures import angle_law_figure, save, time_near_origin_figure
from certflow.report.records import kkt_record, problem_record, versions_record
from certflow.report.terminal import PLAIN_WIDTH
from certflow.running import OutOfTime, no_deadline, tick
from certflow.tables import Table, write_table
from certflow.theorems.literature import Structure, classify
from certflow.theorems.time_near_origin.times import NearOrigin, near_origin
from certflow.units import require_doubles

if TYPE_CHECKING:
    from os import PathLike

STEMS = frozenset(
    f"{law}{part}" for law in ("angle_fixed_time", "angle_fixed_radius") for part in ("", "_fits", "_rows")
) | {
    *(Path(name).stem for name in (CERTIFICATE, THEOREM, TIMES)),
    "kkt",
    "time_near_origin",
    "figure1",
    "figure1_facts",
    "figure3",
    "results",
}
"""The names, without their endings, of all files that are written."""

SHOWN_ARCS = 8
"""Arcs of the NCF that are printed; `certflow ncf` prints all."""

SHOWN_ROWS = 40
"""KKT points in the table that is printed; results.json and the files have all."""

KKT_BUDGET = Budget(cells=1_000, boxes=5_000, weights=3, starts=4)
"""The main job takes what a few seconds give; `certflow kkt` searches longer."""


@dataclass
class Verification:
    """What the main job found: `results` (the content of results.json), `text` and `tables` for people, the
    names of the `files` written, and the `exit_code`: FAILED if a bound is violated, INCONCLUSIVE if a flow
    could not be computed.
    """

    results: dict[str, Any]
    text: str
    tables: list[Table]
    exit_code: ExitCode
    files: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class _Measured:
    """All that was measured: jobs and measurements (those of the experiment first), and both laws; and the
    theorem, which is proved while the flows are computed by others.
    """

    jobs: list[Job]
    found: list[Measurement]
    laws: list[Law]
    added: list[str]
    theorem: Theorem


def verify(
    problem: ProblemSource,
    out: str | PathLike[str] | None = None,
    progress: Progress | None = None,
    digits: SupportsIndex = 30,
    workers: SupportsIndex | None = None,
) -> Verification:
    """Run the main job on `problem` and write results.json, tables and figures to the folder `out` (None:
    nothing is written).

    `digits` is the precision of flows and KKT points; flows run in `workers` processes (default: at most two,
    as many as there are processors; 1: in this one). Everything is computed before anything is written, and
    results.json is written last. Once the time is over, the flows that are finished are tabulated, without
    figures. Raises `BadInput` like the parts, `Inconclusive` if N⁺_max cannot be bounded or doubles cannot
    hold it, `OutOfTime` before that.
    """
    problem, digits = Problem.load(problem), whole(digits, "digits", 5, MAX_DIGITS)
    workers = None if workers is None else whole(workers, "workers", 1)
    require_doubles(problem)
    parts = classify(problem)
    kkt, why_no_kkt = _kkt(problem, digits, progress)
    bounds = near_origin(problem, digits, kkt)
    planar = kkt if isinstance(kkt, PlanarKKT) else None
    formula = correlation(problem).text(max_arcs=SHOWN_ARCS)
    measured, descent, why_no_descent = _measure(problem, bounds, planar, progress, digits, workers)
    stopped = _stopped()
    with no_deadline():
        given = len(problem.experiment.deltas)
        rows = time_rows(problem, bounds, measured.jobs[:given], measured.found[:given])
        tables = [time_table(problem, rows, digits)]
        if kkt is not None:
            tables.insert(0, fitting_kkt_table(problem, kkt, digits, SHOWN_ROWS, PLAIN_WIDTH))
        for law in measured.laws:
            tables += [errors_table(law, measured.added), fits_table(law)]
        if descent is not None:
            tables.append(descent.facts())
        result = Verification(
            {
                "stopped": stopped or None,
                **_results(problem, parts, kkt_record(kkt, why_no_kkt), bounds, rows, measured, digits),
            },
            _text(problem, parts, bounds, formula, rows, measured, why_no_descent, stopped),
            tables,
            _exit_code(rows, measured.found, stopped),
        )
    if out is not None:
        result.files = _write(Path(out), problem, result, rows, measured, kkt, descent, digits, progress)
    return result


def _stopped() -> str:
    """The sentence that the time is over, "" if it is not."""
    try:
        tick()
    except OutOfTime as error:
        return str(error)
    return ""


def _kkt(problem: Problem, digits: int, progress: Progress | None) -> tuple[KKTSet | None, str]:
    """The KKT set as far as a small budget goes, or the reason why there is none."""
    # Distances to planar KKT points are taken, which needs more digits than are shown.
    more = EXTRA_DIGITS if why_not_enumerated(problem) is None else 0
    try:
        return kkt_set(problem, digits + more, KKT_BUDGET, progress), ""
    except Inconclusive as error:
        return None, str(error)


def _measure(
    problem: Problem,
    bounds: NearOrigin,
    kkt: PlanarKKT | None,
    progress: Progress | None,
    digits: int,
    workers: int | None,
) -> tuple[_Measured, PlanarDescent | None, str]:
    """Plan the flows, run them, and use the time until they are back for gradient descent."""
    experiment = problem.experiment
    number_system = mp_arithmetic(digits + EXTRA_DIGITS)
    failure = ""
    try:
        ahead = look_ahead(problem, bounds, min(experiment.delta_values()))
        time = ahead.fixed_time(experiment.time)
        limits = limit_points(problem, ahead.paths(), kkt, number_system, experiment.radius)
        added = added_deltas(ahead, limits, time, experiment.delta_values(), digits)
        plan = jobs(ahead, time, experiment.deltas, digits) + jobs(ahead, time, added, digits, check=False)
    except (Inconclusive, OutsideDomain, OutOfTime) as error:
        failure, time, limits, added, plan = str(error), experiment.time, [], [], []
    with Measuring(problem, plan, workers) as measuring:
        theorem = certify(problem, progress=progress)
        descent, why_no_descent = _descent(problem, kkt, progress)
        at_time: tuple[list[list[Any]], Any] = ([], 0)
        if not failure:
            with suppress(OutOfTime):
                at_time = _limit_directions(problem, time, digits, number_system)
        found = measuring.collect(progress)
    if failure:
        plan = [_failed_job(problem, delta, digits) for delta in experiment.deltas]
        found = [Measurement(delta, failure=failure) for delta in experiment.deltas]
    with no_deadline():
        laws = _laws(problem, time, found, at_time, limits, number_system, digits)
    return _Measured(plan, found, laws, added, theorem), descent, why_no_descent


def _failed_job(problem: Problem, delta: str, digits: int) -> Job:
    experiment = problem.experiment
    radius = experiment.radius
    return Job(delta, experiment.time, radius, experiment.factor_squared, radius, None, False, digits)


def _descent(
    problem: Problem, kkt: PlanarKKT | None, progress: Progress | None
) -> tuple[PlanarDescent | None, str]:
    """Gradient descent for Figures 1 and 3, or the reason why there is none."""
    try:
        require_planar(problem)
        return planar_descent(problem, progress, kkt=kkt if why_not_enumerated(problem) is None else None), ""
    except (BadInput, OutOfTime) as error:
        return None, str(error)


def _limit_directions(
    problem: Problem, time: Fraction, digits: int, number_system: MPArithmetic
) -> tuple[list[list[Any]], Any]:
    """The directions of the limit flow at the fixed time, and its error estimate."""
    flow = limit_flow(problem, time=time, digits=digits)
    ctx = number_system.context
    directions = [[ctx.mpf(v) for v in flow.block_direction(j, time)] for j in range(len(flow.blocks))]
    return directions, ctx.mpf(flow.error_estimate)


def _laws(
    problem: Problem,
    time: Fraction,
    found: Sequence[Measurement],
    at_time: tuple[list[list[Any]], Any],
    limits: Sequence[BlockLimit],
    number_system: MPArithmetic,
    digits: int,
) -> list[Law]:
    ctx = number_system.context
    directions, estimate = at_time
    estimates = [ctx.mpf(each.error_estimate) for each in found if each.error_estimate is not None]
    resolution = max([ctx.mpf(10) ** -digits, ctx.mpf(estimate), *estimates])
    by_time = fixed_time(
        problem.order,
        time,
        found,
        directions,
        limits if directions else [],
        number_system,
        resolution,
        digits,
    )
    if time != problem.experiment.time:
        asked = format_rational(problem.experiment.time)
        why = "the limit flow blows up before, or was not followed further"
        by_time = replace(
            by_time, note=f"The fixed scaled time is {format_rational(time)} instead of {asked}: {why}."
        )
    by_radius = fixed_radius(problem.experiment.radius, found, limits, number_system, resolution, digits)
    return [by_time, by_radius]


def _exit_code(rows: Sequence[TimeRow], found: Sequence[Measurement], stopped: str) -> ExitCode:
    if any(row.holds is False for row in rows):
        return ExitCode.FAILED
    return ExitCode.INCONCLUSIVE if stopped or any(each.failure for each in found) else ExitCode.DONE


def _results(
    problem: Problem,
    parts: Structure,
    kkt: dict[str, Any],
    bounds: NearOrigin,
    rows: Sequence[TimeRow],
    measured: _Measured,
    digits: int,
) -> dict[str, Any]:
    """The content of results.json: exact numbers and enclosures as text, approximations in the two tables."""
    by_time, by_radius = measured.laws
    return {
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
        **kkt,
        "theorem": measured.theorem.record(CERTIFICATE),
        "near_origin": {
            "n_max_upper": format_rational(bounds.n_max_upper),
            "n_max_method": bounds.n_max_method,
            "beta_upper": format_rational(bounds.beta_upper),
            "beta_method": bounds.beta_method,
            "factor_squared": format_rational(problem.experiment.factor_squared),
            "radius": format_rational(problem.experiment.radius),
        },
        "time_near_origin": [row.to_json(digits) for row in rows],
        "angle_error": {
            "fixed_time": by_time.to_json(measured.added),
            "fixed_radius": by_radius.to_json(measured.added),
            "added_deltas": measured.added,
        },
        "precision": digits,
        "versions": versions_record(),
    }


def _text(
    problem: Problem,
    parts: Structure,
    bounds: NearOrigin,
    formula: str,
    rows: Sequence[TimeRow],
    measured: _Measured,
    why_no_descent: str,
    stopped: str,
) -> str:
    """What is printed above the tables: what is proved, then what was measured."""
    proved = [
        theorem_text(measured.theorem),
        parts.homogeneity.text(),
        parts.text(),
        formula,
        f"Proved (L2). {bounds.statement(problem.experiment.factor_squared)}",
    ]
    found = [
        "Measured with the reference flow, an approximation that proves nothing:",
        f"- {time_conclusion(rows)}",
    ]
    found += [f"- {conclusion(law, problem.order)}" for law in measured.laws if law.fits]
    for failure in dict.fromkeys(each.failure for each in measured.found if each.failure):
        found.append(f"- Not computed: {failure}")
    if why_no_descent:
        found.append(f"- Figures 1 and 3 are not drawn: {why_no_descent}")
    if stopped:
        found.append(
            f"- Stopped: {stopped.rstrip('.')}; what was found until then is shown, and figures are missing."
        )
    return "\n\n".join([*proved, "\n".join(found)])


def _write(
    folder: Path,
    problem: Problem,
    result: Verification,
    rows: Sequence[TimeRow],
    measured: _Measured,
    kkt: KKTSet | None,
    descent: PlanarDescent | None,
    digits: int,
    progress: Progress | None,
) -> list[str]:
    """Write tables, figures and, last, results.json; returns the names."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise BadInput(f"{folder}: the folder cannot be made ({error.strerror}); choose another.") from error
    names = {"fixed_time": "angle_fixed_time", "fixed_radius": "angle_fixed_radius"}
    files = save_theorem(measured.theorem, folder)
    try:
        files += _drawn(save_times, problem, kkt, folder)
    except Faulty as error:
        # All else does not rest on this certificate, and is written.
        result.results["fault"] = error.fault
        result.text += f"\n- No certificate of the times near the origin: {error}"
        if result.exit_code is ExitCode.DONE:
            result.exit_code = ExitCode.INCONCLUSIVE
    with no_deadline():
        files += [] if kkt is None else write_table(kkt_table(problem, kkt, digits), folder, "kkt")
        files += write_table(time_table(problem, rows, digits), folder, "time_near_origin")
        for law in measured.laws:
            name = names[law.kind]
            files += write_table(
                errors_table(law, result.results["angle_error"]["added_deltas"]), folder, name
            )
            files += write_table(fits_table(law), folder, f"{name}_fits")
            write_atomically(folder / f"{name}_rows.csv", rows_table(law).to_csv())
            files.append(f"{name}_rows.csv")
    files += _drawn(
        lambda: save(
            time_near_origin_figure(time_panels(rows, problem), problem.order), folder, "time_near_origin"
        )
    )
    for law in measured.laws:
        if law.series():
            files += _drawn(_law_figure, law, folder, names[law.kind])
    if descent is not None:
        files += _drawn(lambda: descent.save(folder)) + _drawn(
            lambda: save_figure3(problem, folder, descent, progress)
        )
    # Tables, figures and the theorem of an earlier run, perhaps on another problem, do not stay beside these
    # results.
    remove_files(folder, set(files_of_results(folder)) - set(files))
    result.results["files"] = files
    write_atomically(folder / RESULTS, json_text(result.results, indent=1) + "\n")
    return [*files, RESULTS]


def _law_figure(law: Law, folder: Path, name: str) -> list[str]:
    return save(angle_law_figure(law.series()), folder, name)


def _drawn(draw: Callable[..., list[str]], *arguments: Any) -> list[str]:
    """The names of the files that this writes; none if the time is over."""
    try:
        tick()
        return draw(*arguments)
    except OutOfTime:
        return []
