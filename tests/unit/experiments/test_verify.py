"""The main job on small problems: what is written, what the verdict is, and flows in other processes."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import time
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from endless import endless

import certflow.experiments.verify as job
import certflow.experiments.workers as workers
from certflow.checker import check_file
from certflow.experiments.angle_error import Fit, Law
from certflow.experiments.figure1 import planar_descent
from certflow.experiments.lookahead import jobs, look_ahead
from certflow.experiments.measurement import Job, Measurement, measure
from certflow.experiments.story import fits_part, head
from certflow.experiments.theorem import TIMES
from certflow.experiments.verify import STEMS, Verification, verify
from certflow.experiments.workers import Measuring
from certflow.kkt.neuron import circle
from certflow.losses import Loss
from certflow.networks.activation import Activation
from certflow.networks.one_hidden_layer import OneLayer, TwoLayer
from certflow.outcome import CertflowError, ExitCode, Inconclusive
from certflow.problem import Experiment, Problem
from certflow.running import deadline, tick
from certflow.theorems.time_near_origin.times import near_origin

SQUARED_RELU = Activation(Fraction(0), 2)
X = [["1", "1/3"], ["3/5", "-4/5"], ["-1", "1/2"]]
DIGITS = 15


def planar(loss: str = "square") -> Problem:
    """Two neurons that grow, a dead one, and one with a negative sign that shrinks for a while."""
    experiment = Experiment(("1e-3", "1e-7", "1e-300"), Fraction(4), Fraction(1, 100), Fraction(1))
    network = OneLayer(2, 4, SQUARED_RELU, [1, 1, 1, -1])
    direction = ["1", "1/2", "-1", "1", "-1/10", "-1", "1/3", "1"]
    return Problem(
        network,
        [["1", "1/3"], ["3/5", "4/5"], ["-1", "1/2"]],
        ["1"] * 3,
        loss,
        direction,
        experiment=experiment,
    )


def deep() -> Problem:
    experiment = Experiment(("1e-2", "1e-6"), Fraction(4), Fraction(1, 100), Fraction(6))
    return Problem(
        TwoLayer(2, 1, SQUARED_RELU), X, ["1", "2/3", "1/2"], direction=["1", "0", "1"], experiment=experiment
    )


@pytest.fixture(autouse=True)
def short_descent(monkeypatch: pytest.MonkeyPatch) -> None:
    """The published 50,000 iterations are not what is tested here."""
    monkeypatch.setattr(
        job, "planar_descent", lambda *given, **kkt: planar_descent(*given, iterations=200, **kkt)
    )


def read(folder: Path) -> dict[str, Any]:
    """results.json, in which every number that is not a count is text."""
    text = (folder / "results.json").read_text(encoding="utf-8")
    return json.loads(
        text, parse_float=lambda t: pytest.fail(f"float {t}"), parse_constant=lambda t: pytest.fail(t)
    )


@pytest.fixture(scope="module")
def planar_run(
    tmp_path_factory: pytest.TempPathFactory,
) -> tuple[Verification, Path, list[tuple[str, int, int]]]:
    folder, told = tmp_path_factory.mktemp("verify") / "new" / "folder", []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            job, "planar_descent", lambda *given, **kkt: planar_descent(*given, iterations=200, **kkt)
        )
        result = verify(planar(), folder, lambda *call: told.append(call), DIGITS, workers=1)
    return result, folder, told


# -- what is written -----------------------------------------------------------------------------------------


def test_the_results_have_the_pinned_fields(planar_run):
    result, folder, _ = planar_run
    record = read(folder)
    assert record == result.results
    assert result.exit_code is ExitCode.DONE
    assert set(record["homogeneity"]) >= {"order", "separable", "smoothness", "theorem", "reason"}
    assert (record["homogeneity"]["order"], record["homogeneity"]["separable"]) == (2, True)
    assert record["kkt_status"] == "complete"
    assert all(set(point) >= {"point", "angle_deg", "value", "gap", "kind"} for point in record["kkt"])
    assert any(point["kind"] == "arc" and {"from", "to"} <= set(point) for point in record["kkt"])
    assert set(record) >= {"problem", "versions", "precision", "time_near_origin", "angle_error"}
    assert record["problem"]["sha256"] == planar().sha256
    by_time, by_radius = record["angle_error"]["fixed_time"], record["angle_error"]["fixed_radius"]
    assert (by_time["time"], by_radius["radius"]) == ("1", "1/100")
    for law in (by_time, by_radius):
        assert all(set(row) >= {"delta", "neuron", "error"} for row in law["rows"])
        assert all(set(fit) >= {"neuron", "slope", "predicted", "window", "floor"} for fit in law["fits"])
        assert [fit["neuron"] for fit in law["fits"]] == [1, 2, 3, 4]


def test_times_are_tabulated_for_both_events_and_lie_above_the_bounds(planar_run):
    rows = planar_run[0].results["time_near_origin"]
    assert [(row["delta"], row["event"]) for row in rows] == [
        (delta, event) for delta in ("1e-3", "1e-7", "1e-300") for event in ("factor", "radius")
    ]
    bounds = near_origin(planar(), DIGITS)
    for row in rows:
        exact = (
            bounds.factor_time(Fraction(4))
            if row["event"] == "factor"
            else bounds.radius_time(row["delta"], Fraction(1, 100))
        )
        assert Fraction(row["bound_nmax"]) == pytest.approx(float(exact.bound_nmax))
        assert Fraction(row["bound_beta"]) <= exact.bound_beta
        assert row["holds"] is True
        assert float(row["ratio"]) == pytest.approx(float(row["time"]) / float(row["bound_nmax"]))
        assert 1 < float(row["ratio"]) < 10


def test_the_laws_are_seen_and_dead_neurons_are_left_out_with_a_reason(planar_run):
    record = planar_run[0].results["angle_error"]
    for law, tolerance in (("fixed_time", 1e-3), ("fixed_radius", 0.05)):
        fits = record[law]["fits"]
        assert fits[2]["slope"] is None
        assert "inactive" in fits[2]["reason"]
        assert not [row for row in record[law]["rows"] if row["neuron"] == 3]
        for fit in fits[:2]:
            assert float(fit["slope"]) == pytest.approx(float(fit["predicted"]), rel=tolerance)
            assert fit["points"] >= 3
            low, high = map(Fraction, fit["window"])
            inside = {
                row["delta"]
                for row in record[law]["rows"]
                if row["neuron"] == fit["neuron"] and row["in_window"]
            }
            assert inside == {
                row["delta"] for row in record[law]["rows"] if low <= Fraction(row["delta"]) <= high
            }
    assert float(record["fixed_time"]["fits"][0]["predicted"]) == 2
    assert {row["delta"] for row in record["fixed_time"]["rows"] if row["added"]} == set(
        record["added_deltas"]
    )
    smallest = [row for row in record["fixed_time"]["rows"] if row["delta"] == "1e-300"]
    assert all(row["error"] is None and Fraction(row["below"]) <= Fraction(1, 10**12) for row in smallest)


def test_slopes_can_be_recomputed_from_the_rows(planar_run):
    law = planar_run[0].results["angle_error"]["fixed_radius"]
    fit = law["fits"][0]
    import numpy as np

    points = [
        (float(r["delta"]), float(r["error"])) for r in law["rows"] if r["neuron"] == 1 and r["in_window"]
    ]
    slope = np.polyfit(*np.log(np.array(points)).T, 1)[0]
    assert slope == pytest.approx(float(fit["slope"]), abs=1e-5)


def test_all_tables_and_figures_are_written_and_nothing_else(planar_run):
    result, folder, _ = planar_run
    assert sorted(path.name for path in folder.iterdir()) == sorted(result.files)
    assert {path.stem for path in folder.iterdir()} <= STEMS
    assert check_file(folder / "time-near-origin.json").verdict == "accepted"
    names = (
        "kkt",
        "time_near_origin",
        "angle_fixed_time",
        "angle_fixed_time_fits",
        "angle_fixed_radius",
        "angle_fixed_radius_fits",
    )
    expected = {f"{name}.{ending}" for name in names for ending in ("tex", "md", "csv")}
    figures = ("time_near_origin", "angle_fixed_time", "angle_fixed_radius", "figure1", "figure3")
    expected |= {f"{name}.{ending}" for name in figures for ending in ("png", "svg")}
    assert expected <= set(result.files)
    assert "\\toprule" in (folder / "time_near_origin.tex").read_text(encoding="utf-8")
    assert (folder / "time_near_origin.csv").read_text(encoding="utf-8").splitlines()[0] == (
        "delta,event,time,bound_beta,bound_nmax,ratio,holds"
    )


def test_the_text_separates_what_is_proved_from_what_is_measured(planar_run):
    text = planar_run[0].text
    proved, measured = text.split("Measured with the reference flow, an approximation that proves nothing:")
    assert "Proved (L2)." in proved
    assert "[KH24]" in proved
    assert "N(w) =" in (planar_run[1] / "structure.txt").read_text(encoding="utf-8")
    assert "6 of 6 measured times are not below their lower bounds" in measured
    assert "proved" not in measured.lower()


def test_progress_is_told_in_order_and_comes_to_its_end(planar_run):
    told = [(done, total) for description, done, total in planar_run[2] if description == workers.DESCRIPTION]
    assert told == sorted(told)
    assert told[-1][0] == told[-1][1] > 0
    assert all(done < total for done, total in told[:-1])


def test_the_same_input_gives_the_same_files(planar_run, tmp_path):
    again = verify(planar(), tmp_path, digits=DIGITS, workers=2)
    first = planar_run[1]
    assert again.files == planar_run[0].files
    different = [
        name for name in again.files if (tmp_path / name).read_bytes() != (first / name).read_bytes()
    ]
    assert different == []


# -- other problems ------------------------------------------------------------------------------------------


def test_order_three_has_scaled_times_one_direction_and_no_planar_figures():
    result = verify(deep(), digits=DIGITS, workers=1)
    record = result.results
    assert (record["homogeneity"]["order"], record["kkt_status"]) == (3, "complete")
    assert {len(entry["point"]) for entry in record["kkt"]} == {3}
    assert all(row["holds"] for row in record["time_near_origin"])
    assert len(record["time_near_origin"]) == 4
    by_time, by_radius = record["angle_error"]["fixed_time"], record["angle_error"]["fixed_radius"]
    # The limit flow blows up before the scaled time 6.
    assert Fraction(by_time["time"]) < 6
    assert "instead of 6" in by_time["note"]
    assert float(by_time["fits"][0]["slope"]) == pytest.approx(3, abs=0.01)
    assert len(by_radius["fits"]) == 1
    assert float(by_radius["fits"][0]["slope"]) == pytest.approx(
        float(by_radius["fits"][0]["predicted"]), rel=0.01
    )
    assert "Figures 1 and 3 are not drawn" in result.text
    assert result.files == []
    assert result.exit_code is ExitCode.DONE


def test_planar_points_are_enumerated_once(tmp_path, monkeypatch):
    enumerated = []
    of_the_circle = circle.critical_lines
    monkeypatch.setattr(
        circle, "critical_lines", lambda *data: enumerated.append(data) or of_the_circle(*data)
    )
    result = verify(planar(), tmp_path, digits=DIGITS, workers=1)
    assert len(enumerated) == 1 and {"figure1.svg", TIMES} <= set(result.files)


def test_limit_flows_of_power_1_are_drawn_in_two_and_three_dimensions(tmp_path):
    experiment = Experiment(("1e-3",), Fraction(4), Fraction(1, 100), Fraction(1))
    relu = Activation(Fraction(0), 1)
    for d, direction in ((2, ["1", "2", "1"]), (3, ["1", "2", "1", "1"]), (4, ["1", "2", "1", "1", "1"])):
        inputs = [["1", "1/3", "1/2", "1/5"][:d], ["1/4", "1", "-1/3", "1"][:d]]
        problem = Problem(
            TwoLayer(d, 1, relu), inputs, ["1", "2"], direction=direction, experiment=experiment
        )
        files = verify(problem, tmp_path / str(d), digits=DIGITS, workers=1).files
        assert {f"limit_flows.{ending}" for ending in ("png", "svg")} & set(files) == (
            {"limit_flows.png", "limit_flows.svg"} if d < 4 else set()
        )


def test_no_growth_is_no_failure():
    experiment = Experiment(("1e-2", "1e-50"), Fraction(4), Fraction(1, 10), Fraction(1))
    problem = Problem(
        OneLayer(2, 1, SQUARED_RELU), X, ["-1"] * 3, direction=["1", "0"], experiment=experiment
    )
    result = verify(problem, digits=DIGITS, workers=1)
    assert result.exit_code is ExitCode.DONE
    for row in result.results["time_near_origin"]:
        assert (row["bound_nmax"], row["time"], row["holds"]) == (None, None, True)
        assert "not reached" in row["reason"]
    fits = result.results["angle_error"]["fixed_radius"]["fits"]
    assert fits[0]["slope"] is None
    assert fits[0]["reason"]


# -- verdicts ------------------------------------------------------------------------------------------------


def test_a_violated_bound_is_seen_and_decides_the_exit_code(monkeypatch, tmp_path):
    import dataclasses

    true = near_origin(planar(), DIGITS)
    wrong = dataclasses.replace(true, n_max_upper=true.n_max_upper / 3)
    monkeypatch.setattr(job, "near_origin", lambda *given: wrong)
    result = verify(planar(), tmp_path, digits=DIGITS, workers=1)
    assert result.exit_code is ExitCode.FAILED
    assert "VIOLATED" in result.text
    assert "\nFailed:   VIOLATED: the bound for δ = 1e-3 (factor)" in result.summary()
    assert False in [row["holds"] for row in read(tmp_path)["time_near_origin"]]


def test_a_flow_that_cannot_be_computed_is_inconclusive_and_the_rest_is_there(monkeypatch, tmp_path):
    def slides(*_: object) -> None:
        raise Inconclusive("the flow slides along a kink.")

    monkeypatch.setattr(job, "look_ahead", slides)
    result = verify(planar(), tmp_path, digits=DIGITS, workers=1)
    assert result.exit_code is ExitCode.INCONCLUSIVE
    rows = read(tmp_path)["time_near_origin"]
    assert {row["holds"] for row in rows} == {None}
    assert all("slides along a kink" in row["reason"] for row in rows)
    assert result.results["kkt_status"] == "complete"
    assert "Not computed: the flow slides along a kink." in result.text


def test_the_look_ahead_keeps_what_it_has_when_the_flow_stops(monkeypatch):
    import certflow.experiments.lookahead as module

    real = module.limit_flow

    def stops(problem, *, time, **options):
        if time > 2:
            raise Inconclusive("it stops.")
        return real(problem, time=time, **options)

    monkeypatch.setattr(module, "limit_flow", stops)
    ahead = look_ahead(planar(), near_origin(planar(), DIGITS), Fraction(1, 10**300))
    assert 1 <= float(ahead.flow.end_time) <= 2
    # What it could not foresee is tried all the same, so that a failure is reported as one.
    assert [
        each.stop_until == ahead.try_until for each in jobs(ahead, Fraction(1), ["5e-3", "1e-300"], DIGITS)
    ] == [False, True]
    assert (ahead.try_until or 0) > 1000
    monkeypatch.setattr(module, "limit_flow", lambda *_, **__: stops(None, time=3))
    with pytest.raises(Inconclusive):
        look_ahead(planar(), near_origin(planar(), DIGITS), Fraction(1, 10**300))


# -- a story -------------------------------------------------------------------------------------------------


def record_says_what_is_missing(folder: Path) -> list[str]:
    """The stages that results.json calls missing; it is complete otherwise, and names the files."""
    record = read(folder)
    assert {path.name for path in folder.iterdir()} == {"results.json", *record["files"]}
    assert set(record) >= {"homogeneity", "kkt_status", "kkt", "time_near_origin", "angle_error", "problem"}
    for law in ("fixed_time", "fixed_radius"):
        assert set(record["angle_error"][law]) >= {"rows", "fits"}
    assert bool(record["stopped"]) == bool(record["missing"])
    return record["missing"]


def interrupted(*_: object, **__: object) -> None:
    raise KeyboardInterrupt


def test_the_theorem_is_told_and_checked_and_on_disk_before_all_else(monkeypatch, tmp_path):
    told: list[Any] = []

    def tell(part: Any) -> None:
        if not told:
            assert check_file(tmp_path / "certificate.json").verdict == "accepted"
        told.append(part)

    monkeypatch.setattr(job, "kkt_set", interrupted)
    with pytest.raises(KeyboardInterrupt):
        verify(planar(), tmp_path, digits=DIGITS, workers=1, tell=tell)
    assert told[0].startswith("Theorem (L5), proved, and accepted by the independent checker.\nFor every δ")
    written = {"certificate.json", "theorem.tex", "references.bib", "results.json"}
    assert {path.name for path in tmp_path.iterdir()} == written
    assert record_says_what_is_missing(tmp_path) == [job.POINTS, job.BOUNDS, job.FLOWS, job.FIGURES]
    assert "interrupted" in read(tmp_path)["stopped"] and read(tmp_path)["theorem"]["checked"] is True
    proved, measured, open_, written, check = told[-1].splitlines()
    assert proved.startswith("Proved:   δ ≤ ") and measured == "Measured: nothing"
    assert open_.startswith("Open:     ") and "stopped, missing: KKT points, bounds" in open_
    assert str(tmp_path) in written and check == f"Check:    certflow check {tmp_path}/certificate.json"


def test_an_interrupt_keeps_the_flows_that_are_finished(monkeypatch, tmp_path):
    def measured(problem: Problem, each: Job, share: Any) -> Measurement:
        return interrupted() if each.delta == "1e-300" else measure(problem, each, share)  # type: ignore[return-value]

    monkeypatch.setattr("certflow.experiments.workers.measure", measured)
    monkeypatch.setattr(job, "jobs", lambda *given, **check: sorted_by_delta(jobs(*given, **check)))
    with pytest.raises(KeyboardInterrupt):
        verify(planar(), tmp_path, digits=DIGITS, workers=1)
    assert record_says_what_is_missing(tmp_path) == [job.FLOWS, job.FIGURES]
    times = {row["delta"]: row for row in read(tmp_path)["time_near_origin"] if row["event"] == "radius"}
    assert times["1e-3"]["holds"] and times["1e-7"]["holds"] and times["1e-300"]["time"] is None
    assert "interrupted" in times["1e-300"]["reason"]
    assert (tmp_path / "time_near_origin.csv").exists() and not list(tmp_path.glob("*.png"))


def sorted_by_delta(plan: list[Job]) -> list[Job]:
    """The same jobs, of which the largest δ is measured first."""
    return [replace(each, cost=float(Fraction(each.delta)) + 1e-9) for each in plan]


def test_an_interrupt_before_the_theorem_leaves_an_earlier_run_alone(monkeypatch, tmp_path):
    (tmp_path / "results.json").write_text('{"files": ["kkt.csv"]}', encoding="utf-8")
    (tmp_path / "kkt.csv").write_text("old", encoding="utf-8")
    monkeypatch.setattr(job, "certify", interrupted)
    with pytest.raises(KeyboardInterrupt):
        verify(planar(), tmp_path, digits=DIGITS, workers=1)
    assert {path.name: path.read_text("utf-8") for path in tmp_path.iterdir()} == {
        "results.json": '{"files": ["kkt.csv"]}',
        "kkt.csv": "old",
    }
    monkeypatch.undo()
    monkeypatch.setattr(job, "kkt_set", interrupted)
    with pytest.raises(KeyboardInterrupt):
        verify(planar(), tmp_path, digits=DIGITS, workers=1)
    # What is older than these results does not stay beside them.
    assert not (tmp_path / "kkt.csv").exists()


def test_an_error_after_the_theorem_is_raised_and_what_was_done_is_kept(monkeypatch, tmp_path):
    def unbounded(*_: object) -> None:
        raise Inconclusive("N⁺_max could not be bounded.")

    monkeypatch.setattr(job, "near_origin", unbounded)
    with pytest.raises(Inconclusive, match="could not be bounded"):
        verify(planar(), tmp_path, digits=DIGITS, workers=1)
    assert record_says_what_is_missing(tmp_path) == [job.BOUNDS, job.FLOWS, job.FIGURES]
    assert read(tmp_path)["kkt_status"] == "complete" and (tmp_path / "kkt.tex").exists()
    assert "could not be bounded" in read(tmp_path)["stopped"]


def test_a_few_rows_are_told_and_the_files_have_all(tmp_path):
    told: list[Any] = []
    many = [f"1e-{k}" for k in range(3, 11)]
    problem = planar().replace(deltas=many)
    result = verify(problem, tmp_path, digits=DIGITS, workers=1, tell=told.append)
    shown = [part for part in told if isinstance(part, job.Table)]
    assert max(len(table.rows) for table in shown) == 6
    (times,) = (table for table in shown if table.title == "Time near the origin")
    assert times.notes == ["… 10 more in time_near_origin.csv"]
    assert (tmp_path / "time_near_origin.csv").read_text("utf-8").count("\n") == 1 + 16
    # Those nearest to their bounds are shown.
    ratios = [float(row[5].text) for row in times.rows]
    rest = [float(row["ratio"]) for row in result.results["time_near_origin"] if row["ratio"]]
    assert ratios == sorted(ratios) and ratios[-1] == pytest.approx(sorted(rest)[5], abs=1e-4)
    assert told[-1] == result.summary()
    assert all(len(line) <= 80 for line in told[-1].splitlines()[:2]), told[-1]


def test_the_summary_is_five_lines_and_the_repr_is_one(planar_run):
    result = planar_run[0]
    labels = [line.split(":")[0] for line in result.summary().splitlines()]
    assert labels == ["Proved", "Measured", "Open", "Written", "Check"]
    assert "6 of 6 bounds hold" in result.summary() and "slopes agree to 5%" in result.summary()
    assert repr(result).startswith("<Verification: done, ") and len(repr(result)) < 200
    assert str(result) == f"{result.text}\n\n{result.summary()}"
    assert result.results["stopped"] is None and result.results["missing"] == []


def test_slopes_that_differ_from_the_law_are_shown_first():
    table = fits_part(Law("fixed_radius", Fraction(1), [], FITS, 1e-9, 15), "fits.csv")
    assert [row[0].text for row in table.rows] == ["8", "7", "6", "5", "4", "3"]
    assert table.notes == ["… 3 more in fits.csv"]
    assert head(table, "fits.csv").notes == []


FITS = [Fit(j, 1 + j / 200, 1.0, ("1e-9", "1e-3"), 5, 1e-5) for j in range(8)] + [
    Fit(8, None, 1.0, None, 0, None, "it does not move")
]


@pytest.mark.parametrize(
    "place", ["certflow.experiments.measurement.reference_flow", "certflow.experiments.lookahead.limit_flow"]
)
def test_the_time_limit_ends_all_flows_and_the_rest_is_kept(place, monkeypatch, tmp_path):
    now = [0.0]
    monkeypatch.setattr("certflow.running.time", SimpleNamespace(monotonic=lambda: now[0]))

    def late(*_, **__):
        now[0] = 2.0
        tick()

    monkeypatch.setattr(place, late)
    with deadline(1):
        result = verify(planar(), tmp_path, digits=DIGITS, workers=1)
    assert result.exit_code == 3
    assert "time limit" in result.results["stopped"]
    rows = result.results["time_near_origin"]
    assert rows
    assert all(
        row["time"] is None and "time limit" in row["reason"] and row["bound_nmax"] is not None
        for row in rows
    )
    assert (
        json.loads((tmp_path / "results.json").read_text(encoding="utf-8"))["stopped"]
        == result.results["stopped"]
    )
    assert not list(tmp_path.glob("*.png"))
    assert record_says_what_is_missing(tmp_path) == ["flows", "figures"]
    assert "missing: flows, figures" in result.text and "time limit" in str(result)


def test_flows_that_were_finished_in_time_are_kept(monkeypatch):
    def measured(problem, job, share):
        return Measurement(job.delta, at_time=[["1"]]) if job.delta == "1e-3" else endless()

    monkeypatch.setattr("certflow.experiments.workers.measure", measured)
    with deadline(0.05), Measuring(planar(), small_jobs(), workers=1) as measuring:
        unfinished, finished = measuring.collect()
    assert "time limit" in unfinished.failure
    assert (finished.at_time, finished.failure) == ([["1"]], None)


def test_processes_are_handed_the_deadline():
    jobs = [replace(each, time=Fraction(10**4), stop_until=None, digits=500) for each in small_jobs()]
    with deadline(0.5), Measuring(planar(), jobs, workers=2) as measuring:
        found = measuring.collect()
        assert all("time limit" in each.failure for each in found)
        for process in measuring._processes:
            assert process.wait(60) == 0


# -- processes -----------------------------------------------------------------------------------------------


def small_jobs(count: int = 2) -> list[Job]:
    one = Fraction(1)
    return [
        Job(
            f"1e-{k + 2}",
            one,
            Fraction(1, 10),
            Fraction(4),
            Fraction(1, 10),
            Fraction(9),
            False,
            10,
            False,
            k,
        )
        for k in range(count)
    ]


def test_other_processes_measure_the_same_in_the_order_of_the_jobs():
    jobs = small_jobs(3)
    with Measuring(planar("logistic"), jobs, workers=2) as measuring:
        found = measuring.collect()
        assert len(measuring._processes) == 2
    assert found == [measure(planar("logistic"), each) for each in jobs]
    assert [each.delta for each in found] == ["1e-2", "1e-3", "1e-4"]


def test_a_loss_that_no_file_can_hold_stays_in_this_process():
    custom = Loss("custom", "mean", lambda ar, outputs, y: y - outputs, Fraction(1), lambda label: label)
    problem = planar()
    problem = Problem(problem.network, problem.X, problem.y, custom, problem.direction)
    with Measuring(problem, small_jobs(), workers=2) as measuring:
        assert measuring._processes == []
        assert [each.failure for each in measuring.collect()] == [None, None]


def test_a_process_that_dies_is_an_error_with_its_code(monkeypatch):
    def dying() -> subprocess.Popen[str]:
        command = [sys.executable, "-c", "import sys; sys.stdin.readline(); sys.exit(7)"]
        return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    monkeypatch.setattr(workers, "_start", dying)
    with (
        Measuring(planar(), small_jobs(), workers=2) as measuring,
        pytest.raises(CertflowError, match="code 7"),
    ):
        measuring.collect()


def test_leaving_early_ends_the_processes_and_their_threads():
    before = threading.active_count()
    with pytest.raises(KeyboardInterrupt), Measuring(planar(), small_jobs(4), workers=2) as measuring:
        raise KeyboardInterrupt
    assert [process.returncode is None for process in measuring._processes] == [False, False]
    assert threading.active_count() == before


def test_a_process_whose_parent_is_gone_ends_by_itself():
    process = workers._start()
    assert process.stdin is not None
    assert process.stdout is not None
    workers._send(
        process.stdin, {"problem": Problem.builtin("l3-k220-s0").to_toml(), "name": "", "seconds": None}
    )
    workers._send(process.stdin, {**small_jobs()[0].to_json(), "digits": 200})
    time.sleep(0.1)
    process.stdin.close()
    assert process.wait(30) == 0
    process.stdout.close()


@pytest.mark.parametrize("x", ["1e155", "1e-400"])
def test_what_tables_cannot_hold_is_one_sentence(x):
    problem = Problem(
        OneLayer(2, 1, Activation(Fraction(0), 2)), [[x, "0"], ["0", "1"]], ["1", "2"], direction=["1", "1/5"]
    )
    if x == "1e-400":
        problem = Problem(problem.network, [[x, "0"], ["0", x]], problem.y, direction=["1", "1/5"])
    with pytest.raises(Inconclusive, match="beyond double precision"):
        verify(problem)
