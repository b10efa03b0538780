"""Flows at kinks where the field jumps (power 1): crossing, sliding along the kink (Filippov, Clarke),
branching.

The network is seen from its lowest trained layer on, whose inputs x_i are the exact outputs of the layers
below; only kinks of that layer can hold the flow.

Let z_ij = x_i . w_j be at zero, G the gradient in the row w_j with the off-slope there, and s_ij the
derivative in the activation, so that the Clarke gradients are G + mu x_i with mu between 0 and J = (1 - off)
s_ij. The flow keeps z_ij = 0 with the one multiplier that makes G + mu x_i orthogonal to x_i: a constant
projection of G. For several samples mu = -(X_S X_S^T)^(-1) X_S G. A kink that holds the flow is concave, J <
mu < 0; the flow leaves on the off-side where mu reaches 0 and on the on-side where it reaches J. Samples with
parallel x_i share one kink and one multiplier. Approximate throughout, as the integrator is. Source: theory
of Filippov systems; `proofs_notes/L1-coordinates.md`.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Protocol

import numpy as np

from certflow.arithmetic.base import FLOAT
from certflow.arithmetic.jets import Constant, JetArithmetic, JetArray
from certflow.flow.reference.crossings import to_floats
from certflow.networks.base import Forward, Network
from certflow.networks.feed_forward import FeedForward
from certflow.outcome import BadInput, Inconclusive
from certflow.running import tick

SLIDING = 3
"""The sign of an argument that is held at zero; the network sees that of it: -1, or 1 where its sample is
opposite to the kink's first one.
"""

MAX_OPEN, MAX_TOGETHER = 4, 6
"""The most kinks whose sides are tried out in all ways at once: of one neuron those that the first order
leaves open, and all of those that cannot hold the flow.
"""

_OPEN = 1e-7
"""Relative to their terms, numbers below this do not tell a side from the other to first order."""

_TRIALS = 8
"""At so many random weights two kink arguments are compared to see whether one is a multiple of the other."""


class NoneAgrees(Inconclusive):
    """No choice of sides agrees with the motion it causes."""


class Motion(Protocol):
    """What a decision needs of the integrator: the signs, and the motion that others would cause."""

    signs: list[np.ndarray]

    def set_sign(self, index: int, sign: int) -> None:
        """Choose the sign of the argument with this flat index."""

    def probe(self) -> tuple[np.ndarray, Callable[[int], int]]:
        """With the present signs: the velocity's first coefficients, and the sign that each argument or event
        takes next (0 if it stays at zero).
        """

    def is_zero(self, value: Any) -> bool:
        """Whether a fixed-point number is zero but for rounding."""


@dataclass(frozen=True)
class Surface:
    """One kink: the arguments (flat index, orientation) that vanish on it, and its number if the flow can be
    held on it.
    """

    members: tuple[tuple[int, int], ...]
    key: tuple[int, int] | None = None

    def choose(self, stepper: Motion, side: int) -> None:
        """Put the flow on one side, 1 or -1 as seen by the first member, or hold it there (0; sign 0 if it
        cannot be held).
        """
        for index, orientation in self.members:
            stepper.set_sign(index, -SLIDING * orientation if self.key and not side else side * orientation)


class Sliding:
    """The kinks of one network on its samples: which share a surface, how to stay on it, and where to go from
    there.
    """

    def __init__(self, network: Network, X: np.ndarray, ar: JetArithmetic, lower: int = 0) -> None:
        """`lower` layers below the network are given; X are their outputs."""
        self.network, self.ar, self._X, self._lower = network, ar, X, lower
        self._maps: dict[tuple[int, ...], tuple[Constant, Constant]] = {}
        self._parallel: list[list[tuple[int, Fraction]]] = []
        self._multiples: np.ndarray | None = None
        if isinstance(network, FeedForward) and 1 in network.trained:
            self._parallel = _parallel_classes(X)
        self._class_of = {i: c for c, members in enumerate(self._parallel) for i, _ in members}

    @staticmethod
    def serves(network: Network) -> bool:
        """Whether the gradient of the network may jump."""
        return network.has_kinks and (not isinstance(network, FeedForward) or network.activation.power == 1)

    # -- the field on the kink -------------------------------------------------------------------------------

    def held(self, signs: list[np.ndarray]) -> list[tuple[int, int]]:
        """The (neuron, class of parallel samples) on whose kink the flow slides, in order."""
        if not signs or not np.any(np.abs(signs[0]) == SLIDING):
            return []
        slides = np.abs(signs[0]) == SLIDING
        return [
            (j, c)
            for j in range(slides.shape[1])
            for c, members in enumerate(self._parallel)
            if slides[members[0][0], j]
        ]

    def project(
        self, gradient: JetArray, run: Forward, r: Any, signs: list[np.ndarray]
    ) -> tuple[JetArray, list[JetArray]]:
        """The gradient (k) along the kinks that hold the flow, and the two series per kink that are positive
        while they do: -mu for each, then mu - J for each.
        """
        held = self.held(signs)
        if not held:
            return gradient, []
        d, parts, multipliers, end = self.network.inputs, [], [], 0
        for j, classes in self._by_neuron(held):
            normals, solve = self._map(classes)
            row = gradient[j * d : (j + 1) * d]
            multiplier = solve @ row
            parts += [gradient[end : j * d], row + multiplier @ normals]
            multipliers.append(multiplier)
            end = (j + 1) * d
        parts.append(gradient[end:])
        mu = multipliers[0].joined(multipliers[1:])
        events = (-mu).joined([mu - self._jumps(held, run, r)])
        return parts[0].joined(parts[1:]), [events]

    def _jumps(self, held: list[tuple[int, int]], run: Forward, r: Any) -> JetArray:
        """J per kink in `held`: the change of the gradient across it, in units of the data point of its first
        sample.
        """
        entries = [(e, j, i, ratio) for e, (j, c) in enumerate(held) for i, ratio in self._parallel[c]]
        network: Any = self.network
        signals = network.first_signals(run, r, [i for _, _, i, _ in entries], [j for _, j, _, _ in entries])
        rise = np.full((len(held), len(entries)), Fraction(0), dtype=object)
        for column, (e, _, _, ratio) in enumerate(entries):
            rise[e, column] = (1 - network.activation.off) * abs(ratio)
        return self.ar.array(rise) @ signals

    def hold(self, state: np.ndarray, signs: list[np.ndarray]) -> None:
        """Put the weights of a state (fixed point, in place) back on the kinks that hold them: rounding is
        not damped.
        """
        d, bits = self.network.inputs, self.ar.bits
        for j, classes in self._by_neuron(self.held(signs)):
            normals, solve = self._map(classes)
            row = state[j * d : (j + 1) * d]
            state[j * d : (j + 1) * d] = row + ((solve.values @ row >> bits) @ normals.values >> bits)

    def _by_neuron(self, held: list[tuple[int, int]]) -> list[tuple[int, tuple[int, ...]]]:
        return [
            (j, tuple(c for _, c in items)) for j, items in itertools.groupby(held, key=lambda item: item[0])
        ]

    def _map(self, classes: tuple[int, ...]) -> tuple[Constant, Constant]:
        """X_S and -(X_S X_S^T)^(-1) X_S for the first samples of the classes, which are independent."""
        if classes not in self._maps:
            normals = self._X[[self._parallel[c][0][0] for c in classes]]
            self._maps[classes] = self.ar.array(normals), self.ar.array(-_least_norm_map(normals))
        return self._maps[classes]

    # -- which way from a kink -------------------------------------------------------------------------------

    def decide(self, stepper: Motion, indices: Iterable[int]) -> set[int]:
        """Give arguments that are at zero, and those that slide in the same neuron, the signs that agree with
        the motion they cause, and return the arguments decided. An index past all arguments is that of an
        event of `project`.

        Raises `Inconclusive` where no or several choices agree.
        """
        held, count = self.held(stepper.signs), sum(s.size for s in stepper.signs)
        first = stepper.signs[0].size if self._parallel else 0
        neurons: dict[int, set[int]] = {}
        others = []
        for index in indices:
            if index >= count:
                j, c = held[(index - count) % len(held)]
                neurons.setdefault(j, set()).add(c)
            elif index >= first:
                others.append(index)
            else:
                i, j = divmod(index, stepper.signs[0].shape[1])
                if i in self._class_of:
                    neurons.setdefault(j, set()).add(self._class_of[i])
        decided = set(others)
        for j, classes in neurons.items():
            classes |= {c for neuron, c in held if neuron == j}
            group = self._surfaces(stepper, j, sorted(classes))
            self._decide_neuron(stepper, j, group)
            decided |= {index for surface in group for index, _ in surface.members}
        return decided | self._decide_together(stepper, others)

    def _decide_together(self, stepper: Motion, indices: Iterable[int]) -> set[int]:
        """Decide about kinks that cannot hold the flow, all at once: which side of one is taken may depend on
        the others.
        """
        surfaces = list(dict.fromkeys(self._twins(stepper, index) for index in indices))
        if surfaces and self._matters(stepper, surfaces):
            mattering = [surface for surface in surfaces if self._matters(stepper, surfaces, surface)]
            if len(mattering) > MAX_TOGETHER:
                raise Inconclusive(
                    f"the flow reached {len(mattering)} kinks at once and may branch there; start elsewhere, "
                    f"or shorten the time."
                )
            if mattering:
                self._decide(stepper, mattering, itertools.product((-1, 1), repeat=len(mattering)))
        return {index for surface in surfaces for index, _ in surface.members}

    def _twins(self, stepper: Motion, index: int) -> Surface:
        """The kink of one argument with all others that are multiples of it, such as those of parallel
        samples.
        """
        if self._multiples is None:
            self._multiples = _multiples(self.network, self._X, sum(s.size for s in stepper.signs))
        first = stepper.signs[0].size if self._parallel else 0
        mine = self._multiples[index]
        if not np.any(mine):
            return Surface(((index, 1),))
        same = np.abs(self._multiples @ mine) >= (1 - 1e-12) * np.linalg.norm(
            self._multiples, axis=1
        ) * np.linalg.norm(mine)
        others = [i for i in np.flatnonzero(same & np.any(self._multiples, axis=1)).tolist() if i >= first]
        orient = 1 if self._multiples[others[0]] @ mine > 0 else -1
        return Surface(tuple((i, (1 if self._multiples[i] @ mine > 0 else -1) * orient) for i in others))

    def _surfaces(self, stepper: Motion, j: int, classes: list[int]) -> list[Surface]:
        width = stepper.signs[0].shape[1]
        return [
            Surface(tuple((i * width + j, 1 if ratio > 0 else -1) for i, ratio in self._parallel[c]), (j, c))
            for c in classes
        ]

    def _decide_neuron(self, stepper: Motion, j: int, group: list[Surface]) -> None:
        if len(group) > 1 and not self._matters(stepper, group):
            return
        normals = self._X[[self._parallel[surface.key[1]][0][0] for surface in group if surface.key]]
        choices = None if len(_echelon(normals)) < len(group) else self._choices(stepper, j, group, normals)
        if choices is None:
            raise Inconclusive(
                f"the flow reached {len(group)} kinks of neuron {j + 1} of layer {self._lower + 1} at once, "
                f"where its weights vanish or the data points are linearly dependent: it may branch there; "
                f"shorten the time."
            )
        self._decide(stepper, group, choices)

    def _choices(
        self, stepper: Motion, j: int, group: list[Surface], normals: np.ndarray
    ) -> list[tuple[int, ...]] | None:
        """The choices of sides (0: held) that agree to first order with the motion they cause; None for too
        many.

        To first order the row moves with g + sum chi_k a_k, the a_k parallel to the normals, chi_k being 0
        off, 1 on, and between them where it is held.
        """
        d, count = self.network.inputs, len(group)
        columns = slice(j * d, (j + 1) * d)
        single = [[1 if k == place else -1 for k in range(count)] for place in range(-1, count)]
        rows = np.array([self._velocity(stepper, group, sides)[0][columns] for sides in single])
        rows[1:] -= rows[0]
        moves = to_floats(rows, self.ar.bits)
        # Where all is as small as at a zero of the output weight, the first order says nothing.
        moves /= max(float(np.max(np.abs(moves))), 2.0 ** (-self.ar.bits // 2))
        unit = normals.astype(float)
        unit /= np.linalg.norm(unit, axis=1, keepdims=True)
        jumps = np.einsum("kd,kd->k", moves[1:], unit)
        convex, concave = np.flatnonzero(jumps > _OPEN), np.flatnonzero(jumps < -_OPEN)
        found: set[tuple[int, ...]] = set()
        if len(convex) > MAX_OPEN:
            return None
        for sides in itertools.product((-1, 1), repeat=len(convex)):
            field = moves[0] + (np.array(sides) > 0) @ moves[1 + convex]
            allowed: list[tuple[int, ...]] = [(-1, 1, 0)] * count
            for k, side in zip(convex, sides, strict=True):
                allowed[k] = (side,)
            held = _held_to_first_order(unit[concave], jumps[concave], unit[concave] @ field)
            for k, states in zip(concave, held, strict=True):
                allowed[k] = states
            if math.prod(map(len, allowed)) > 3**MAX_OPEN:
                return None
            found.update(itertools.product(*allowed))
        return sorted(found, key=lambda choice: [(-1, 1, 0).index(side) for side in choice])

    def _decide(self, stepper: Motion, group: list[Surface], choices: Iterable[tuple[int, ...]]) -> None:
        found: dict[tuple[int, ...], tuple[int, ...]] = {}
        for choice in choices:
            tick()
            followed = self._followed(stepper, group, choice)
            if followed is not None:
                found.setdefault(followed, choice)
        if len(found) == 1:
            for surface, goes, side in zip(group, *found.popitem(), strict=True):
                surface.choose(stepper, goes if surface.key or side < 0 else side)
        elif found:
            raise Inconclusive(
                f"the flow branches at a kink: at {self._where(stepper, group)} more than one continuation "
                f"agrees with the "
                "gradient flow; start elsewhere, shorten the time, or use an activation with power >= 2."
            )
        elif self._matters(stepper, group):
            raise NoneAgrees(
                f"both sides of a kink push the flow back to it at {self._where(stepper, group)}; sliding is "
                f"followed for kinks of the lowest trained layer alone, apart from those of later layers: "
                f"shorten the time, or use power >= 2."
            )

    def _followed(
        self, stepper: Motion, group: list[Surface], choice: tuple[int, ...]
    ) -> tuple[int, ...] | None:
        """Where the motion with these sides goes, if it agrees with them: to the stated side of each or
        nowhere (0), or held with J <= mu <= 0; None if it does not.
        """
        for surface, side in zip(group, choice, strict=True):
            surface.choose(stepper, side)
        _, motion = stepper.probe()
        held, count = self.held(stepper.signs), sum(s.size for s in stepper.signs)
        followed = []
        for surface, side in zip(group, choice, strict=True):
            if side:
                followed.append(motion(surface.members[0][0]))
                if followed[-1] == -side:
                    return None
            else:
                followed.append(0)
                slot = count + held.index(surface.key or (0, 0))
                if motion(slot) < 0 or motion(slot + len(held)) < 0:
                    return None
        return tuple(followed)

    def _matters(self, stepper: Motion, group: list[Surface], only: Surface | None = None) -> bool:
        """Whether the sides (of one surface only) make a difference to the motion; all signs are left at
        zero.
        """
        # Not only all together: by the binary digits of their numbers, so that effects that cancel are seen,
        # too.
        digits = range((len(group) - 1).bit_length())
        patterns = [[1] * len(group), *([1 if k >> b & 1 else -1 for k in range(len(group))] for b in digits)]
        if only is None:
            base = self._velocity(stepper, group, [-1] * len(group))
            differences = [self._velocity(stepper, group, sides) - base for sides in patterns]
        else:
            place, patterns = group.index(only), [*patterns, [-1] * len(group)]
            turned = [[-side if k == place else side for k, side in enumerate(sides)] for sides in patterns]
            pairs = zip(patterns, turned, strict=True)
            differences = [
                self._velocity(stepper, group, a) - self._velocity(stepper, group, b) for a, b in pairs
            ]
        self._set(stepper, group, [0] * len(group))
        return any(not stepper.is_zero(v) for difference in differences for v in difference.ravel())

    def _velocity(self, stepper: Motion, group: list[Surface], sides: list[int]) -> np.ndarray:
        self._set(stepper, group, sides)
        return stepper.probe()[0]

    def _set(self, stepper: Motion, group: list[Surface], sides: list[int]) -> None:
        for surface, side in zip(group, sides, strict=True):
            for index, orientation in surface.members:
                stepper.set_sign(index, side * orientation)

    def _where(self, stepper: Motion, group: list[Surface]) -> str:
        places = []
        for surface in group:
            index, layer = surface.members[0][0], 0
            while index >= stepper.signs[layer].size:  # ends: index falls
                index -= stepper.signs[layer].size
                layer += 1
            i, j = divmod(index, stepper.signs[layer].shape[1])
            layered = isinstance(self.network, FeedForward)
            places.append(
                f"sample {i + 1}, "
                + (f"neuron {j + 1} of layer {self._lower + layer + 1}" if layered else f"kink {layer + 1}")
            )
        return " and ".join(places)


def _held_to_first_order(unit: np.ndarray, jumps: np.ndarray, rates: np.ndarray) -> list[tuple[int, ...]]:
    """The states (-1 off, 1 on, 0 held; several if it is open) of concave kinks with independent unit
    normals: the one solution of a linear complementarity problem, by Murty's least-index pivoting.

    `jumps` are the changes of the velocity across them, along their normals, and `rates` its components along
    them with all of them off.
    """
    gram, state = unit @ unit.T, np.zeros(len(unit), dtype=int)
    while True:  # ends: a positive definite matrix is a P-matrix, for which no state comes twice
        tick()
        held, chi = state == 0, (state > 0).astype(float)
        chi[held] = np.linalg.solve(
            gram[np.ix_(held, held)] * jumps[held], -(rates + (gram * jumps) @ chi)[held]
        )
        motion = rates + (gram * jumps) @ chi
        margin = np.where(held, np.minimum(chi, 1 - chi), state * motion)
        wrong = np.flatnonzero(margin < -_OPEN)
        if not len(wrong):
            break
        k = wrong[0]
        state[k] = (-1 if chi[k] < 0 else 1) if held[k] else 0
    near = np.where(chi < 1 / 2, -1, 1)
    return [(near[k], 0) if margin[k] <= _OPEN else (state[k],) for k in range(len(state))]


def _multiples(network: Network, X: np.ndarray, count: int) -> np.ndarray:
    """Each of `count` kink arguments at a few random weights; zeros if it cannot be evaluated there: it is
    like no other.
    """
    rng, rows = np.random.default_rng(0), []
    samples = FLOAT.array(X)
    with np.errstate(all="ignore"):
        for _ in range(_TRIALS):
            try:
                run = network.forward(FLOAT, rng.standard_normal(network.size), samples)
            except BadInput:
                continue
            rows.append(np.concatenate([np.asarray(z, dtype=float).reshape(-1) for z in run.kinks]))
    values = np.array(rows).T if rows else np.zeros((count, 1))
    scale = np.max(np.abs(values), axis=1, keepdims=True)
    return np.where(np.isfinite(scale) & (scale > 0), values / np.where(scale > 0, scale, 1), 0.0)


def _parallel_classes(X: np.ndarray) -> list[list[tuple[int, Fraction]]]:
    """The nonzero samples by common line, each with its ratio to the first of its class; exact."""
    classes: dict[tuple[Fraction, ...], list[tuple[int, Fraction]]] = {}
    for i, x in enumerate(X):
        pivot = next((v for v in x if v), None)
        if pivot is not None:
            classes.setdefault(tuple(v / pivot for v in x), []).append((i, pivot))
    return [[(i, scale / members[0][1]) for i, scale in members] for members in classes.values()]


def _echelon(rows: np.ndarray) -> list[np.ndarray]:
    """The nonzero rows of the reduced echelon form, exact."""
    left: list[np.ndarray] = list(rows)
    done: list[np.ndarray] = []
    for column in range(rows.shape[1]):
        pivot = next((row for row in left if row[column]), None)
        if pivot is not None:
            left = [row for row in left if row is not pivot]
            pivot = pivot / pivot[column]
            left, done = ([row - row[column] * pivot for row in part] for part in (left, done))
            done.append(pivot)
    return done


def _least_norm_map(normals: np.ndarray) -> np.ndarray:
    """(N N^T)^(-1) N for independent rows N, exact."""
    gram = normals @ normals.T
    return np.array(
        [row[len(gram) :] for row in _echelon(np.concatenate([gram, normals], axis=1))[: len(gram)]],
        dtype=object,
    )
