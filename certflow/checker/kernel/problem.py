"""R1: the exact problem in a certificate: network, order of homogeneity, samples, parts and groups."""

from __future__ import annotations

from collections.abc import Iterable
from fractions import Fraction
from math import lcm
from operator import mul
from typing import Any

from .polynomials import Layers, Samples
from .reading import Node
from .verdicts import Clock

MAX_WEIGHTS, MAX_SAMPLES, MAX_WIDTH, MAX_DEPTH, MAX_POWER, MAX_ORDER = 5_000, 10_000, 1_000, 12, 16, 64
MAX_DEGREE = 4_096
MAX_BITS = 20_000
MAX_PART, MAX_ENTRIES, MAX_PRODUCTS, MAX_FEATURES = 400, 50_000, 4_000_000, 200_000
MAX_HELD = 400_000_000
"""Most bits of the samples (of the features of one layer, of a matrix), and of the products of two inputs."""

_COMMON = "inputs kind activation "
_OWN = {"one-layer": ("width", "signs"), "two-layer": ("width", ""), "feed-forward": ("widths", "trained given")}
"""Kind of network -> the keys it has besides the common ones, and those it may have."""

Matrix = list[list[Fraction]]


class Problem:
    """What is certified, exactly, in the units of the certificate (R1).

    `order` is L, `indices[j]` the weights of part j, `groups` the parts of each group; `layers[j]` the part as layers on
    `features` (the exact outputs of the layers below the lowest trained one). `z[i]` = omega y_i, `curvature` >= l'',
    `least_curvature` <= l''. For the problem of the file, values of N are `rate` times, scaled times 1/`rate` times and |w|^L is
    `mass` times what is proved here; an untrained output layer is `last` times the one here.
    """

    def __init__(self, content: Any, clock: Clock, units: Node | None = None) -> None:
        top = Node(content, "problem").fields("network data loss direction")
        self._network(top["network"], clock)
        self._data(top["data"], top["loss"], clock)
        self.rate = self.mass = self.last = Fraction(1)
        if units is not None:
            self._scale(units)
        for matrix in self.given.values():
            _short(matrix, top["network"], clock)
        for matrix in (self.samples, [self.z]):
            _short(matrix, top["data"], clock)
        self.direction = top["direction"].rationals(self.size)
        _short([self.direction], top["direction"], clock)
        if not any(self.direction):
            top["direction"].fail("the direction is zero")
        self._parts(top["network"], clock)

    def _network(self, node: Node, clock: Clock) -> None:
        table = node.fields(_COMMON, "width signs widths trained given")
        needed, optional = _OWN[table["kind"].text(*_OWN)]
        node.fields(_COMMON + needed, optional)
        inputs = table["inputs"].integer(1, MAX_WIDTH)
        if "width" in table:
            self.widths = [inputs, table["width"].integer(1, MAX_WIDTH), 1]
        else:
            self.widths = [width.integer(1, MAX_WIDTH) for width in table["widths"].items(3, MAX_DEPTH + 1)]
        if inputs != self.widths[0] or self.widths[-1] != 1:
            table["widths"].fail("the first width is the number of inputs and the last is 1")
        self.depth = len(self.widths) - 1
        sigma = table["activation"].fields("alpha power")
        self.alpha, self.p = sigma["alpha"].rational(), sigma["power"].integer(1, MAX_POWER)
        if not -1 <= self.alpha <= 1:
            sigma["alpha"].fail("alpha is outside [-1, 1]")
        node.need(self.p > 1 or self.alpha == 1, "the gradient is not Lipschitz: the power is 1 and alpha is not 1", "R1")
        self.given = self._given(node, table, clock)
        self.trained = [l for l in range(1, self.depth + 1) if l not in self.given]
        degree = self.p ** (self.depth - 1)
        node.need(degree <= MAX_DEGREE, f"the output has a degree above {MAX_DEGREE} in the sample", "R1")
        # Order by degrees: layer l enters with degree p^(depth - l).
        self.order = sum(self.p ** (self.depth - l) for l in self.trained)
        node.need(2 <= self.order <= MAX_ORDER, f"the order of homogeneity is {self.order}; 2 to {MAX_ORDER} are checked", "R1")
        self.size = sum(self.widths[l] * self.widths[l - 1] for l in self.trained)
        if self.size > MAX_WEIGHTS or sum(map(mul, self.widths, self.widths[1:])) > MAX_ENTRIES:
            node.fail(f"at most {MAX_WEIGHTS} weights, and {MAX_ENTRIES} with those that are not trained, are read")

    def _given(self, node: Node, table: dict[str, Node], clock: Clock) -> dict[int, Matrix]:
        """The untrained layers: the signs of a one-layer network, those not in `trained` of a feed-forward one."""
        if table["kind"].value == "one-layer":
            count = self.widths[1]
            signs = [sign.integer(-1, 1) for sign in table["signs"].items(count)] if "signs" in table else [1] * count
            if 0 in signs or ("signs" in table and -1 not in signs):
                table["signs"].fail("signs are 1 or -1, and left out if all are 1")
            return {2: [[Fraction(sign) for sign in signs]]}
        if "given" not in table and "trained" not in table:
            return {}
        node.fields(_COMMON + "widths trained given")
        layers = range(1, self.depth + 1)
        trained = [layer.integer(1, self.depth) for layer in table["trained"].items(1, self.depth)]
        missing = [l for l in layers if l not in trained]
        if trained != [l for l in layers if l in trained] or not missing:
            table["trained"].fail("list the trained layers in order, and only if some are not trained")
        matrices = table["given"].fields(" ".join(map(str, missing)))
        given: dict[int, Matrix] = {l: [] for l in missing}
        for l in missing:
            for row in matrices[str(l)].items(self.widths[l]):
                clock.tick()
                given[l].append(row.rationals(self.widths[l - 1]))
        return given

    def _data(self, data: Node, loss: Node, clock: Clock) -> None:
        table, kinds = data.fields("X y"), loss.fields("kind reduction")
        self.samples: Matrix = []
        for row in table["X"].items(1, MAX_SAMPLES):
            clock.tick()
            self.samples.append(row.rationals(self.widths[0]))
        labels = table["y"].rationals(len(self.samples))
        kind, reduction = kinds["kind"].text("square", "logistic"), kinds["reduction"].text("mean", "sum")
        if kind == "logistic" and any(abs(y) != 1 for y in labels):
            table["y"].fail("the logistic loss needs labels 1 and -1")
        self.loss = {"kind": kind, "reduction": reduction}
        self.omega = Fraction(1, len(labels)) if reduction == "mean" else Fraction(1)
        # l(s, y): (s - y)^2 / 2 has l'' = 1; 2 log(1 + exp(-y s)) has 0 <= l'' <= 1/2. -l'(0, y) = y for both.
        self.least_curvature, self.curvature = (Fraction(1), Fraction(1)) if kind == "square" else (Fraction(0), Fraction(1, 2))
        self.z = [self.omega * y for y in labels]

    def _scale(self, node: Node) -> None:
        """R1: divide inputs, labels and given layers by powers of two, exactly, and note what that does to N and w."""
        table = node.fields("inputs labels given")
        inputs, labels = (table[name].integer(-MAX_BITS, MAX_BITS) for name in ("inputs", "labels"))
        layers = table["given"].fields("", " ".join(map(str, self.given)))
        given = {int(l): layer.integer(-MAX_BITS, MAX_BITS) for l, layer in layers.items()}
        if labels and self.loss["kind"] != "square":
            table["labels"].fail("only the labels of the square loss have a unit")
        outputs = inputs * self.p ** (self.depth - 1) + sum(e * self.p ** (self.depth - l) for l, e in given.items())
        if abs(labels) + abs(outputs) > MAX_BITS:
            node.fail("the units are too large or too small")
        for matrix, e in ((self.samples, inputs), *((self.given[l], e) for l, e in given.items())):
            node.need(len(matrix) * len(matrix[0]) * abs(e) <= MAX_HELD, "in these units the numbers need too much memory", "R1")
        self.rate, self.mass = Fraction(2) ** (labels + outputs), Fraction(2) ** (labels - outputs)
        self.last = Fraction(2) ** given.get(self.depth, 0)
        self.samples = [[v / Fraction(2) ** inputs for v in x] for x in self.samples]
        self.z = [z / Fraction(2) ** labels for z in self.z]
        for l, e in given.items():
            self.given[l] = [[v / Fraction(2) ** e for v in row] for row in self.given[l]]

    def _parts(self, node: Node, clock: Clock) -> None:
        lowest = min(self.trained)
        self.features = self.samples
        for l in range(1, lowest):
            fits = len(self.samples) * self.widths[l] <= MAX_FEATURES
            node.need(fits, f"more than {MAX_FEATURES} features of the samples would have to be computed", "R1")
            self.features = _short((self._passed(self.given[l], x, node, clock) for x in self.features), node, clock)
        index = 0
        matrices: list[list[list[int | Fraction]]] = []
        for l in range(lowest, self.depth + 1):
            rows, columns = self.widths[l], self.widths[l - 1]
            if l in self.given:
                matrices.append([list(row) for row in self.given[l]])
            else:
                matrices.append([[index + a * columns + b for b in range(columns)] for a in range(rows)])
                index += rows * columns
        self.shallow = len(matrices) == 2
        own = [[matrices[0][j : j + 1], [[matrices[1][0][j]]]] for j in range(self.widths[-2])] if self.shallow else [matrices]
        self.indices = [sorted(e for m in part for row in m for e in row if type(e) is int) for part in own]
        products = len(self.features) * len(self.features[0]) ** 2 if self.shallow else 0
        if products > MAX_PRODUCTS or max(map(len, self.indices)) > MAX_PART:
            node.fail(f"at most {MAX_PART} weights of one part, and {MAX_PRODUCTS} products of inputs, are checked")
        if self.shallow:
            # What the products have before the point: those after it are the same for all numbers.
            whole = sum(max(0, v.numerator.bit_length() - v.denominator.bit_length()) for x in self.features for v in x)
            fits = whole * len(self.features[0]) <= MAX_HELD
            node.need(fits, "the products of inputs are numbers that need too much memory", "R1")
        samples = Samples(self.features, self.z, clock)
        self.layers = []
        for part, indices in zip(own, self.indices, strict=True):
            place = {w: k for k, w in enumerate(indices)}
            local = [[[place[e] if type(e) is int else e for e in row] for row in m] for m in part]
            self.layers.append(Layers(local, samples, self.alpha, self.p))
        separate = self.order == 2 and len(own) > 1
        self.groups = [[j] for j in range(len(own))] if separate else [list(range(len(own)))]
        self.several = len(self.groups) > 1
        self.beta: list[Fraction] = []

    def _passed(self, matrix: Matrix, x: list[Fraction], node: Node, clock: Clock) -> list[Fraction]:
        result = []
        for row in matrix:
            clock.tick()
            z = sum((w * v for w, v in zip(row, x, strict=True)), Fraction(0))
            value = max(z, self.alpha * z)
            node.need((_bits(value) - 2) * self.p <= 2 * MAX_BITS, "the numbers are too long", "R1")
            result.append(value**self.p)
        return result


def _bits(value: Fraction) -> int:
    return value.numerator.bit_length() + value.denominator.bit_length()


def _short(rows: Iterable[list[Fraction]], node: Node, clock: Clock) -> Matrix:
    """The rows, made one by one; refuse numbers whose exact sums of products would be too long to work with."""
    common, held, result = 1, 0, []
    for row in rows:
        clock.tick()
        for value in row:
            common, held = lcm(common, value.denominator), held + _bits(value)
            node.need(max(common.bit_length(), value.numerator.bit_length()) <= MAX_BITS, "the numbers are too long", "R1")
        node.need(held <= MAX_HELD, "the numbers need too much memory", "R1")
        result.append(row)
    return result
