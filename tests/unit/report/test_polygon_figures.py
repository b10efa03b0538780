"""Figures of limit flows through kinks: what is drawn lies where the exact polygon says."""

from __future__ import annotations

from fractions import Fraction as F
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from certflow.kkt.enumerate import kkt_set
from certflow.networks.activation import Activation
from certflow.networks.feed_forward import FeedForward
from certflow.networks.one_hidden_layer import OneLayer, TwoLayer
from certflow.outcome import Inconclusive
from certflow.problem import Problem
from certflow.report.polygon_figures import polygons_figure, save_limit_flows
from certflow.report.polygon_panels import MOST_NEURONS, Landmark, PolygonPanel, polygon_panel

RELU, LEAKY = Activation(F(0), 1), Activation(F(1, 5), 1)
PLANE = [["-3/4", "1"], ["-1/2", "1"], ["1/8", "1"]]
SPACE = [["1", "1/5", "1/10"], ["3/10", "1", "1/5"], ["-1", "2", "1"], ["1", "-1", "3/2"], ["1/2", "1", "-2"]]
NEAR = 1e-9


def planar(neurons: list[list[str]], y: tuple[str, ...] = ("11/10", "1/10", "4/5")) -> Problem:
    """Neurons (w1, w2, v) on three points with a bias."""
    direction = [value for *w, _ in neurons for value in w] + [v for *_, v in neurons]
    return Problem(TwoLayer(2, len(neurons), RELU), PLANE, list(y), direction=direction)


def spatial(seed: int, activation: Activation = LEAKY, width: int = 8) -> Problem:
    return Problem(TwoLayer(3, width, activation), SPACE, ["1", "-1", "1/2", "2", "-3/2"], seed=seed)


def drawn(panel: PolygonPanel) -> set[Landmark]:
    return {happening.what for happening in panel.happenings}


def of_neuron(panel: PolygonPanel, j: int) -> list[Landmark]:
    return [happening.what for happening in panel.happenings if happening.neuron == j]


# -- what happens --------------------------------------------------------------------------------------------


def test_neurons_on_three_points_cross_stop_and_are_dead() -> None:
    panel = polygon_panel(planar([["3", "4", "5"], ["-5", "-12", "-13"], ["4", "-3", "5"], ["5", "5", "-7"]]))
    assert of_neuron(panel, 0) == [Landmark.START, Landmark.LIMIT]
    assert of_neuron(panel, 1) == [Landmark.DEAD]
    assert Landmark.STOPS in of_neuron(panel, 3) and Landmark.CROSSED in of_neuron(panel, 3)
    assert panel.signs == [1, -1] and panel.inputs == 2
    (limit,) = [each for each in panel.happenings if each.what is Landmark.LIMIT]
    np.testing.assert_allclose(limit.at / np.linalg.norm(limit.at), [-0.36132, 0.93244], atol=1e-4)
    (stop,) = [each for each in panel.happenings if each.what is Landmark.STOPS]
    assert min(abs(kink.normal @ stop.at) for kink in panel.kinks) < NEAR


def test_a_flip_is_marked_in_both_pictures_where_v_vanishes() -> None:
    # c = 1/4 - |w|^2, and G falls for a negative v.
    panel = polygon_panel(planar([["0", "1", "-1/2"]]))
    flips = [each for each in panel.happenings if each.what is Landmark.FLIP]
    assert sorted(each.sign for each in flips) == [-1, 1]
    for each in flips:
        assert each.at @ each.at == pytest.approx(3 / 4)
    down, *up = panel.stretches
    assert [each.sign for each in (down, *up)] == [-1] + [1] * len(up)
    # It comes back on its own line.
    np.testing.assert_allclose(up[0].start, down.end)
    np.testing.assert_allclose(
        np.cross([*(up[0].end - (0 if up[0].endless else up[0].start)), 0], [*(down.end - down.start), 0]),
        0,
        atol=NEAR,
    )


def test_no_weights_are_an_empty_picture() -> None:
    panel = polygon_panel(planar([["0", "0", "0"], ["1", "1", "1"]]))
    assert {happening.neuron for happening in panel.happenings} == {1}
    alone = PolygonPanel(2, panel.kinks, [], [], [], {}, 1)
    assert len(polygons_figure(alone).axes) == 1


