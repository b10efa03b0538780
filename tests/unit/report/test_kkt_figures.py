"""Figures of KKT points: an equal-area map and back, cones on the sphere, what is drawn where, equal bytes
for equal data.
"""

from __future__ import annotations

from fractions import Fraction as F

import numpy as np
import pytest

from certflow.arithmetic.ball import Ball
from certflow.arithmetic.base import FLOAT
from certflow.kkt.neuron.circle import kkt_of_problem
from certflow.kkt.points import Continuum, KKTPoint, KKTSet
from certflow.networks.activation import Activation
from certflow.networks.one_hidden_layer import OneLayer, TwoLayer
from certflow.outcome import Inconclusive
from certflow.problem import Problem
from certflow.report.kkt_figures import circle_figure, kkt_figure, round_levels, sphere_figure
from certflow.report.kkt_panels import (
    circle_panel,
    cone_arcs,
    disc_points,
    great_circle,
    in_cone,
    on_discs,
    sphere_panel,
)

BITS = 120
SQUARED = Activation(F(0), 2)
RNG = np.random.default_rng(7)


def planar(signs: list[int] | None = None) -> Problem:
    rows = [["1", "0"], ["3/5", "4/5"], ["-1", "1/2"]]
    return Problem(OneLayer(2, 2, SQUARED, signs), rows, ["5", "9/5", "1"], direction=["1", "1/2", "-1", "1"])


def spatial() -> Problem:
    return Problem(
        OneLayer(3, 1, SQUARED),
        [["1", "0", "2"], ["0", "1", "-1"], ["1/3", "-2", "0"]],
        ["1", "2", "-1"],
        seed=1,
    )


def unit_vectors(count: int) -> np.ndarray:
    points = RNG.standard_normal((count, 3))
    return points / np.linalg.norm(points, axis=1)[:, None]


def cone(dimension: int, rays: list[tuple[int, ...]], lines: list[tuple[int, ...]] = ()) -> Continuum:
    return Continuum(dimension, *(tuple(tuple(F(v) for v in ray) for ray in each) for each in (rays, lines)))


# -- the map -------------------------------------------------------------------------------------------------


def test_the_map_and_its_inverse() -> None:
    for k, points in enumerate(disc_points(31)):
        inside = np.isfinite(points[..., 0])
        np.testing.assert_allclose(np.linalg.norm(points[inside], axis=1), 1)
        axis = np.linspace(-1, 1, 31)
        x, y = np.meshgrid(axis, axis)
        placed = on_discs(points[inside])[k]
        np.testing.assert_allclose(placed, np.stack([x[inside], y[inside]], axis=1), atol=1e-12)


def test_the_map_keeps_areas() -> None:
    # The cap of angle 60° about the third axis is a quarter of the sphere, so half of its disc.
    front, _ = disc_points(1001)
    cap = np.nan_to_num(front[..., 2], nan=-1.0) > 0.5
    assert cap.mean() * 4 / np.pi == pytest.approx(0.5, abs=2e-3)


def test_a_direction_is_on_the_disc_of_its_half() -> None:
    points = unit_vectors(200)
    front, back = on_discs(points)
    np.testing.assert_array_equal(np.isfinite(front[:, 0]), points[:, 2] > 0)
    np.testing.assert_array_equal(np.isfinite(back[:, 0]), points[:, 2] < 0)
    # The discs touch in the first axis.
    left, right = on_discs(np.array([[1.0, 0.0, 0.0]]))
    np.testing.assert_allclose([left[0], right[0]], [[1, 0], [-1, 0]])


def test_great_circles_are_orthogonal_to_their_normals() -> None:
    for normal in (np.array([1.0, -2.0, 0.5]), np.array([0.0, 0.0, 3.0])):
        circle = great_circle(normal)
        np.testing.assert_allclose(circle @ normal, 0, atol=1e-12)
        np.testing.assert_allclose(np.linalg.norm(circle, axis=1), 1)


