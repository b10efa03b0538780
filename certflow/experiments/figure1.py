"""Figure 1 of [KH24] (arXiv 2402.09226): gradient descent from a small initialization, loss, norm and angles.

20 squared-ReLU neurons, 50,000 iterations of step 5e-5 from standard deviation 1e-5 per weight. The paper's
text leaves open whether the loss is a mean or a sum over the samples, and the two look different, so both are
run.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import numpy as np

from certflow.flow.reference.gradient_descent import Descent, gradient_descent
from certflow.kkt.neuron.circle import PlanarKKT, kkt_of_problem
from certflow.losses import REDUCTIONS
from certflow.outcome import BadInput, Kind
from certflow.problem import Problem
from certflow.progress import Progress
from certflow.report.figures import descent_figure, save
from certflow.report.panels import AngleMarks, DescentPanel, nearest
from certflow.tables import Column, Table, TableCell, number_text, write_table

ITERATIONS = 50_000
STEP = 5e-5
DEVIATION = Fraction(1, 10**5)
RECORD_EVERY = 50

FACTS = "figure1_facts"
"""The name of the files of the table of facts."""

ARRIVED_DEGREES = 3.0
"""A neuron this close to a maximum of the constrained NCF counts as arrived."""

EARLY = 0.99
"""The share of the initial loss that must be left for directional convergence to be called early."""

_TITLES = {"mean": "mean loss", "sum": "summed loss"}


@dataclass(frozen=True)
class PlanarDescent:
    """Gradient descent on one planar problem with both reductions (`runs` by reduction) and the KKT points'
    angles.
    """

    problem: Problem
    runs: Mapping[str, Descent]
    marks: AngleMarks

    def panels(self) -> list[DescentPanel]:
        """One panel per reduction, cut where nothing moves any more."""
        panels = []
        for reduction, run in self.runs.items():
            angles, until = run.angles(), settled(run)
            part = f", the first {until:,} iterations" if until is not None else ""
            panels.append(
                DescentPanel(_TITLES[reduction] + part, run.iterations, run.loss, run.norm, angles, until)
            )
        return panels

    def facts(self) -> Table:
        """What the runs show, a column per reduction; nothing beyond what was measured in them."""
        first = next(iter(self.runs.values()))
        settings = (
            f"{first.iterations[-1]:,} iterations of step {number_text(first.step, 1)} from ‖w‖ = "
            f"{number_text(first.norm[0], 3)}"
        )
        columns = [
            Column("", align="left", key="quantity"),
            *(Column(_TITLES[reduction]) for reduction in self.runs),
        ]
        table = Table(f"Gradient descent, {settings}", columns, label="tab:descent")
        for name, values in _facts(self).items():
            table.add(name, *values)
        if self.marks.targets:
            table.notes.append(
                f"Alignment: the smallest median angle to the nearest KKT point while {EARLY:.0%} of the "
                f"loss is left."
            )
        return table

    def draw(self, folder: str | Path) -> list[str]:
        """Write figure1.png and .svg into the existing `folder`; returns the names."""
        return save(descent_figure(self.panels(), self.marks), folder, "figure1")

    def save(self, folder: str | Path) -> list[str]:
        """Write the figure, and the facts as .tex, .md, .csv, into the existing `folder`; returns names."""
        return self.draw(folder) + write_table(self.facts(), str(folder), FACTS)


def planar_descent(
    problem: Problem,
    progress: Progress | None = None,
    iterations: int = ITERATIONS,
    kkt: PlanarKKT | None = None,
) -> PlanarDescent:
    """Run the published settings on `problem` with the mean and with the summed loss (about 1.5 s each for
    figure1).

    `kkt` saves enumerating the KKT points of one neuron again. Raises `BadInput` unless every separable block
    has two weights, which is what an angle needs.
    """
    require_planar(problem)
    delta = DEVIATION * Fraction(math.sqrt(problem.network.size))
    runs = {}
    for reduction in REDUCTIONS:
        variant = with_reduction(problem, reduction)
        runs[reduction] = gradient_descent(
            variant,
            delta,
            STEP,
            iterations,
            min(RECORD_EVERY, iterations),
            _named(progress, _TITLES[reduction]),
        )
    return PlanarDescent(problem, runs, angle_marks(problem, kkt))


def _named(progress: Progress | None, name: str) -> Progress | None:
    return progress and (lambda description, done, total: progress(f"{description}, {name}", done, total))


def require_planar(problem: Problem) -> None:
    """Raise `BadInput` unless every block of the network is a vector in the plane."""
    sizes = {len(block) for block in problem.blocks}
    if sizes != {2}:
        raise BadInput(
            f"network: the figure shows angles in the plane, but a block of weights has {max(sizes)} "
            f"entries; "
            "use a one-layer network with two inputs, such as the built-in figure1."
        )


def with_reduction(problem: Problem, reduction: str) -> Problem:
    """The same problem with the loss reduced by "mean" or "sum"."""
    loss = dataclasses.replace(problem.loss, reduction=reduction)
    return Problem(
        problem.network,
        problem.X,
        problem.y,
        loss,
        direction=problem.direction,
        experiment=problem.experiment,
    )


def settled(run: Descent) -> int | None:
    """A round iteration after which no angle moves by 1° and the loss by 1 % of its start; None if that is
    near the end.
    """
    angles = run.angles()
    turn = np.abs((angles - angles[-1] + 180.0) % 360.0 - 180.0).max(axis=1)
    moving = np.flatnonzero((turn > 1.0) | (np.abs(run.loss - run.loss[-1]) > 0.01 * run.loss[0]))
    last = float(run.iterations[moving[-1]]) if moving.size else float(run.iterations[-1])
    if last <= 0:
        return None
    unit = 10.0 ** math.floor(math.log10(1.2 * last))
    until = next(int(m * unit) for m in (1, 2, 5, 10) if m * unit >= 1.2 * last)
    return until if until <= 0.5 * run.iterations[-1] else None


def _facts(descent: PlanarDescent) -> dict[str, list[TableCell | str]]:
    facts: dict[str, list[TableCell | str]] = {}

    def note(name: str, text: str) -> None:
        facts.setdefault(name, []).append(text)

    for run in descent.runs.values():
        note("‖w‖ at the end", number_text(run.norm[-1], 3))
        note("loss at the start", number_text(run.loss[0], 4))
        note("loss at the end", number_text(run.loss[-1], 4))
        fitted = np.flatnonzero(run.loss <= 0.01 * run.loss[0])
        note(
            "iteration with 1% of the loss left",
            f"{run.iterations[fitted[0]]:,}" if fitted.size else "not reached",
        )
        if not descent.marks.targets:
            continue
        _, errors = nearest(run.angles(), descent.marks.targets)
        early = np.flatnonzero(run.loss >= EARLY * run.loss[0])
        aligned = early[np.median(errors[early], axis=1).argmin()]
        note("iteration of alignment", f"{run.iterations[aligned]:,}")
        note("‖w‖ at alignment", number_text(run.norm[aligned], 3))
        note("median angle at alignment [°]", f"{np.median(errors[aligned]):.2f}")
        note("largest angle at alignment [°]", f"{errors[aligned].max():.2f}")
        arrived = int((errors[aligned] <= ARRIVED_DEGREES).sum())
        note(f"neurons within {ARRIVED_DEGREES:g}° at alignment", f"{arrived} of {errors.shape[1]}")
    return facts


def angle_marks(problem: Problem, kkt: PlanarKKT | None = None) -> AngleMarks:
    """The KKT points of one neuron, those of `kkt` if given, in degrees; empty if they are not enumerated."""
    kkt = kkt or kkt_of_problem(problem)
    if kkt is None:
        return AngleMarks()
    angles: dict[str, list[float]] = {
        Kind.MAXIMUM: [],
        Kind.MINIMUM: [],
        Kind.SADDLE: [],
        Kind.DEGENERATE: [],
    }
    arcs = []
    for point in kkt.points:
        if point.start_deg is not None and point.end_deg is not None:
            arcs.append((point.start_deg.midpoint_float(), point.end_deg.midpoint_float()))
        else:
            angles[point.kind].append(point.angle_deg.midpoint_float())
    # A neuron with sign -1 sees -N, so it runs to the minima.
    signs = set(getattr(problem.network, "signs", (1,)))
    targets = (angles[Kind.MAXIMUM] if 1 in signs else []) + (angles[Kind.MINIMUM] if -1 in signs else [])
    return AngleMarks(
        angles[Kind.MAXIMUM],
        angles[Kind.MINIMUM],
        angles[Kind.SADDLE] + angles[Kind.DEGENERATE],
        arcs,
        targets,
    )
