"""Figures: what is drawn where, equal bytes for equal data, and no trace in matplotlib's global state."""

from __future__ import annotations

import re
import xml.etree.ElementTree as xml
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from certflow.arithmetic.base import EXACT
from certflow.experiments.figure1 import angle_marks, planar_descent, settled, with_reduction
from certflow.experiments.figure3 import constrained_ncf, save_figure3
from certflow.flow.reference.gradient_descent import gradient_descent
from certflow.networks.activation import Activation
from certflow.networks.one_hidden_layer import OneLayer
from certflow.outcome import BadInput
from certflow.problem import Problem
from certflow.report import figures
from certflow.report.panels import (
    AngleMarks,
    DescentPanel,
    LawSeries,
    TimePanel,
    TradePanel,
    nearest,
    wrapped_line,
)

LOG10_DELTA = np.array([-2.0, -3, -5, -8, -16, -50, -100, -1000])


def panel(until: int | None = None) -> DescentPanel:
    steps = np.arange(0, 1001, 10)
    angles = np.stack(
        [(170 + steps / 50 + 180) % 360 - 180, 90 * np.exp(-steps / 200.0), -steps / 10.0], axis=1
    )
    return DescentPanel(
        "mean loss", steps, np.exp(-steps / 300.0), 1e-5 * np.exp(steps / 300.0), angles, until
    )


MARKS = AngleMarks(
    maxima=[14.5, 175.0], minima=[-95.0], others=[60.0], arcs=[(170.0, -170.0)], targets=[14.5, 175.0]
)


@given(st.lists(st.floats(-180, 180, exclude_min=True), min_size=1, max_size=12))
def test_a_wrapped_line_never_crosses_the_picture(degrees: list[float]) -> None:
    x = np.arange(len(degrees), dtype=float)
    xs, ys = wrapped_line(x, np.array(degrees))
    kept = [y for y in ys if np.isfinite(y)]
    assert _without_edges(ys) == degrees
    assert all(
        abs(a - b) <= 180 for a, b in zip(ys[:-1], ys[1:], strict=True) if np.isfinite(a) and np.isfinite(b)
    )
    assert all(-180 <= y <= 180 for y in kept)
    assert np.all(np.diff(xs) >= 0)
    for i in np.flatnonzero(np.isnan(ys)):
        assert {ys[i - 1], ys[i + 1]} == {-180.0, 180.0}


def _without_edges(ys: np.ndarray) -> list[float]:
    """The points of a wrapped line that are data: all but the three that each break adds."""
    breaks = set(np.flatnonzero(np.isnan(ys)))
    added = {i + shift for i in breaks for shift in (-1, 0, 1)}
    return [y for i, y in enumerate(ys) if i not in added]


def test_a_wrapped_line_reaches_the_edge_where_the_angle_does() -> None:
    xs, ys = wrapped_line(np.array([0.0, 1.0]), np.array([170.0, -160.0]))
    np.testing.assert_allclose(xs, [0, 1 / 3, 1 / 3, 1 / 3, 1])
    np.testing.assert_array_equal(ys, [170, 180, np.nan, -180, -160])


def test_nearest_is_measured_on_the_circle() -> None:
    index, distance = nearest(np.array([[179.0, 20.0], [-179.0, 100.0]]), [14.0, 178.0])
    np.testing.assert_array_equal(index, [[1, 0], [1, 1]])
    np.testing.assert_allclose(distance, [[1, 6], [3, 78]])


def test_figure1_has_a_line_per_neuron_and_marks_the_targets() -> None:
    figure = figures.descent_figure([panel(), panel(until=500)], MARKS)
    axes = figure.axes
    assert len(axes) == 6
    angles = axes[4]
    assert len(angles.lines) == 3 + 2
    assert sorted(line.get_ydata()[0] for line in angles.lines[3:]) == [14.5, 175.0]
    assert axes[4].get_xlim() == (0, 1000)
    assert axes[5].get_xlim() == (0, 500)


def test_figure3_puts_the_marks_on_the_curve() -> None:
    degrees = np.linspace(-180, 180, 361)
    curve = np.cos(np.radians(degrees)) + 2
    top, below = figures.ncf_figure(degrees, [curve], MARKS, [panel()]).axes
    marked = {line.get_label(): line for line in top.lines if line.get_marker() not in ("None", None, "")}
    assert set(marked) == {"maximum", "minimum", "other"}
    np.testing.assert_allclose(
        marked["maximum"].get_ydata(), np.cos(np.radians([14.5, 175.0])) + 2, atol=1e-4
    )
    assert [line.get_label() for line in top.lines].count("arc") == 1
    assert below.get_ylim() == (1000, 0)