def test_cones_know_their_points() -> None:
    points = unit_vectors(500)
    octant = in_cone(cone(2, [(1, 0, 0), (0, 1, 0), (0, 0, 1)]), points)
    np.testing.assert_array_equal(octant, (points > 0).all(axis=1))
    half = in_cone(cone(2, [(0, 0, 1)], [(1, 0, 0), (0, 1, 0)]), points)
    np.testing.assert_array_equal(half, points[:, 2] > 0)
    wedge = in_cone(cone(2, [(1, 0, 0), (0, 1, 0)], [(0, 0, 1)]), points)
    np.testing.assert_array_equal(wedge, (points[:, :2] > 0).all(axis=1))
    assert in_cone(cone(2, [], [(1, 0, 0), (0, 1, 0), (0, 0, 1)]), points).all()
    # Generators inside the cone change nothing.
    np.testing.assert_array_equal(
        in_cone(cone(2, [(1, 0, 0), (0, 1, 0), (0, 0, 1), (1, 1, 1)]), points), octant
    )


def test_arcs_of_cones() -> None:
    (quarter,) = cone_arcs(cone(1, [(2, 0, 0), (0, 1, 0)]))
    np.testing.assert_allclose([quarter[0], quarter[-1]], [[1, 0, 0], [0, 1, 0]], atol=1e-12)
    halves = np.concatenate(cone_arcs(cone(1, [(0, 1, 0)], [(1, 0, 0)])))
    np.testing.assert_allclose([halves[0], halves[-1]], [[1, 0, 0], [-1, 0, 0]], atol=1e-12)
    assert (halves[:, 1] >= -1e-12).all()
    (whole,) = cone_arcs(cone(1, [], [(1, 0, 0), (0, 1, 0)]))
    np.testing.assert_allclose(whole[:, 2], 0, atol=1e-12)


@pytest.mark.parametrize(("low", "high"), [(-1.4, 0.17), (0.0, 0.0), (3.0, 3.0), (-2e-7, 5e-9), (1.0, 1e6)])
def test_levels_are_round_and_cover_the_values(low: float, high: float) -> None:
    levels = round_levels(low, high)
    assert levels[0] <= low
    assert levels[-1] >= high
    assert 2 <= len(levels) <= 19
    assert (np.diff(levels) > 0).all()


# -- the functions -------------------------------------------------------------------------------------------


def test_the_drawn_function_is_the_ncf() -> None:
    problem, points = spatial(), unit_vectors(20)
    X, z = np.array(problem.X, dtype=float), np.array(problem.z, dtype=float)
    expected = np.maximum(points @ X.T, 0) ** 2 @ z
    neuron, everything = KKTSet([], 30), KKTSet([], 30, of="all weights")
    np.testing.assert_allclose(neuron.function(problem.correlation).value(FLOAT, points), expected)
    np.testing.assert_allclose(everything.function(problem.correlation).value(FLOAT, points), expected)
    lifted = Problem(TwoLayer(2, 1, SQUARED), [["1", "2"], ["-1", "0"]], ["1", "-3"], seed=1)
    values = [kkt.function(lifted.correlation).value(FLOAT, points) for kkt in (neuron, everything)]
    np.testing.assert_allclose(*values)


# -- the circle ----------------------------------------------------------------------------------------------


def test_the_circle_has_marks_on_the_curve_arcs_and_bands() -> None:
    problem = planar([1, -1])
    kkt = kkt_of_problem(problem)
    assert kkt is not None
    panel = circle_panel(problem, kkt)
    for _, angle, value in panel.marks:
        assert np.interp(angle, panel.degrees, panel.values) == pytest.approx(value, abs=1e-4)
    assert panel.arcs == [(pytest.approx(-116.565051), -90)]
    assert [sign for sign, _ in panel.rows] == [1, -1]
    for _, bands in panel.rows:
        assert sum(band.end - band.start for band in bands) == pytest.approx(360)
        assert sorted(band.start for band in bands)[0] == -180
    labels = {band.label for _, bands in panel.rows for band in bands}
    assert {"59.9 %", "60.3 %", "39.7 %"} <= labels
    figure = circle_figure(panel)
    top, *rows = figure.axes
    drawn = {line.get_label(): line for line in top.lines if not line.get_label().startswith("_")}
    assert set(drawn) == {"maximum", "minimum", "arc"}
    np.testing.assert_allclose(sorted(drawn["maximum"].get_xdata()), [10.5119232, 153.4349488])
    assert [len(axes.patches) for axes in rows] == [len(bands) for _, bands in panel.rows]


