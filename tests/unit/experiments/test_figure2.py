"""Figure 2: the gradient field of u1·|u2|, its kink and KKT points, and paths that follow it."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from certflow.experiments.figure2 import STARTS, PlanarField, planar_field
from certflow.outcome import Fate, Kind
from certflow.report.field_figures import field_figure

SLOPE = np.sqrt(0.5)


@pytest.fixture(scope="module")
def field() -> PlanarField:
    return planar_field()


def test_the_field_is_the_gradient(field: PlanarField) -> None:
    u1, u2 = field.panel.at.T
    assert u2.all()
    np.testing.assert_allclose(field.panel.field, np.stack([abs(u2), u1 * np.sign(u2)], axis=1), atol=1e-15)


def test_the_kkt_points_on_the_circle(field: PlanarField) -> None:
    found = {kind: [] for kind in Kind}
    for kind, at in field.panel.marks:
        found[kind].append(tuple(at))
    expected = {
        Kind.MAXIMUM: [(SLOPE, SLOPE), (SLOPE, -SLOPE), (-1, 0)],
        Kind.MINIMUM: [(-SLOPE, SLOPE), (-SLOPE, -SLOPE), (1, 0)],
    }
    for kind, points in found.items():
        np.testing.assert_allclose(sorted(points), sorted(expected.get(kind, [])), atol=1e-12)


def test_the_kink_is_convex_where_it_pushes_away(field: PlanarField) -> None:
    assert {(float(np.sign(end[0])), convex) for _, end, convex in field.panel.kinks} == {
        (1, True),
        (-1, False),
    }


def test_every_path_starts_where_it_should_and_follows_the_field(field: PlanarField) -> None:
    for (name, curves), (u1, u2) in zip(field.panel.paths, STARTS.values(), strict=True):
        np.testing.assert_allclose(curves[0][0], [float(Fraction(u1)), float(Fraction(u2))], atol=1e-12)
        for curve in curves:
            middle, step = (curve[1:] + curve[:-1]) / 2, np.diff(curve, axis=0)
            along = np.stack([abs(middle[:, 1]), middle[:, 0] * np.sign(middle[:, 1])], axis=1)
            turn = np.cross(np.pad(step, ((0, 0), (0, 1))), np.pad(along, ((0, 0), (0, 1))))[:, 2]
            size = np.linalg.norm(step, axis=1) * np.linalg.norm(along, axis=1)
            assert (np.abs(turn) <= 0.02 * size + 1e-12).all(), name
            assert ((step * along).sum(axis=1) >= 0).all(), name


def test_what_the_paths_are_called_is_what_happens(field: PlanarField) -> None:
    assert [neuron.fate for neuron in field.neurons] == [
        Fate.CONVERGES, Fate.VANISHES, Fate.SHRINKS, Fate.BRANCHES,
    ]  # fmt: skip
    flip, rest, shrink, branch = (curves for _, curves in field.panel.paths)
    assert flip[0][0][0] < 0 < flip[1][-1][0]
    np.testing.assert_allclose(rest[-1][-1], [-0.6, 0], atol=1e-6)
    np.testing.assert_allclose(shrink[-1][-1], [0, 0], atol=1e-6)
    np.testing.assert_allclose(branch[0] * [1, -1], branch[1])
    assert [row[3].text for row in field.facts().rows] == [str(neuron.fate) for neuron in field.neurons]


def test_the_picture_names_all_of_it(field: PlanarField, tmp_path: Path) -> None:
    (legend,) = field_figure(field.panel).legends
    labels = {text.get_text() for text in legend.get_texts()}
    assert labels == {"convex kink", "concave kink", "unit circle", "maximum", "minimum", *STARTS}
    assert field.save(tmp_path) == ["figure2.png", "figure2.svg"]
    first = (tmp_path / "figure2.svg").read_bytes()
    assert planar_field().save(tmp_path) and (tmp_path / "figure2.svg").read_bytes() == first