@given(st.integers(0, 40), st.sampled_from([RELU, LEAKY]), st.booleans())
def test_what_is_drawn_lies_where_it_should(seed: int, activation: Activation, space: bool) -> None:
    problem = spatial(seed, activation) if space else planar_seeded(seed, activation)
    panel = polygon_panel(problem)
    for j in range(8):
        stretches = [each for each in panel.stretches if each.neuron == j and not each.branch]
        for before, after in zip(stretches, stretches[1:], strict=False):
            np.testing.assert_allclose(before.end, after.start, rtol=1e-6, atol=1e-6)
        for stretch in stretches:
            if stretch.slides:
                on = [
                    k for k in panel.kinks if is_on(k.normal, stretch.start) and is_on(k.normal, stretch.end)
                ]
                assert on
        events = of_neuron(panel, j)
        assert events.count(Landmark.START) + events.count(Landmark.DEAD) == 1
        if stretches and stretches[-1].endless:
            assert events[-1] is Landmark.LIMIT
    for happening in panel.happenings:
        if happening.what is Landmark.CROSSED:
            assert any(is_on(kink.normal, happening.at) for kink in panel.kinks)
    for cone in panel.cones:
        for kink in panel.kinks:
            if kink.convex == (cone.sign > 0):
                distance = abs(kink.normal @ cone.axis) / np.linalg.norm(kink.normal)
                assert distance >= np.sin(cone.width) - NEAR


def planar_seeded(seed: int, activation: Activation) -> Problem:
    return Problem(TwoLayer(2, 8, activation), PLANE, ["1", "-1/2", "-4/5"], seed=seed)


def is_on(normal: np.ndarray, at: np.ndarray) -> bool:
    return abs(normal @ at) <= 1e-6 * np.linalg.norm(normal) * max(1.0, float(np.linalg.norm(at)))


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_limits_are_kkt_points(seed: int) -> None:
    problem = spatial(seed)
    panel = polygon_panel(problem)
    points = [[value.midpoint_float() for value in each.point] for each in kkt_set(problem, 15).points]
    directions = np.array([point[:3] / np.linalg.norm(point[:3]) for point in points if np.any(point[:3])])
    assert panel.cones
    for cone in panel.cones:
        assert np.abs(directions - cone.axis).max(axis=1).min() < 1e-6


# -- the picture ---------------------------------------------------------------------------------------------


def test_a_disc_for_each_sign_in_the_plane_and_two_in_space() -> None:
    both = polygons_figure(polygon_panel(planar([["3", "4", "5"], ["5", "5", "-7"]])))
    one = polygons_figure(polygon_panel(planar([["3", "4", "5"], ["1", "1", "1"]])))
    assert (len(both.axes), len(one.axes)) == (2, 1)
    panel = polygon_panel(spatial(1))
    assert len(polygons_figure(panel).axes) == 2 * len(panel.signs)


def test_the_legend_names_what_is_drawn_and_nothing_else() -> None:
    panel = polygon_panel(spatial(2))
    (legend,) = polygons_figure(panel).legends
    labels = [text.get_text() for text in legend.get_texts()]
    events = {str(event) for event in Landmark}
    assert {label for label in labels if label in events} == {str(event) for event in drawn(panel)}
    assert ("slides on a kink" in labels) == any(
        stretch.slides and not stretch.branch for stretch in panel.stretches
    )
    assert len(labels) == len(set(labels))


def test_of_many_neurons_the_first_are_drawn_and_it_is_said() -> None:
    panel = polygon_panel(spatial(1, width=MOST_NEURONS + 50))
    assert {each.neuron for each in panel.happenings} == set(range(MOST_NEURONS))
    (legend,) = polygons_figure(panel).legends
    assert legend.get_title().get_text() == "the first 200 of 250 neurons"


def test_all_that_is_drawn_is_inside_its_disc() -> None:
    for problem in (planar([["3", "4", "5"], ["5", "5", "-7"], ["0", "1", "-1/2"]]), spatial(3)):
        for axes in polygons_figure(polygon_panel(problem)).axes:
            for line in axes.lines:
                points = np.asarray(line.get_xydata())
                assert np.nanmax((points**2).sum(axis=1), initial=0) <= 1 + NEAR


def test_equal_problems_give_equal_bytes(tmp_path: Path) -> None:
    written = []
    for _ in range(2):
        names = save_limit_flows(planar([["3", "4", "5"], ["5", "5", "-7"]]), tmp_path)
        written.append([(tmp_path / name).read_bytes() for name in names])
    assert names == ["limit_flows.png", "limit_flows.svg"]
    assert written[0] == written[1]


@pytest.mark.parametrize(
    ("problem", "why"),
    [
        (Problem(OneLayer(2, 1, Activation(F(0), 2)), PLANE, ["1", "1", "1"], seed=1), "power 1"),
        (Problem(TwoLayer(2, 1, Activation(F(0), 2)), PLANE, ["1", "1", "1"], seed=1), "power 1"),
        (Problem(TwoLayer(4, 1, RELU), [["1", "0", "0", "1"]], ["1"], seed=1), "here w has 4"),
        (Problem(FeedForward([2, 2, 2, 1], RELU), PLANE, ["1", "1", "1"], seed=1), "power 1 and order 2"),
    ],
)
def test_other_problems_have_no_such_figure(problem: Problem, why: str, tmp_path: Path) -> None:
    with pytest.raises(Inconclusive, match=why):
        save_limit_flows(problem, tmp_path)
    assert not list(tmp_path.iterdir())
