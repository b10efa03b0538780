"""Figure 2 of [KH24] (arXiv 2402.09226): the gradient field of u1·|u2|, and limit flows through its kink.

The function is N of neurons v·|w x| with one sample x = 1 and z = 1, u1 = v and u2 = w: its kink u2 = 0 holds
the flow where u1 < 0 and pushes it away where u1 > 0. So the paths are exact limit flows (L11).
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from pathlib import Path

import numpy as np

from certflow.arithmetic.base import FLOAT
from certflow.flow.polygon.reduced import reduced
from certflow.kkt.enumerate import kkt_set
from certflow.kkt.points import KKTSet
from certflow.losses import Loss
from certflow.networks.activation import Activation
from certflow.networks.one_hidden_layer import TwoLayer
from certflow.problem import Problem
from certflow.progress import Progress
from certflow.report.field_figures import field_figure
from certflow.report.figures import save
from certflow.report.panels import FieldPanel
from certflow.report.polygon_panels import Stretch, stretches_of
from certflow.tables import Column, Table
from certflow.theorems.early_direction_power_1.neurons import HiddenNeuron, neurons_of

STARTS = {
    "u1 changes its sign": ("-3/5", "4/5"),
    "comes to rest on the kink": ("-1", "4/5"),
    "shrinks to 0": ("-6/5", "-6/5"),
    "branches: two of its solutions": ("3/10", "0"),
}
"""Initial (u1, u2) of the paths, by what happens to them."""

REACH, ARROWS = 1.5, 16
_STEPS = 201


@dataclass(frozen=True)
class PlanarField:
    """The gradient field of u1·|u2|, its KKT points, and the limit flows from `STARTS`."""

    problem: Problem
    kkt: KKTSet
    neurons: tuple[HiddenNeuron, ...]

    @cached_property
    def panel(self) -> FieldPanel:
        """What is drawn."""
        # An even number of arrows: none starts on the kink.
        axis = REACH * (2 * np.arange(ARROWS) + 1 - ARROWS) / ARROWS
        at = np.stack(np.meshgrid(axis, axis), axis=-1).reshape(-1, 2)
        # All other neurons are zero.
        weights = np.zeros((len(at), self.problem.network.size))
        weights[:, list(self.problem.blocks[0])] = at[:, ::-1]
        gradient = self.problem.correlation.gradient(FLOAT, weights)[:, list(self.problem.blocks[0])]
        marks = [(p.kind, np.array([v.midpoint_float() for v in p.point[::-1]])) for p in self.kkt.points]
        ends = ((REACH, True), (-REACH, False))
        kinks = [(np.zeros(2), np.array([end, 0.0]), convex) for end, convex in ends]
        paths = [
            (name, [_curve(neuron, stretch) for stretch in stretches_of(neuron)])
            for name, neuron in zip(STARTS, self.neurons, strict=True)
        ]
        return FieldPanel(at, gradient[:, ::-1], ("u_1", "u_2"), marks, kinks, paths)

    def facts(self) -> Table:
        """The start of every path, and what becomes of it."""
        columns = [
            Column("path", align="left"),
            Column("u1 at 0"),
            Column("u2 at 0"),
            Column("fate", align="left"),
        ]
        table = Table("Limit flows of u1·|u2|", columns, label="tab:field")
        for (name, start), neuron in zip(STARTS.items(), self.neurons, strict=True):
            table.add(name, *start, str(neuron.fate))
        return table

    def save(self, folder: str | Path) -> list[str]:
        """Write figure2.png and .svg into the existing `folder`; returns the names."""
        return save(field_figure(self.panel), folder, "figure2")


def planar_field(progress: Progress | None = None) -> PlanarField:
    """The field with its KKT points and limit flows; about a tenth of a second."""
    direction = [w for _, w in STARTS.values()] + [v for v, _ in STARTS.values()]
    network = TwoLayer(1, len(STARTS), Activation(Fraction(-1), 1))
    problem = Problem(network, [["1"]], ["1"], Loss("square", "sum"), direction=direction)
    neurons = neurons_of(problem, reduced(problem), Fraction(0), progress)
    return PlanarField(problem, kkt_set(problem), tuple(neurons))


def _curve(neuron: HiddenNeuron, stretch: Stretch) -> np.ndarray:
    """The stretch in the plane (u1, u2) = (v, w): v^2 = w^2 + c, with the sign of v."""
    end = stretch.end[0]
    if stretch.endless:
        # Far enough to leave the picture.
        end = stretch.start[0] + 2 * REACH * np.sign(end)
    # Denser where v has a root.
    share = np.sin(np.linspace(0, np.pi / 2, _STEPS)) ** 2
    w = stretch.start[0] + share * (end - stretch.start[0])
    return np.stack([stretch.sign * np.sqrt(np.maximum(w**2 + float(neuron.polygon.c), 0)), w], axis=1)