def test_the_law_shows_the_window_the_prediction_and_the_floor() -> None:
    error = np.log10(10 ** (0.6 * LOG10_DELTA[:5]) + 1e-4)
    series = LawSeries(
        "neuron 1", LOG10_DELTA[:5], error, slope=0.599, predicted=0.6, window=(-5, -2), floor=-4
    )
    (axes,) = figures.angle_law_figure([series]).axes
    line, filled, floor, law = axes.lines
    np.testing.assert_array_equal(filled.get_xdata(), [-2, -3, -5])
    np.testing.assert_array_equal(line.get_xdata(), LOG10_DELTA[:5])
    assert set(floor.get_ydata()) == {-4}
    rise, run = np.ptp(law.get_ydata()), np.ptp(law.get_xdata())
    assert (rise / run, run) == (pytest.approx(0.6), 3)


def test_many_neurons_are_summarised_and_a_deep_window_gets_its_own_view() -> None:
    series = [
        LawSeries(f"neuron {j}", LOG10_DELTA, 2 * LOG10_DELTA + j, 2 + j / 1e3, 2.0, (-1000, -3))
        for j in range(9)
    ]
    figure = figures.angle_law_figure(series)
    near, whole = figure.axes
    assert min(near.lines[0].get_xdata()) == -16
    assert min(whole.lines[0].get_xdata()) == -1000
    (legend,) = figure.legends
    assert [text.get_text() for text in legend.get_texts()] == [
        "9 of 9 neurons fitted: slopes 2.000 to 2.008",
        "predicted: 2.000",
    ]


def test_errors_that_do_not_exist_are_not_drawn() -> None:
    series = LawSeries("dead", LOG10_DELTA[:4], np.array([-1, -np.inf, np.nan, -3]))
    (axes,) = figures.angle_law_figure([series]).axes
    np.testing.assert_array_equal(axes.lines[0].get_xdata(), [-2, -8])


def test_times_share_an_axis_from_1e2_to_1e1000_and_a_bound_of_zero_is_left_out() -> None:
    factor = TimePanel("until ‖w‖ = 2δ", LOG10_DELTA, np.full(8, 0.6), np.full(8, 0.4), np.full(8, 0.1))
    growing = -LOG10_DELTA - 2
    radius = TimePanel("until ‖w‖ = 1/100", LOG10_DELTA, growing + 0.1, growing, growing / 2)
    left, right = figures.time_near_origin_figure([factor, radius], order=2).axes
    assert left.get_ylim()[0] == 0
    assert right.get_yscale() == "log"
    assert np.isnan(right.lines[1].get_ydata()[0])
    assert [text.get_text() for text in left.get_xticklabels()][0] == "$10^{-2}$"
    assert [text.get_text() for text in left.get_xticklabels()][-1] == "$10^{-1000}$"
    assert left.get_xlim()[0] > left.get_xlim()[1]


def test_equal_data_give_equal_bytes_without_dates(tmp_path: Path) -> None:
    series = [LawSeries("neuron 1", LOG10_DELTA[:4], 2 * LOG10_DELTA[:4])]
    first, second = (figures.render(figures.angle_law_figure(series)) for _ in range(2))
    assert first == second
    assert first["png"].startswith(b"\x89PNG")
    assert xml.fromstring(first["svg"]).tag.endswith("svg")
    assert not re.search(rb"dc:date|\d{4}-\d\d-\d\dT", first["svg"])
    assert figures.save(figures.angle_law_figure(series), tmp_path, "law") == ["law.png", "law.svg"]
    assert (tmp_path / "law.svg").read_bytes() == first["svg"]


def test_global_settings_are_neither_used_nor_changed() -> None:
    import matplotlib
    from matplotlib import pyplot

    series = [LawSeries("neuron 1", LOG10_DELTA[:4], 2 * LOG10_DELTA[:4])]
    plain = figures.render(figures.angle_law_figure(series))
    with matplotlib.rc_context(
        {"font.size": 30, "lines.linewidth": 9, "xtick.direction": "in", "axes.grid": True}
    ):
        before = dict(matplotlib.rcParams)
        assert figures.render(figures.angle_law_figure(series)) == plain
        assert dict(matplotlib.rcParams) == before
    assert pyplot.get_fignums() == []


def test_the_experiment_refuses_what_is_not_planar() -> None:
    problem = Problem.builtin("l3-k20-s0")
    with pytest.raises(BadInput, match="angles in the plane"):
        planar_descent(problem)
    with pytest.raises(BadInput, match="angles in the plane"):
        save_figure3(problem, "nowhere")