def test_the_whole_circle_and_an_arc_across_180_degrees() -> None:
    zero = Problem(OneLayer(2, 1, SQUARED), [["1", "0"]], ["0"], seed=1)
    kkt = kkt_of_problem(zero)
    assert kkt is not None
    assert circle_panel(zero, kkt).arcs == [(-180, 180)]
    axes = tuple((F(int(i == 0)), F(int(i == 1))) for i in range(2))
    point = (Ball(1, BITS), Ball(0, BITS))
    whole = KKTSet(
        [
            KKTPoint(
                "degenerate", point, Ball(0, BITS), continuum=Continuum(1, lines=axes), reason="N is zero"
            )
        ],
        30,
    )
    panel = circle_panel(zero, whole)
    assert panel.arcs == [(-180, 180)]
    assert [band.label for band in panel.rows[0][1]] == ["100.0 %"]
    right = Problem(OneLayer(2, 1, SQUARED), [["1", "0"]], ["1"], seed=1)
    half = kkt_of_problem(right)
    assert half is not None
    assert circle_panel(right, half).arcs == [(90, 180), (-180, -90)]


# -- the sphere ----------------------------------------------------------------------------------------------


def test_the_sphere_has_points_sets_and_kinks() -> None:
    problem = spatial()
    at = tuple(Ball(v, BITS) for v in (0, 0, 1))
    kkt = KKTSet(
        [
            KKTPoint("maximum", at, Ball(1, BITS)),
            KKTPoint(
                "degenerate",
                at,
                Ball(0, BITS),
                continuum=cone(2, [(1, 0, 0), (0, 1, 0), (0, 0, 1)]),
                reason="dead cell",
            ),
            KKTPoint(
                "degenerate",
                at,
                Ball(0, BITS),
                continuum=cone(1, [(1, 0, 0), (0, -1, 0)]),
                reason="eigenspace",
            ),
            KKTPoint(
                "degenerate", at, Ball(0, BITS), continuum=Continuum(None, equation="v = 0"), reason="N = 0"
            ),
        ],
        30,
    )
    panel = sphere_panel(problem, kkt)
    assert [mark.kind for mark in panel.marks] == ["maximum", "degenerate"]
    assert len(panel.lines) == 3
    assert len(panel.arcs) == 1
    # An octant is a quarter of its half.
    disc = np.isfinite(panel.values[0])
    assert panel.regions[0][disc].mean() == pytest.approx(0.25, abs=0.01)
    assert panel.regions[1][disc].mean() < 1e-3
    figure = sphere_figure(panel)
    (legend,) = figure.legends
    names = {text.get_text() for text in legend.get_texts()}
    assert names == {"maximum", "degenerate", "arc of KKT points", "region of KKT points", "kink", "N = 0"}


@pytest.mark.parametrize(("ending", "start"), [("png", b"\x89PNG"), ("svg", b"<?xml"), ("pdf", b"%PDF")])
def test_equal_sets_give_equal_files_without_dates(ending: str, start: bytes) -> None:
    problem = planar()
    kkt = kkt_of_problem(problem)
    assert kkt is not None
    first, second = (kkt_figure(problem, kkt, ending) for _ in range(2))
    assert first == second
    assert first.startswith(start)
    assert b"CreationDate" not in first
    assert b"dc:date" not in first


def test_other_dimensions_have_no_figure() -> None:
    line = Problem(OneLayer(1, 1, SQUARED), [["1"]], ["1"], seed=1)
    with pytest.raises(Inconclusive, match="here they have 1"):
        kkt_figure(line, KKTSet([], 30), "png")


def test_a_set_without_points_is_drawn_as_well() -> None:
    assert kkt_figure(planar(), KKTSet([], 30, "partial", "nothing was found"), "png").startswith(b"\x89PNG")
    assert kkt_figure(spatial(), KKTSet([], 30, "partial", "nothing was found"), "png").startswith(b"\x89PNG")
