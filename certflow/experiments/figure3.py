"""Figure 3 of [KH24] (arXiv 2402.09226): the angles of the neurons under the graph of the constrained NCF."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from certflow.arithmetic.base import FLOAT
from certflow.experiments.figure1 import PlanarDescent, planar_descent, require_planar
from certflow.problem import Problem
from certflow.progress import Progress
from certflow.report.figures import ncf_figure, save

POINTS = 1441
"""Angles at which the graph is drawn: every quarter of a degree."""


def constrained_ncf(problem: Problem, degrees: np.ndarray) -> list[np.ndarray]:
    """N of one block on the unit circle (arrays like `degrees`, m), one per different function among the
    blocks.

    Double precision, for a plot. Raises `BadInput` unless every block has two weights.
    """
    require_planar(problem)
    index, angles = np.array(problem.blocks), np.radians(degrees)[:, None]
    # All blocks at the same angle at once; their outputs do not see each other.
    w = np.empty((len(degrees), problem.network.size))
    w[:, index[:, 0]], w[:, index[:, 1]] = np.cos(angles), np.sin(angles)
    at = problem.correlation.at(FLOAT, w)
    values = at.z @ at.run.block_outputs
    curves: list[np.ndarray] = []
    for j in range(len(index)):
        if not any(np.allclose(values[:, j], curve, rtol=1e-9, atol=1e-12) for curve in curves):
            curves.append(values[:, j])
    return curves


def save_figure3(
    problem: Problem,
    folder: str | Path,
    descent: PlanarDescent | None = None,
    progress: Progress | None = None,
) -> list[str]:
    """Write figure3.png and .svg into the existing `folder`; `descent` saves running it again. Returns the
    names.
    """
    degrees = np.linspace(-180.0, 180.0, POINTS)
    curves = constrained_ncf(problem, degrees)
    descent = descent or planar_descent(problem, progress)
    return save(ncf_figure(degrees, curves, descent.marks, descent.panels()), folder, "figure3")
