"""Rank-one KKT points of deep networks, constructed from the KKT points of one neuron (L6.30 to L6.38).

Hidden layers `W_l = a_l b_l^T`, |b_l| = 1, all D layers trained, activation `σ(t) = t_+^p + τ t_-^p`, τ =
(-α)^p. On the data the network is `P t_+^q + Q t_-^q` of t = b_1·x, q = p^(D-1), and b_1 is a KKT point of
the one neuron `Σ z_i (P (b·x_i)_+^q + Q (b·x_i)_-^q)`. With N != 0 the a_l have entries of at most two
lengths, and signs that L6.33 lists; with a_1 of mixed signs b_1 and -b_1 are both KKT points (L6.34), which
is decided exactly, where b_1 is rational.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction

import numpy as np

from certflow.algebra.directions import Normal, primitive
from certflow.arithmetic.ball import Ball, BallArithmetic
from certflow.arithmetic.base import UNKNOWN
from certflow.arithmetic.decimal_text import bits_for
from certflow.kkt.neuron.features import Neuron
from certflow.kkt.points import Continuum, KKTPoint, KKTSet, overlap
from certflow.kkt.rank_one.construct import InputDirection, Shape, Size, assemble, root
from certflow.kkt.rank_one.inputs import Inputs, Sides, exact_data
from certflow.kkt.rank_one.split import split_ratios
from certflow.networks.activation import Activation
from certflow.networks.correlation import Correlation
from certflow.networks.feed_forward import FeedForward
from certflow.outcome import BadInput, Kind, Status
from certflow.running import tick

MiddleSigns = tuple[int, ...]
"""The signs of b_2, ..., b_(D-1), which matter for -1 < τ < 0 only; otherwise all are 1."""


@dataclass(frozen=True, eq=False, kw_only=True)
class RankOnePoint(KKTPoint):
    """A rank-one KKT point that stands for `multiplicity` many: permutations of the neurons of a hidden layer
    and, if |τ| = 1, reversals of neurons (`multiplicity` counts half of these, since the other half belongs
    to -b_1).

    `start` is b_1, and `shapes` are the hidden layers.
    """

    multiplicity: int
    start: InputDirection
    shapes: tuple[Shape, ...]


@dataclass(frozen=True, eq=False)
class Plan:
    """What determines two rank-one KKT points, with opposite output layers: b_1, the hidden layers, the
    neuron's entry.
    """

    start: InputDirection
    shapes: tuple[Shape, ...]
    entry: KKTPoint


def tau(activation: Activation) -> Fraction:
    """σ(-1) = (-α)^p: with p it determines the activation, `σ(t) = t_+^p + τ t_-^p`."""
    return (-activation.alpha) ** activation.power


def effective_neurons(N: Correlation) -> dict[MiddleSigns, Neuron]:
    """The neurons of power p^(D-1) whose KKT points are the b_1 of L6.33, one for each choice of signs that
    matters.

    The network has at least two layers, all trained, and all numbers are exact. Raises `BadInput` for a
    network of another kind and for powers beyond those that activations have.
    """
    network = _layers(N)
    q = network.activation.power ** (network.depth - 1)
    one_side = Activation(Fraction(0), q)
    rows, weights = exact_data(N.X, N.z)
    found = {}
    for signs in _signs(network):
        P, Q = _ends(network, signs)
        both = [*rows, *([-c for c in row] for row in rows)]
        found[signs] = Neuron.of(both, [*(w * P for w in weights), *(w * Q for w in weights)], one_side)
    return found


def rank_one_points(
    N: Correlation,
    neuron_points: Sequence[KKTPoint] | Mapping[MiddleSigns, Sequence[KKTPoint]],
    digits: int = 30,
    most: int = 1_000,
) -> KKTSet:
    """The rank-one KKT points with N != 0 (entries `RankOnePoint`) whose b_1 is among `neuron_points`, up to
    permutations (L6.33, L6.36, L6.37).

    `neuron_points` are proved KKT points of the effective neuron, or of each of them by its signs; sharper
    than `digits` by a few digits. The set is "partial": `reason` says what else there may be. At most `most`
    points are listed.

    Raises `BadInput` for a network that `effective_neurons` refuses, and if a given point is not KKT.
    """
    work = Construction(N, digits)
    plans = work.plans(neuron_points)
    points: list[KKTPoint] = []
    for plan in itertools.islice(plans, most // 2):
        tick()
        points += [work.point(plan, output) for output in (1, -1)]
    if next(plans, None) is not None:
        work.say(f"more than {most} rank-one points")
    reason = "; ".join(["points that are not of rank one, or with N = 0, are not listed", *work.notes])
    method = "one neuron, copied to all layers"
    return KKTSet(points, digits, Status.PARTIAL, reason, method, "all weights", undecided=Fraction(1))


def _layers(N: Correlation) -> FeedForward:
    network = N.network
    if not isinstance(network, FeedForward) or network.depth < 2 or len(network.trained) != network.depth:
        raise BadInput(
            "network: rank-one KKT points are those of networks of at least two layers, all of them trained."
        )
    return network


def _signs(network: FeedForward) -> Iterator[MiddleSigns]:
    choices = (1, -1) if -1 < tau(network.activation) < 0 else (1,)
    return itertools.product(choices, repeat=network.depth - 2)


def _ends(network: FeedForward, signs: MiddleSigns) -> tuple[Fraction, Fraction]:
    """P and Q of one neuron per layer with incoming weights 1, `signs` and 1, the larger of them 1 or -1."""
    p, t = network.activation.power, tau(network.activation)
    ends = [Fraction(1), Fraction(-1)]
    for sign in (*signs, 1):
        ends = [sign * (v**p if v > 0 else t * (-v) ** p) for v in ends]
    size = max(abs(v) for v in ends)
    return ends[0] / size, ends[1] / size


@dataclass
class Construction:
    """The rank-one KKT points of N; `notes` collect what is not listed.

    Raises `BadInput` for a network that `effective_neurons` refuses.
    """

    N: Correlation
    digits: int
    notes: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.network = _layers(self.N)
        self.p, self.D = self.network.activation.power, self.network.depth
        self.q, self.tau = self.p ** (self.D - 1), tau(self.network.activation)
        self.bits = bits_for(self.digits)
        self.ar = BallArithmetic(self.bits)
        self.inputs = Inputs(self.N.X, self.N.z, self.q, self.bits)
        self.unit = Size(Ball(1, self.bits), Fraction(1))
        self.leaky = 0 < abs(self.tau) < 1
        # Entries that a layer inverts are longer by |α|^(-p/(p-1)), where only one side of the data counts.
        self.ratio = (
            root(1 / abs(self.tau), self.p - 1, self.bits) if self.leaky and self.p > 1 else self.unit
        )
        self.hidden = self.network.widths[1:-1]
        self._lines: set[Normal] = set()

    def say(self, note: str) -> None:
        """Adds a note, once."""
        if note not in self.notes:
            self.notes.append(note)

    def point(self, plan: Plan, output: int) -> RankOnePoint:
        """The KKT point of a plan with the sign `output` of the last layer."""
        point, exact = assemble(self.network, plan.start, plan.shapes, output, self.bits)
        value = self.N.value(self.ar, np.array(point, dtype=object))
        multiplicity = math.prod(_arrangements(shape.codes) for shape in plan.shapes)
        if abs(self.tau) == 1:
            multiplicity *= 2 ** (sum(abs(c) for shape in plan.shapes for c in shape.codes) - 1)
        return RankOnePoint(
            kind=Kind.DEGENERATE,
            point=point,
            value=value,
            direction=exact,
            continuum=self._continuum(plan),
            reason="rank one; its second order is not examined",
            multiplicity=multiplicity,
            start=plan.start,
            shapes=plan.shapes,
        )

    def plans(
        self, neuron_points: Sequence[KKTPoint] | Mapping[MiddleSigns, Sequence[KKTPoint]]
    ) -> Iterator[Plan]:
        """All plans over KKT points of the effective neuron, or of the effective neurons by their signs
        (L6.32, L6.35).

        Raises `BadInput` if one of them is not a KKT point.
        """
        plus = (1,) * (self.D - 2)
        given = neuron_points if isinstance(neuron_points, Mapping) else {plus: neuron_points}
        self._lines.clear()
        for signs in _signs(self.network):
            if signs not in given:
                self.say("the effective neurons with other signs were not given")
                continue
            one_sided: list[tuple[InputDirection, KKTPoint]] = []
            for entry in given[signs]:
                start = self.inputs.start(entry, *_ends(self.network, signs))
                sides = self.inputs.sides(start)
                self._note(start, sides, entry)
                if entry.value.sign() in (1, -1):
                    if self.leaky and sides.one_sided:
                        one_sided.append((self.inputs.positive(start), entry))
                    else:
                        yield from self._pure(start, signs, entry)
                if abs(self.tau) < 1:
                    yield from self._split(start, sides, entry)
            if signs == plus:  # at these points all effective neurons agree
                for i, (start, entry) in enumerate(one_sided):
                    if not any(overlap(start.point, other.point) for other, _ in one_sided[:i]):
                        yield from self._one_sided(start, entry)

    def _note(self, start: InputDirection, sides: Sides, entry: KKTPoint) -> None:
        if entry.value.sign() == UNKNOWN:
            self.say("the sign of a value of the neuron is not decided")
        if self.p == 1 and self.D > 2 and self.inputs.on_kink(start):
            self.say("with inputs on a kink of the first layer there may be more points")
        if self.leaky and sides.one_sided is None:
            self.say(
                "whether one half of the inputs counts at all is not decided at some point of the neuron"
            )
        if -1 < self.tau < 0 and self.D > 2 and max(self.hidden[1:]) > 1:
            self.say("points with both signs in a layer that sees both signs are not listed")

    # -- the hidden layers over one direction ----------------------------------------------------------------

    def _pure(self, start: InputDirection, signs: MiddleSigns, entry: KKTPoint) -> Iterator[Plan]:
        """No layer that sees both signs has both signs (L6.33)."""
        counts = [self._one_sign(m) for m in self.hidden]
        if 0 < self.tau < 1:  # from the second layer on only one sign is seen
            counts[1:] = [self._both_signs(m) for m in self.hidden[1:]]
        for each in itertools.product(*counts):
            tick()
            triples = zip(each, (*signs, 1), self.hidden, strict=True)
            yield Plan(
                start, tuple(Shape(_codes(c, m), self.ratio, 1, lead) for c, lead, m in triples), entry
            )

    def _one_sided(self, start: InputDirection, entry: KKTPoint) -> Iterator[Plan]:
        """Only one side of the inputs counts (L6.34): every layer may have both signs."""
        flip = 1 if self.tau > 0 else -1
        for each in itertools.product(*(self._both_signs(m) for m in self.hidden)):
            tick()
            yield Plan(
                start,
                tuple(Shape(_codes(c, m), self.ratio, flip) for c, m in zip(each, self.hidden, strict=True)),
                entry,
            )

    def _one_sign(self, m: int) -> list[tuple[int, int]]:
        """Numbers of positive and negative entries of a layer, up to its sign; power 1: of the generic ones
        of a continuum.
        """
        return [(k, 0) for k in range(1, m + 1)] if self.p > 1 else [(m, 0)]

    def _both_signs(self, m: int) -> list[tuple[int, int]]:
        return [(i, k - i) for k in range(1, m + 1) for i in range(k + 1)] if self.p > 1 else [(m, 0), (0, m)]

    def _split(self, start: InputDirection, sides: Sides, entry: KKTPoint) -> Iterator[Plan]:
        """Both signs in a_1, and b and -b are KKT points (L6.35)."""
        m, *rest = self.hidden
        if m == 1 or sides.both_kkt is False or sides.one_sided:
            return
        if start.exact is None or (self.p == 1 and self.inputs.on_kink(start)):
            self.say("whether b_1 and -b_1 are both KKT points was not decided at some point of the neuron")
            return
        A, B = sides.A, sides.B
        if self.D == 2:
            A, B = A + self.tau * B, B + self.tau * A
        elif A and B and (self.tau < 0 or (self.tau and self.p == 1)):
            self.say("points with both signs in the first of three or more leaky layers are not listed")
            return
        line, _ = primitive(start.exact)
        if not A * B or line in self._lines:
            return
        self._lines.add(line)  # -b_1 with both kinds of entries exchanged is the same
        for counts in (
            [(i, k - i) for k in range(2, m + 1) for i in range(1, k)]
            if self.p > 1
            else [(i, m - i) for i in range(1, m)]
        ):
            for first, others in self._split_shapes(counts, A / B):
                for each in itertools.product(*others):
                    tick()
                    yield Plan(start, (first, *each), entry)

    def _split_shapes(
        self, counts: tuple[int, int], quotient: Fraction
    ) -> Iterator[tuple[Shape, list[list[Shape]]]]:
        """The first layer with these numbers of entries of each sign, and the choices for the others;
        `quotient` is A/B.
        """
        m, *rest = self.hidden
        codes = _codes(counts, m)
        if self.tau and rest:
            above = [[Shape(_codes(c, width), self.ratio) for c in self._both_signs(width)] for width in rest]
            for found in split_ratios(self.p, self.tau, self.p ** len(rest), quotient, counts, self.bits):
                if found is None:
                    self.say("a solution with both signs in the first layer is not decided")
                    continue
                second = [
                    Shape((found.second,) * k + (0,) * (rest[0] - k), self.unit)
                    for k in range(1, rest[0] + 1)
                ]
                others = [second, *above[1:]] if found.second else above
                yield Shape(codes, found.ratio, found.flip, found.lead), others
            return
        if (rest and quotient < 0) or (self.p == 1 and abs(quotient) != 1):
            return
        later = self.p ** len(rest) - 1
        degree = self.p - 1 + (self.p + 1) * later
        ratio = root(abs(quotient) * Fraction(*counts) ** later, degree, self.bits) if degree else self.unit
        others = [[Shape(_codes(c, width), self.unit) for c in self._one_sign(width)] for width in rest]
        yield Shape(codes, ratio, 1 if quotient > 0 else -1), others

    def _continuum(self, plan: Plan) -> Continuum | None:
        texts: list[str] = []
        dimension: int | None = 0
        if plan.entry.continuum is not None or plan.entry.kind == Kind.ARC:
            dimension = plan.entry.continuum.dimension if plan.entry.continuum is not None else 1
            texts.append("b_1 in the set of KKT points of the neuron")
        free = sum(sum(map(abs, shape.codes)) - 1 for shape in plan.shapes)
        if self.p == 1 and free:
            dimension = None if dimension is None else dimension + free
            texts.append(
                "a_l of any entries with these signs and this length, and |b_(l+1)| along |a_l|, for each "
                "hidden l"
            )
        return Continuum(dimension, equation="; ".join(texts)) if texts else None


def _codes(counts: tuple[int, int], m: int) -> tuple[int, ...]:
    plus, minus = counts
    return (1,) * plus + (-1,) * minus + (0,) * (m - plus - minus)


def _arrangements(codes: Sequence[int]) -> int:
    return math.factorial(len(codes)) // math.prod(math.factorial(codes.count(c)) for c in (1, -1, 0))
