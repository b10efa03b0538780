"""All KKT points of the constrained NCF of a problem, by the sharpest proof that its network allows (L6).

Networks whose trained layers are the last two, or the one before the last, are sums of neurons on fixed features, and one
neuron is enumerated. For order 2 every KKT point of all weights consists of neurons at KKT points with one common value
N_j = N, with any norms, and of neurons at zero; for L > 2 the norms are those with equal `N_j |w_j|^(L-2)`.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from certflow.arithmetic.ball import Ball
from certflow.kkt.lift import GUARD_BITS, deep_linear, lift
from certflow.kkt.neuron import Neuron
from certflow.kkt.planar import planar_kkt
from certflow.kkt.points import Continuum, KKTPoint, KKTSet
from certflow.networks.activation import Activation
from certflow.networks.feed_forward import FeedForward
from certflow.outcome import Inconclusive
from certflow.problem import Problem
from certflow.progress import Progress

EXTRA_DIGITS = 5
ONE_NEURON, ALL_WEIGHTS = "one neuron", "all weights"


@dataclass(frozen=True)
class Budget:
    """How much work an enumeration may be: cells of an arrangement, boxes of a branch and bound, the most weights for which
    that is tried, and starts of the multi-start ascent. All are counts, so that results do not depend on the machine."""

    cells: int = 20_000
    boxes: int = 2_000_000
    weights: int = 6
    starts: int = 64


def kkt_set(problem: Problem, digits: int = 30, budget: Budget | None = None, progress: Progress | None = None) -> KKTSet:
    """KKT points of the NCF of the problem on the unit sphere, all of them if the status is "complete" (L6).

    Of one neuron (output weight 1 if it is not trained) for networks that are sums of neurons; weights in the order of
    the network. Numbers have radius about 10^-digits where the proof allows it. Raises `Inconclusive` only where nothing
    at all is proved.
    """
    work = _Enumeration(problem, digits, budget or Budget(), progress)
    return work.run()


class _Enumeration:
    def __init__(self, problem: Problem, digits: int, budget: Budget, progress: Progress | None) -> None:
        self.problem, self.digits, self.budget, self.progress = problem, digits, budget, progress
        self.X, self.z = problem.X, problem.z

    def run(self) -> KKTSet:
        network = self.problem.network
        if isinstance(network, FeedForward):
            shallow = network.depth >= 2 and min(network.trained) >= network.depth - 1
            features = network.features(self.X)
            if shallow:
                neuron = Neuron.of(features, self.z, network.activation)
                return self._one_neuron(neuron, features, network.activation, network.depth in network.trained)
            if not any(self.z) or not features.any():
                return everywhere(network.size, self.digits, ALL_WEIGHTS)
            if network.activation == Activation(Fraction(1), 1) and len(network.trained) == network.depth:
                return deep_linear(network, list(np.array(self.z) @ self.X), self.digits)
        raise Inconclusive("the KKT points of this network are not enumerated.")

    def _one_neuron(self, neuron: Neuron, features: np.ndarray, activation: Activation, output_trained: bool) -> KKTSet:
        if not neuron.hinges:
            return everywhere(neuron.inputs + output_trained, self.digits, ONE_NEURON)
        if not output_trained:
            return self._neuron(neuron, features, activation, self.digits)
        extra = self.digits + EXTRA_DIGITS
        up = self._neuron(neuron, features, activation, extra)
        self.z = -self.z
        down = self._neuron(neuron.negated(), features, activation, extra)
        return lift(neuron, up, down, self.digits)

    def _neuron(self, neuron: Neuron, features: np.ndarray, activation: Activation, digits: int) -> KKTSet:
        """The KKT set of n with the weights `self.z`, of power >= 2."""
        if neuron.inputs == 1:
            return one_input(neuron, digits)
        if neuron.inputs == 2 and neuron.power == 2:
            return planar_kkt(features, self.z, activation.alpha, digits)
        raise Inconclusive("the KKT points of this neuron are not enumerated.")


def one_input(neuron: Neuron, digits: int) -> KKTSet:
    """The KKT set of a neuron with one input: both points of the sphere, each alone in its component."""
    bits = digits * 3322 // 1000 + GUARD_BITS
    points = []
    for sign in (1, -1):
        u, value = (Fraction(sign),), Ball(neuron.value((Fraction(sign),)), bits)
        points.append(KKTPoint("maximum", (Ball(sign, bits),), value, None, (0, 0, 0), u))
    values = [p.value for p in points]
    n_max, n_min = values[0].maximum(values[1]), values[0].minimum(values[1])
    return KKTSet(points, digits, method="the sphere of one weight has two points", n_max=n_max, n_min=n_min)


def everywhere(size: int, digits: int, of: str) -> KKTSet:
    """The KKT set of N = 0: every direction."""
    bits = digits * 3322 // 1000 + GUARD_BITS
    axes = tuple(tuple(Fraction(int(i == j)) for j in range(size)) for i in range(size))
    zero = Ball(0, bits)
    point = tuple(Ball(c, bits) for c in axes[0])
    whole = Continuum(size - 1, lines=axes)
    entry = KKTPoint(
        "degenerate", point, zero, zero, (0, size - 1, 0), axes[0], whole, "N is zero: every direction is a KKT point"
    )
    return KKTSet([entry], digits, method="N vanishes identically", of=of, n_max=zero, n_min=zero)