def test_the_drawn_ncf_is_the_exact_one() -> None:
    network = OneLayer(2, 2, Activation(Fraction(1, 2), 2), signs=[1, -1])
    problem = Problem(network, [["1", "2"], ["-1", "1/3"]], ["1", "-2"], direction=[1, 0, 0, 1])
    degrees = np.degrees(np.arctan2([4.0, 3.0, -4.0], [3.0, -4.0, 3.0]))
    plus, minus = constrained_ncf(problem, degrees)
    for i, (a, b) in enumerate([(3, 4), (-4, 3), (3, -4)]):
        w = np.array([Fraction(a, 5), Fraction(b, 5), Fraction(0), Fraction(0)], dtype=object)
        exact = problem.z @ problem.network.outputs(EXACT, w, problem.X)
        assert plus[i] == pytest.approx(float(exact), rel=1e-12)
        assert minus[i] == pytest.approx(-float(exact), rel=1e-12)


def planar_problem() -> Problem:
    network = OneLayer(2, 3, Activation(Fraction(0), 2))
    return Problem(
        network, [["1", "0"], ["-1", "0"], ["0", "1"]], ["5", "4", "1"], direction=[2, 1, -2, 1, 1, 2]
    )


def test_a_run_is_cut_where_nothing_moves_any_more() -> None:
    run = gradient_descent(with_reduction(planar_problem(), "sum"), Fraction(1, 100), 0.01, 4000, 10)
    until = settled(run)
    assert until is not None
    after = run.angles()[run.iterations >= until]
    assert np.abs(after - after[-1]).max() < 1
    assert settled(gradient_descent(planar_problem(), Fraction(1, 100), 1e-4, 50, 10)) is None


def test_the_facts_of_figure1_are_those_of_the_runs(tmp_path: Path) -> None:
    descent = planar_descent(planar_problem(), iterations=100)
    np.testing.assert_allclose(sorted(descent.marks.maxima), [0, 180], atol=1e-9)
    facts = {row[0].text: [cell.text for cell in row[1:]] for row in descent.facts().rows}
    for column, run in enumerate(descent.runs.values()):
        assert float(facts["‖w‖ at the end"][column]) == pytest.approx(run.norm[-1], rel=0.01)
        assert facts["iteration of alignment"][column] == "100"
        expected = np.median(nearest(run.angles()[-1], [0, 180])[1])
        assert float(facts["median angle at alignment [°]"][column]) == pytest.approx(expected, abs=0.006)
    assert descent.runs["sum"].loss[0] == pytest.approx(3 * descent.runs["mean"].loss[0])
    names = descent.save(tmp_path) + save_figure3(planar_problem(), tmp_path, descent)
    assert sorted(names) == sorted(path.name for path in tmp_path.iterdir())
    assert {"figure1.png", "figure1.svg", "figure3.png", "figure3.svg", "figure1_facts.csv"} <= set(names)


def test_neurons_with_negative_sign_run_to_the_minima() -> None:
    network = OneLayer(2, 2, Activation(Fraction(0), 2), signs=[1, -1])
    problem = Problem(network, [["1", "0"], ["0", "1"], ["1", "1"]], ["5", "-4", "1"], direction=[1, 1, 1, 1])
    marks = angle_marks(problem)
    assert list(marks.targets) == [*marks.maxima, *marks.minima]
    assert marks.arcs


def test_the_trade_off_has_a_panel_for_each_thing_that_is_varied():
    asked = np.array([False, False, True])
    y = np.array([-3.0, -4.0, -8.0])
    blocks = TradePanel("blocks proved", np.array([1.0, 2.0, 3.0]), y, asked, True)
    wide = TradePanel("ε", np.array([-1.0, -2.0, -3.0]), y, asked, False)
    narrow = TradePanel("R", np.array([-0.6, -0.5, -0.4]), y, asked, False)
    first, second, third = figures.trade_off_figure([blocks, wide, narrow], -5.0).axes
    assert [axes.get_xlabel() for axes in (first, second, third)] == ["blocks proved", "ε", "R"]
    assert (
        first.lines[0].get_xdata().tolist() == [1, 2, 3] and first.lines[0].get_ydata().tolist() == y.tolist()
    )
    assert first.lines[1].get_xdata().tolist() == [3] and first.lines[2].get_ydata()[0] == -5
    assert len(second.lines) == 2 and second.lines[0].get_xdata().tolist() == [-1, -2, -3]
    assert np.allclose(third.lines[0].get_xdata(), 10.0**narrow.x)
    assert first.get_ylim() == (-9, -2)
