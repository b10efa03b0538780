"""All KKT points of the constrained NCF of a problem, by the sharpest proof that its network allows (L6).

Networks whose trained layers are the last two, or the one before the last, are sums of neurons on fixed
features, and one neuron is enumerated. For order 2 every KKT point of all weights consists of neurons at KKT
points with one common value N_j = N, with any norms, and of neurons at zero; for L > 2 the norms are those
with equal `N_j |w_j|^(L-2)`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any, SupportsIndex, overload

import numpy as np

from certflow.arithmetic.ball import Ball, BallArithmetic
from certflow.arithmetic.decimal_text import bits_for
from certflow.exact import shown, whole
from certflow.kkt.basins import Basin, basins
from certflow.kkt.cover.search import search
from certflow.kkt.neuron.circle import planar_kkt
from certflow.kkt.neuron.features import Neuron
from certflow.kkt.neuron.lift import deep_linear, lift
from certflow.kkt.neuron.linear import piecewise_linear_kkt, two_layer_kkt
from certflow.kkt.neuron.quadratic import piecewise_quadratic_kkt
from certflow.kkt.neuron.quadratic_form import MOST_WEIGHTS, quadratic_form, quadratic_form_kkt
from certflow.kkt.permutations import in_order
from certflow.kkt.points import Continuum, KKTPoint, KKTSet, overlap, require_digits
from certflow.kkt.rank_one.points import effective_neurons, rank_one_points
from certflow.kkt.single.verified import verified_points
from certflow.kkt.table import fitting_kkt_table
from certflow.ncf.in_weights import in_weights_alone
from certflow.networks.activation import Activation
from certflow.networks.base import Network
from certflow.networks.correlation import Correlation
from certflow.networks.expression import Expression
from certflow.networks.feed_forward import FeedForward
from certflow.networks.one_hidden_layer import OneLayer, TwoLayer
from certflow.networks.tree import ZERO
from certflow.outcome import BadInput, Inconclusive, Kind, Status
from certflow.problem import Problem, ProblemSource
from certflow.progress import Progress, require_progress
from certflow.tables import Table
from certflow.units import exponent

EXTRA_DIGITS = 5
_SAME = 1e-6
_Find = Callable[[Correlation, int, "Budget", Progress | None], KKTSet]
_TEXT_WIDTH, _TEXT_ROWS = 100, 20
ONE_NEURON, ALL_WEIGHTS = "one neuron", "all weights"


@dataclass(frozen=True)
class Budget:
    """How much work an enumeration may be: cells of an arrangement, boxes of a branch and bound, the most
    weights for which that is tried, and starts of the multi-start ascent. All are counts, so that results do
    not depend on the machine.
    """

    cells: int = 20_000
    boxes: int = 2_000_000
    weights: int = 6
    starts: int = 64

    def __post_init__(self) -> None:
        for name in ("cells", "boxes", "weights", "starts"):
            object.__setattr__(self, name, whole(getattr(self, name), f"budget.{name}", 0))


class KKTPoints(Sequence[KKTPoint]):
    """The KKT points of the NCF of a `problem` on the unit sphere; `found` is their set, with what is proved
    of the rest of the sphere.

    A sequence of `KKTPoint`, counterclockwise from -180° on the circle, by falling value elsewhere. Its text
    is the table. All is enclosed: a ball holds the number that it stands for.
    """

    def __init__(self, problem: Problem, found: KKTSet) -> None:
        self.problem, self.found = problem, found

    @overload
    def __getitem__(self, index: int) -> KKTPoint: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[KKTPoint]: ...
    def __getitem__(self, index: int | slice) -> KKTPoint | Sequence[KKTPoint]:
        return self.found.points[index]

    def __len__(self) -> int:
        return len(self.found.points)

    @property
    def complete(self) -> bool:
        """Whether it is proved that no KKT point is missing."""
        return self.found.complete

    @property
    def status(self) -> Status:
        """Complete or partial."""
        return self.found.status

    @property
    def reason(self) -> str:
        """Why it is partial, and where there may be others; empty if it is complete."""
        return self.found.reason

    @property
    def method(self) -> str:
        """By which proof."""
        return self.found.method

    @property
    def of(self) -> str:
        """Of which function: "one neuron" or "all weights"."""
        return self.found.of

    @property
    def counts(self) -> dict[str, int]:
        """What the proof visited: cells, faces, boxes."""
        return self.found.counts

    @property
    def n_max(self) -> Ball | None:
        """The largest value of this function on the sphere, None where the set does not give it."""
        return self.found.n_max

    @property
    def n_min(self) -> Ball | None:
        """The smallest value on the sphere, None where the set does not give it."""
        return self.found.n_min

    @property
    def maxima(self) -> list[KKTPoint]:
        """The strict maxima."""
        return self._of(Kind.MAXIMUM)

    @property
    def minima(self) -> list[KKTPoint]:
        """The strict minima."""
        return self._of(Kind.MINIMUM)

    @property
    def saddles(self) -> list[KKTPoint]:
        """The points near which N takes larger and smaller values."""
        return self._of(Kind.SADDLE)

    def _of(self, kind: Kind) -> list[KKTPoint]:
        return [point for point in self.found.points if point.kind == kind]

    def basins(self, sign: Any = 1) -> list[Basin] | None:
        """The basin of every entry for a neuron with output sign 1 or -1; the measures add up to 1 (L6.4).

        None where basins are not arcs of the circle. Raises `BadInput` for another sign.
        """
        return basins(self.found, sign)

    def table(self, most: SupportsIndex | None = None) -> Table:
        """A row per entry, every printed number right to within one unit of its last digit; with more than
        `most` entries only so many, maxima first.
        """
        rows = None if most is None else whole(most, "most", 1)
        return fitting_kkt_table(self.problem, self.found, self.found.digits, rows, _TEXT_WIDTH)

    def to_json(self) -> dict[str, Any]:
        """The set for JSON: `kkt_status`, `kkt`, the extrema of N, and how they were proved."""
        return self.found.to_json()

    def __repr__(self) -> str:
        return self.table(_TEXT_ROWS).to_text()

    def _repr_markdown_(self) -> str:
        return self.table(_TEXT_ROWS).to_markdown()


def kkt_points(
    problem: ProblemSource,
    digits: SupportsIndex = 30,
    budget: Budget | None = None,
    progress: Progress | None = None,
) -> KKTPoints:
    """KKT points of the NCF of a problem on the unit sphere, each proved, and whether these are all (L6.16).

    Of one neuron (with output weight 1 if that is not trained) for networks that are sums of neurons, else of
    all weights. Numbers have radius about 10^-digits where the proof allows it; `budget` bounds the work.
    Raises `BadInput` for what is no problem, and `Inconclusive` for networks that cannot be enclosed.
    """
    problem = Problem.load(problem)
    return KKTPoints(problem, kkt_set(problem, digits, budget, progress))


def kkt_set(
    problem: ProblemSource,
    digits: SupportsIndex = 30,
    budget: Budget | None = None,
    progress: Progress | None = None,
) -> KKTSet:
    """KKT points of the NCF of the problem on the unit sphere, all of them if the status is "complete" (L6.1,
    L6.16).

    Of one neuron (with output weight 1 if that is not trained) for networks that are sums of neurons, else of
    all weights; coordinates in the order of the network's weights. Numbers have radius about 10^-digits where
    the proof allows it. The status is "partial" where only some points are proved. Raises `Inconclusive` for
    networks that cannot be enclosed.
    """
    problem, digits = Problem.load(problem), require_digits(digits)
    budget = Budget() if budget is None else budget
    require_progress(progress)
    if not isinstance(budget, Budget):
        raise BadInput(f"budget: expected a Budget(cells, boxes, weights, starts), got {shown(budget)}.")
    network = problem.network
    if isinstance(network, FeedForward):
        features = network.features(problem.X)
        if network.is_sum_of_neurons:
            neuron = Neuron.of(features, problem.z, network.activation)
            return (_two_layers if network.depth in network.trained else neuron_kkt)(
                neuron, digits, budget, progress
            )
        if not any(problem.z) or not features.any():
            return everywhere(network.size, digits, ALL_WEIGHTS)
        if network.activation == Activation(Fraction(1), 1) and len(network.trained) == network.depth:
            g = list(np.array(problem.z) @ problem.X)
            return (
                deep_linear(network, g, digits) if any(g) else everywhere(network.size, digits, ALL_WEIGHTS)
            )
    N = problem.correlation
    if isinstance(network, Expression):
        N = in_weights_alone(N)
        if isinstance(N.network, Expression) and N.network.tree == ZERO:
            return everywhere(N.size, digits, ALL_WEIGHTS)
    if N.size == 1:
        return _one_weight(N, digits)
    if N.size <= MOST_WEIGHTS:
        matrix = quadratic_form(N)
        if matrix is not None:
            return (
                quadratic_form_kkt(matrix, digits)
                if any(map(any, matrix))
                else everywhere(N.size, digits, ALL_WEIGHTS)
            )
    return _near_one(_all_weights, N, digits, budget, progress)


def neuron_kkt(
    neuron: Neuron, digits: int = 30, budget: Budget | None = None, progress: Progress | None = None
) -> KKTSet:
    """KKT points of one neuron n on the unit sphere of its inputs; see `kkt_set`."""
    budget = budget or Budget()
    if not neuron.hinges:
        return everywhere(neuron.inputs, digits, ONE_NEURON)
    if neuron.inputs == 1:
        return one_input(neuron, digits)
    X, z = neuron.samples()
    if neuron.power == 2 and neuron.inputs == 2:
        return planar_kkt(X, z, Fraction(0), digits)
    if neuron.power <= 2:
        by_cells = piecewise_linear_kkt if neuron.power == 1 else piecewise_quadratic_kkt
        try:
            return by_cells(neuron, digits, budget.cells, progress)
        except Inconclusive as error:
            too_many = str(error)
    else:
        too_many = ""
    N = Correlation(OneLayer(neuron.inputs, 1, Activation(Fraction(0), neuron.power)), X, z)
    return _of_a_neuron(_near_one(_small_or_large, N, digits, budget, progress), too_many)


def _of_a_neuron(found: KKTSet, too_many: str) -> KKTSet:
    """The set found by search of all weights of one neuron; if it is not complete, with the reason why there
    was a search.
    """
    reasons = [too_many.rstrip("."), found.reason] if too_many and not found.complete else [found.reason]
    return replace(found, of=ONE_NEURON, reason="; ".join(reasons))


def _two_layers(neuron: Neuron, digits: int, budget: Budget, progress: Progress | None) -> KKTSet:
    """The KKT points of `v n(w)`."""
    if not neuron.hinges:
        return everywhere(neuron.inputs + 1, digits, ONE_NEURON)
    if neuron.power == 1:
        try:
            return two_layer_kkt(neuron, digits, budget.cells, progress)
        except Inconclusive as error:
            N = Correlation(TwoLayer(neuron.inputs, 1, Activation(Fraction(0), 1)), *neuron.samples())
            return _of_a_neuron(_near_one(_by_ascent, N, digits, budget, progress), str(error))
    up, down = (
        neuron_kkt(each, digits + EXTRA_DIGITS, budget, progress) for each in (neuron, neuron.negated())
    )
    return lift(neuron, up, down, digits)


def _near_one(find: _Find, N: Correlation, digits: int, budget: Budget, progress: Progress | None) -> KKTSet:
    """What `find` finds in doubles, for data of any size: their powers of two only multiply N."""
    inputs, labels, degree = 0, exponent(N.z), 0
    if isinstance(N.network, FeedForward):
        inputs, degree = exponent(N.X.flat), N.network.activation.power ** (N.network.depth - 1)
    scaled = Correlation(N.network, N.X / Fraction(2) ** inputs, N.z / Fraction(2) ** labels)
    found = find(scaled, digits, budget, progress)
    return found.times(Fraction(2) ** (labels + degree * inputs))


def _by_ascent(N: Correlation, digits: int, budget: Budget, progress: Progress | None) -> KKTSet:
    return verified_points(N, budget.starts, digits, progress=progress)


def _small_or_large(N: Correlation, digits: int, budget: Budget, progress: Progress | None) -> KKTSet:
    """By branch and bound if there are few weights, and by search from many starts where that leaves
    something open.
    """
    if N.size > budget.weights:
        return _by_ascent(N, digits, budget, progress)
    found = search(N, digits, budget.boxes, progress)
    if found.complete:
        return found
    more = _by_ascent(N, digits, budget, progress)
    rest = [p for p in more.points if not any(overlap(p.point, other.point) for other in found.points)]
    return replace(found, points=_falling([*found.points, *rest]), counts=found.counts | more.counts)


def _falling(points: list[KKTPoint]) -> list[KKTPoint]:
    return sorted(points, key=lambda point: -point.value.mid())


def _all_weights(N: Correlation, digits: int, budget: Budget, progress: Progress | None) -> KKTSet:
    """The KKT points of a network that is no sum of neurons: of a large one those of rank one and what a
    search finds.
    """
    if N.size <= budget.weights or not isinstance(N.network, FeedForward):
        return _small_or_large(N, digits, budget, progress)
    known = _rank_one(N, digits, budget, progress)
    given = [_ordered(N.network, point) for point in known]
    found = verified_points(N, budget.starts, digits, progress=progress, given=given)
    listed = [_ordered(N.network, point) for point in found.points]
    rest = [
        p
        for p, at in zip(known, given, strict=True)
        if not any(np.abs(at - other).max() < _SAME for other in listed)
    ]
    return replace(
        found, points=_falling([*found.points, *rest]), counts={**found.counts, "of rank one": len(known)}
    )


def _rank_one(N: Correlation, digits: int, budget: Budget, progress: Progress | None) -> list[KKTPoint]:
    """Rank-one KKT points up to permutations, a bounded number; none where they are not classified."""
    try:
        neurons = effective_neurons(N)
    except BadInput:
        return []
    entries = {
        signs: neuron_kkt(each, digits + EXTRA_DIGITS, budget, progress).points
        for signs, each in neurons.items()
    }
    return list(rank_one_points(N, entries, digits, budget.starts).points)


def _ordered(network: Network, point: KKTPoint) -> np.ndarray:
    """About the point, with its hidden neurons in a fixed order: one entry is enough for all orders."""
    return in_order(network, np.array([c.midpoint_float() for c in point.point]))


def one_input(neuron: Neuron, digits: int) -> KKTSet:
    """The KKT set of a neuron with one input: both points of the sphere, each alone in its component."""
    bits = bits_for(digits)
    points = []
    for sign in (1, -1):
        u, value = (Fraction(sign),), Ball(neuron.value((Fraction(sign),)), bits)
        points.append(KKTPoint(Kind.MAXIMUM, (Ball(sign, bits),), value, None, (0, 0, 0), u))
    return _both(points, digits, ONE_NEURON)


def _one_weight(N: Correlation, digits: int) -> KKTSet:
    """The same for a network with one weight."""
    ar = BallArithmetic(bits_for(digits))
    points = []
    for sign in (1, -1):
        u = (Fraction(sign),)
        value = N.value(ar, ar.array(u))
        points.append(KKTPoint(Kind.MAXIMUM, (Ball(sign, ar.bits),), value, None, (0, 0, 0), u))
    return _both(points, digits, ALL_WEIGHTS)


def _both(points: list[KKTPoint], digits: int, of: str) -> KKTSet:
    """The set of the two points of the sphere of one weight."""
    values = [point.value for point in points]
    n_max, n_min = values[0].maximum(values[1]), values[0].minimum(values[1])
    return KKTSet(
        points, digits, method="the sphere of one weight has two points", of=of, n_max=n_max, n_min=n_min
    )


def everywhere(size: int, digits: int, of: str) -> KKTSet:
    """The KKT set of N = 0: every direction."""
    bits = bits_for(digits)
    axes = tuple(tuple(Fraction(int(i == j)) for j in range(size)) for i in range(size))
    zero = Ball(0, bits)
    point = tuple(Ball(c, bits) for c in axes[0])
    whole = Continuum(size - 1, lines=axes)
    entry = KKTPoint(
        Kind.DEGENERATE,
        point,
        zero,
        zero,
        (0, size - 1, 0),
        axes[0],
        whole,
        "N is zero: every direction is a KKT point",
    )
    return KKTSet([entry], digits, method="N vanishes identically", of=of, n_max=zero, n_min=zero)
