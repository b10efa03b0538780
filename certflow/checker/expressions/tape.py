"""R15: one part of a problem whose network is an expression: its steps for every sample, in any kind of
number, with gradients backwards and Hessians column by column.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import cached_property, partial
from typing import Generic, TypeVar

from ..kernel.network import Box, Evaluation, branched_box, gathered, inner, norm_bound, sizes
from ..kernel.numbers import ONE, Interval, around, dot, enclosed, largest, mul_up, times
from ..kernel.polynomials import Polynomial, Products, Samples, branched
from ..kernel.polynomials import dot as product
from ..kernel.verdicts import Refused
from .text import Operation, Reader, Sum

T = TypeVar("T")

MAX_WORK = 4_000_000
"""Most samples times steps times one more than the weights, of a part."""


@dataclass(frozen=True)
class Kind(Generic[T]):
    """How to compute with numbers of this kind: sums of products, and a kink step with its derivatives (all
    at least that are asked for).
    """

    number: Callable[[Fraction], T]
    product: Callable[[Sequence[T], Sequence[T]], T]
    kink: Callable[[T, Operation], Sequence[T]]


class Program(Generic[T]):
    """The steps of a tape with their numbers of one kind."""

    def __init__(self, tape: Tape, kind: Kind[T]) -> None:
        self.tape, self.kind, self.one = tape, kind, kind.number(Fraction(1))
        self.sums = [[self._converted(each) for each in step.factors] for step in tape.steps]
        self.output = self._converted(tape.output)

    def _converted(self, given: Sum) -> tuple[list[list[T]], list[int]]:
        """The numbers by sample, none if they are all 1 times one step; and the steps."""
        self.tape.samples.clock.tick()
        if len(given.terms) == 1 and all(v == 1 for v in given.terms[0][0]):
            return [], [given.terms[0][1]]
        columns = [[self.kind.number(v) for v in numbers] for numbers, _ in given.terms]
        rows = [[column[i] for column in columns] for i in range(len(self.tape.z))]
        return rows, [k for _, k in given.terms]

    def summed(self, given: tuple[list[list[T]], list[int]], i: int, values: list[T]) -> T:
        """A sum for sample i."""
        rows, steps = given
        if not rows:
            return values[steps[0]]
        return self.kind.product(rows[i], [values[k] for k in steps])

    def forwards(self, i: int, w: list[T]) -> tuple[T, list[list[T]]]:
        """The output on sample i, and of every step its derivatives by its factors; of a kink step the second
        one too.
        """
        values, slopes = list(w), []
        for step, sums in zip(self.tape.steps, self.sums, strict=True):
            self.tape.samples.clock.tick()
            factors = [self.summed(each, i, values) for each in sums]
            if len(factors) == 2:
                values.append(self.kind.product(factors[:1], factors[1:]))
                slopes.append(factors[::-1])
            else:
                value, *derivatives = self.kind.kink(factors[0], step)
                values.append(value)
                slopes.append(derivatives)
        return self.summed(self.output, i, values), slopes

    def backwards(self, i: int, slopes: list[list[T]], weight: T) -> list[T]:
        """The derivatives of weight times output by the weights and by the steps."""
        size = self.tape.size
        fed: list[tuple[list[T], list[T]]] = [([], []) for _ in range(size + len(slopes))]
        self.feed(fed, self.output, i, weight)
        result: list[T] = []
        for k in range(len(fed) - 1, -1, -1):
            self.tape.samples.clock.tick()
            result.append(self.kind.product(*fed[k]))
            if k >= size:
                for sums, slope in zip(self.sums[k - size], slopes[k - size], strict=False):
                    self.feed(fed, sums, i, self.kind.product([result[-1]], [slope]))
        return result[::-1]

    def feed(
        self,
        fed: list[tuple[list[T], list[T]]],
        given: tuple[list[list[T]], list[int]],
        i: int,
        signal: T,
    ) -> None:
        """Hand a derivative by a sum on to its steps."""
        rows, steps = given
        for number, k in zip(rows[i] if rows else [self.one], steps, strict=True):
            fed[k][0].append(number)
            fed[k][1].append(signal)


class Tape:
    """One part of an expression: `weights` are its weights among all, by which `steps` and `output` count.
    Steps after the weights are in the order of their computation.
    """

    def __init__(self, weights: list[int], steps: list[Operation], output: Sum, samples: Samples) -> None:
        self.weights, self.size, self.samples = weights, len(weights), samples
        self.steps, self.output = steps, output
        self.z, self.lengths = samples.z, [0] * len(samples.rows)
        self.stored = self.size * len(samples.rows)

    @cached_property
    def intervals(self) -> Program[Interval]:
        """In fixed-point intervals."""

        def kink(z: Interval, step: Operation) -> Sequence[Interval]:
            return branched_box(z, (step.left * ONE,) * 2, (step.right * ONE,) * 2, step.power)

        return Program(self, Kind(enclosed, dot, kink))

    # -- as a part of a problem ------------------------------------------------------------------------------

    def first_kinks(self, W: Box) -> list[Box]:
        """None: all that depends on the weights is computed from their box."""
        return [[] for _ in self.z]

    def kinks_along(self, u: list[Polynomial], keep: int) -> Iterator[list[Polynomial]]:
        """None, sample by sample."""
        return iter([[] for _ in self.z])

    def gradient_along(self, u: list[Polynomial], keep: int) -> list[Polynomial]:
        """R3: grad N along a piece of a curve (L3.3, L12.17)."""

        def kink(z: Polynomial, step: Operation) -> Sequence[Polynomial]:
            return branched(z, Fraction(step.left), Fraction(step.right), step.power, keep)

        program = Program(self, Kind(Polynomial.constant, partial(product, keep=keep), kink))
        sums = [Products() for _ in self.weights]
        one = Polynomial([ONE])
        for i, weight in enumerate(self.samples.z_polynomials):
            self.samples.clock.tick()
            _, slopes = program.forwards(i, u)
            for total, entry in zip(sums, program.backwards(i, slopes, weight), strict=False):
                total.add(one, entry)
        return [total.total(keep) for total in sums]

    def gradient_at(self, w: list[Fraction], weights: list[Fraction]) -> list[Fraction]:
        """grad N, with these weights of the samples, at the weights w, exactly; where the argument of a kink
        step is zero so is its derivative (L12.8).
        """

        def kink(z: Fraction, step: Operation) -> Sequence[Fraction]:
            cell = step.right if z > 0 else step.left
            return cell * z**step.power, cell * step.power * z ** (step.power - 1)

        program = Program(self, Kind(Fraction, inner, kink))
        total = [Fraction(0)] * self.size
        for i, weight in enumerate(weights):
            self.samples.clock.tick()
            _, slopes = program.forwards(i, w)
            total = [a + b for a, b in zip(total, program.backwards(i, slopes, weight), strict=False)]
        return total

    def evaluate(self, W: Box, Z: list[Box]) -> Evaluation:
        """Everything on the box W of weights (L3.1, L12.17)."""
        low, high = ([[0] * (k + 1) for k in range(self.size)] for _ in range(2))
        outputs: Box = []
        gradients: list[Box] = []
        for i, z in enumerate(self.z):
            output, gradient, columns = self._derived(i, W)
            outputs.append(output)
            gradients.append(gradient)
            for k, column in enumerate(columns):
                for j, entry in enumerate(column, k):
                    if any(entry):
                        entry = times(z, entry)
                        low[j][k] += entry[0]
                        high[j][k] += entry[1]
        return gathered(low, high, outputs, gradients)

    def everywhere(self) -> Evaluation:
        """Everything on a box that holds all weights of norm at most 1."""
        return self.evaluate([(-ONE, ONE)] * self.size, [])

    def forcing(self, evaluation: Evaluation, kappa: Box) -> Box:
        """sum_i kappa_i grad h_i, per weight."""
        self.samples.clock.tick()
        return [dot(kappa, column) for column in evaluation.slopes]

    def unit_outputs(self) -> list[int]:
        """R4: bounds of |h_i| at all weights of norm 1, for the order 2: half the norms of the generalised
        Hessians (L12.18).
        """
        bounds = []
        for i in range(len(self.z)):
            _, _, columns = self._derived(i, [(-ONE, ONE)] * self.size)
            entries = [[columns[min(j, k)][abs(j - k)] for k in range(self.size)] for j in range(self.size)]
            balls = [list(map(around, row)) for row in entries]
            matrix = sizes([[m for m, _ in row] for row in balls], [[r for _, r in row] for row in balls])
            bounds.append(-(-norm_bound(matrix) // 2))
        return bounds

    def largest_ncf(self) -> int:
        """R9: a bound of |N| at all weights of norm 1, with that of every h_i on their box (L12.18)."""
        total = 0
        for i, z in enumerate(self.z):
            self.samples.clock.tick()
            output, _ = self.intervals.forwards(i, [(-ONE, ONE)] * self.size)
            total += mul_up(largest(z), largest(output))
        return total

    # -- Hessians --------------------------------------------------------------------------------------------

    def _derived(self, i: int, W: Box) -> tuple[Interval, Box, list[Box]]:
        """Output, gradient and the columns of all generalised Hessians of h_i on the box W, each from its
        diagonal entry on.
        """
        self.samples.clock.tick()
        program = self.intervals
        output, slopes = program.forwards(i, W)
        signals = program.backwards(i, slopes, (ONE, ONE))
        return output, signals[: self.size], [self._column(i, k, slopes, signals) for k in range(self.size)]

    def _column(self, i: int, k: int, slopes: list[Box], signals: Box) -> Box:
        """The derivatives of the gradient by weight k, from that of its entry k on."""
        self.samples.clock.tick()
        program, size, zero = self.intervals, self.size, (0, 0)
        values: Box = [zero] * size
        values[k] = (ONE, ONE)
        moved: list[Box] = []
        for own, sums in zip(slopes, program.sums, strict=True):
            factors = [program.summed(each, i, values) for each in sums]
            moved.append(factors)
            values.append(dot(factors, own[: len(factors)]) if any(map(any, factors)) else zero)
        fed: list[tuple[Box, Box]] = [([], []) for _ in range(size + len(slopes))]
        result: Box = []
        for m in range(len(fed) - 1, k - 1, -1):
            change = dot(*fed[m])
            result.append(change)
            if m < size:
                continue
            # A signal to a factor is that to the step times a slope: the other factor, or the derivative.
            own, factors = slopes[m - size], moved[m - size]
            turned = factors[::-1] if len(factors) == 2 else [times(own[1], factors[0])]
            for given, slope, turn in zip(program.sums[m - size], own, turned, strict=False):
                signal = dot([change, signals[m]], [slope, turn])
                if any(signal):
                    program.feed(fed, given, i, signal)
        return result[: k - size - 1 : -1]


def tapes(reader: Reader, samples: Samples, where: str) -> list[Tape]:
    """The parts of an expression: of the order 2 sets of weights that no term of the output joins, otherwise
    all weights.
    """
    size, output = len(reader.weights), reader.output
    sets: list[int] = [1 << k for k in range(size)]
    if output.degree > 2:
        sets = [(1 << size) - 1]
    for _, k in output.terms:
        reader.clock.tick()
        joined = reader.steps[k].weights
        apart = [each for each in sets if not each & joined]
        for each in sets:
            joined |= each if each & joined else 0
        sets = [*apart, joined]
    # By the least weight of each.
    sets.sort(key=lambda each: each & -each)
    return [_part(reader, each, samples, where) for each in sets]


def _part(reader: Reader, own: int, samples: Samples, where: str) -> Tape:
    """The part with these weights, as bits."""
    reader.clock.tick()
    size = len(reader.weights)
    places = [k for k, step in enumerate(reader.steps) if step.weights & own]
    at = {k: place for place, k in enumerate(places)}
    output = Sum(reader.output.degree, [term for term in reader.output.terms if term[1] in at])

    def moved(given: Sum) -> Sum:
        return Sum(given.degree, [(numbers, at[k]) for numbers, k in given.terms])

    steps = [
        replace(reader.steps[k], factors=tuple(map(moved, reader.steps[k].factors)))
        for k in places
        if k >= size
    ]
    tape = Tape([k for k in places if k < size], steps, moved(output), samples)
    terms = 1 + sum(len(each.terms) for each in (tape.output, *(f for step in steps for f in step.factors)))
    if len(samples.rows) * (1 + tape.size) * terms > MAX_WORK:
        reason = f"samples times terms times weights of a part are more than {MAX_WORK}"
        raise Refused("R15", where, reason)
    return tape
