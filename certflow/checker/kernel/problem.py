"""R1: the exact problem in a certificate: network, order of homogeneity, samples, parts and groups."""

from __future__ import annotations

from collections.abc import Iterable
from fractions import Fraction
from itertools import count
from math import lcm
from operator import mul
from typing import Any

from ..expressions.tape import Tape, tapes
from ..expressions.text import Reader, is_name
from .network import AnyPart, Part
from .polynomials import Entries, Layers, Samples
from .reading import Node
from .verdicts import Clock

MAX_WEIGHTS, MAX_SAMPLES, MAX_WIDTH, MAX_DEPTH, MAX_POWER, MAX_ORDER = 5_000, 10_000, 1_000, 12, 16, 64
MAX_DEGREE = 4_096
MAX_BITS = 20_000
MAX_PART, MAX_ENTRIES, MAX_PRODUCTS, MAX_FEATURES = 400, 50_000, 4_000_000, 200_000
MAX_HELD = 400_000_000
"""Most bits of the samples (of the features of one layer, of a matrix), and of the products of two inputs."""

_COMMON = "inputs kind activation "
_NEEDED = {"one-layer": "width", "two-layer": "width", "feed-forward": "widths"}
_ALLOWED = {"one-layer": "signs", "two-layer": "", "feed-forward": "trained given"}
"""Kind of network -> the keys it has besides the common ones, and those it may have."""

_CURVATURES = {"square": (Fraction(1), Fraction(1)), "logistic": (Fraction(0), Fraction(1, 2))}
"""Loss -> bounds of l'': l(s, y) is (s - y)^2 / 2 or 2 log(1 + exp(-y s)). -l'(0, y) = y for both."""

ExactMatrix = list[list[Fraction]]


class Problem:
    """What is certified, exactly, in the units of the certificate (R1) (L5.8, L6.46).

    `order` is L, `degrees[l]` that of layer l; `indices[j]` the weights of part j, `groups` the parts of each
    group, `matrices` the layers on `features` (the exact outputs of the layers below the lowest trained one),
    `layers[j]` those of a part. `z[i]` = omega y_i, `curvature` >= l'', `least_curvature` <= l''. For the
    problem of the file, values of N are `rate` times, scaled times 1/`rate` times and |w|^L is `mass` times
    what is proved here; an untrained output layer is `last` times the one here.
    """

    def __init__(
        self,
        content: Any,
        clock: Clock,
        units: Node | None = None,
        lipschitz: bool = True,
        expressions: bool = False,
    ) -> None:
        top = Node(content, "problem").fields("network data loss direction")
        self.lipschitz, network = lipschitz, top["network"].value
        self.expression = expressions and isinstance(network, dict) and network.get("kind") == "expression"
        self.tapes: list[Tape] = []
        self.layers: list[Layers] = []
        self.beta: list[Fraction] = []
        if self.expression:
            self._names(top["network"])
        else:
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
        if self.expression:
            self._expression(top["network"], clock)
        else:
            self._parts(top["network"], clock)
        self.coupled = self.order == 2 and len(self.indices) > 1
        parts = list(range(len(self.indices)))
        self.groups = [[j] for j in parts] if self.coupled else [parts]

    def part(self, j: int) -> AnyPart:
        """Part j on boxes of its weights."""
        return self.tapes[j] if self.expression else Part(self.layers[j], self.shallow)

    def _names(self, node: Node) -> None:
        """R15: the names of an expression; layers it has none."""
        table = node.fields("kind weights inputs output")
        names = [[each.text() for each in table[key].items(1, MAX_WEIGHTS)] for key in ("weights", "inputs")]
        for key, own in zip(("weights", "inputs"), names, strict=True):
            if not all(map(is_name, own)) or len(set(own)) < len(own):
                table[key].fail("expected names, each once, that are not those of functions")
        self.weights, self.inputs = names
        if set(self.weights) & set(self.inputs):
            table["weights"].fail("a name is also one of an input")
        self.size, self.widths, self.depth, self.shallow = len(self.weights), [len(self.inputs)], 0, False
        self.alpha, self.p, self.trained = Fraction(0), 0, list[int]()
        self.given: dict[int, ExactMatrix] = {}
        self.degrees: dict[int, int] = {}

    def _expression(self, node: Node, clock: Clock) -> None:
        """R15: the parts of an expression, which is homogeneous, with a locally Lipschitz gradient
        (L12.17).
        """
        clock.enter("R15", node.where)
        self.features = self.samples
        columns = dict(zip(self.inputs, map(list, zip(*self.samples, strict=True)), strict=True))
        output = node.fields("kind weights inputs output")["output"]
        reader = Reader(output, self.weights, columns, len(self.samples), clock)
        self.order = reader.output.degree
        node.need(self.order >= 2, "the order of homogeneity is not at least 2", "R15")
        self.tapes = tapes(reader, Samples(self.samples, self.z, clock), output.where)
        self.indices = [tape.weights for tape in self.tapes]
        reason = f"at most {MAX_PART} weights of one part are checked"
        node.need(max(map(len, self.indices)) <= MAX_PART, reason, "R15")

    def _network(self, node: Node, clock: Clock) -> None:
        table = node.fields(_COMMON, "width signs widths trained given")
        kind = table["kind"].text(*_NEEDED)
        node.fields(_COMMON + _NEEDED[kind], _ALLOWED[kind])
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
        smooth = self.p > 1 or self.alpha == 1
        if self.lipschitz:
            node.need(smooth, "the gradient is not Lipschitz: the power is 1 and alpha is not 1", "R1")
        self.given = self._given(node, table, clock)
        self.trained = [l for l in range(1, self.depth + 1) if l not in self.given]
        if not self.lipschitz:
            last = self.trained == [self.depth - 1, self.depth]
            reason = (
                "the power is not 1 with another alpha than 1, or the last two layers are not those trained"
            )
            node.need(last and not smooth, reason, "R1")
        self.degrees = {l: self.p ** (self.depth - l) for l in range(1, self.depth + 1)}
        # The sample enters with the degree of the first layer.
        reason = f"the output has a degree above {MAX_DEGREE} in the sample"
        node.need(self.degrees[1] <= MAX_DEGREE, reason, "R1")
        self.order = sum(self.degrees[l] for l in self.trained)
        reason = f"the order of homogeneity is {self.order}; 2 to {MAX_ORDER} are checked"
        node.need(2 <= self.order <= MAX_ORDER, reason, "R1")
        self.size = sum(self.widths[l] * self.widths[l - 1] for l in self.trained)
        # Neurons of power 1 are checked one by one.
        most = MAX_WEIGHTS if self.lipschitz else MAX_ENTRIES
        if self.size > most or sum(map(mul, self.widths, self.widths[1:])) > MAX_ENTRIES:
            node.fail(f"at most {most} weights, and {MAX_ENTRIES} with those that are not trained, are read")

    def _given(self, node: Node, table: dict[str, Node], clock: Clock) -> dict[int, ExactMatrix]:
        """The untrained layers: the signs of a one-layer network, those not in `trained` of a feed-forward
        one.
        """
        if table["kind"].value == "one-layer":
            signs = [1] * self.widths[1]
            if "signs" in table:
                signs = [sign.integer(-1, 1) for sign in table["signs"].items(len(signs))]
                if 0 in signs or -1 not in signs:
                    table["signs"].fail("signs are 1 or -1, and left out if all are 1")
            return {2: [[Fraction(sign) for sign in signs]]}
        if "given" not in table and "trained" not in table:
            return {}
        node.fields(_COMMON + "widths trained given")
        trained = [layer.integer(1, self.depth) for layer in table["trained"].items(1, self.depth)]
        missing = [l for l in range(1, self.depth + 1) if l not in trained]
        if trained != sorted(set(trained)) or not missing:
            table["trained"].fail("list the trained layers in order, and only if some are not trained")
        matrices = table["given"].fields(" ".join(map(str, missing)))
        return {
            l: _matrix(matrices[str(l)].items(self.widths[l]), self.widths[l - 1], clock) for l in missing
        }

    def _data(self, data: Node, loss: Node, clock: Clock) -> None:
        table, kinds = data.fields("X y"), loss.fields("kind reduction")
        self.samples = _matrix(table["X"].items(1, MAX_SAMPLES), self.widths[0], clock)
        labels = table["y"].rationals(len(self.samples))
        kind, reduction = kinds["kind"].text(*_CURVATURES), kinds["reduction"].text("mean", "sum")
        if kind == "logistic" and any(abs(y) != 1 for y in labels):
            table["y"].fail("the logistic loss needs labels 1 and -1")
        self.loss = {"kind": kind, "reduction": reduction}
        self.omega = Fraction(1, len(labels)) if reduction == "mean" else Fraction(1)
        self.least_curvature, self.curvature = _CURVATURES[kind]
        self.z = [self.omega * y for y in labels]

    def _scale(self, node: Node) -> None:
        """R1: divide inputs, labels and given layers by powers of two, exactly, and note what that does to N
        and w.
        """
        table = node.fields("inputs labels given")
        inputs, labels = (table[name].integer(-MAX_BITS, MAX_BITS) for name in ("inputs", "labels"))
        layers = table["given"].fields("", " ".join(map(str, self.given)))
        given = {int(l): layer.integer(-MAX_BITS, MAX_BITS) for l, layer in layers.items()}
        if inputs and self.expression:
            table["inputs"].fail("the inputs of an expression have no unit")
        if labels and self.loss["kind"] != "square":
            table["labels"].fail("only the labels of the square loss have a unit")
        outputs = inputs * self.degrees.get(1, 0) + sum(e * self.degrees[l] for l, e in given.items())
        if abs(labels) + abs(outputs) > MAX_BITS:
            node.fail("the units are too large or too small")
        for matrix, e in ((self.samples, inputs), *((self.given[l], e) for l, e in given.items())):
            bits = len(matrix) * len(matrix[0]) * abs(e)
            node.need(bits <= MAX_HELD, "in these units the numbers need too much memory", "R1")
        self.rate, self.mass = Fraction(2) ** (labels + outputs), Fraction(2) ** (labels - outputs)
        self.last = Fraction(2) ** given.get(self.depth, 0)
        self.samples, (self.z,) = _halved(self.samples, inputs), _halved([self.z], labels)
        self.given |= {l: _halved(self.given[l], e) for l, e in given.items()}

    def _parts(self, node: Node, clock: Clock) -> None:
        self.features, lowest = self.samples, min(self.trained)
        for l in range(1, lowest):
            reason = f"more than {MAX_FEATURES} features of the samples would have to be computed"
            node.need(len(self.samples) * self.widths[l] <= MAX_FEATURES, reason, "R1")
            rows = (self._passed(self.given[l], x, node, clock) for x in self.features)
            self.features = _short(rows, node, clock)
        matrices: list[Entries] = []
        weights = count()
        for l in range(lowest, self.depth + 1):
            shape = range(self.widths[l]), range(self.widths[l - 1])
            matrices.append(self.given.get(l) or [[next(weights) for _ in shape[1]] for _ in shape[0]])
        self.matrices = matrices
        parts: list[list[Entries]] = [matrices]
        products = whole = 0
        self.shallow = len(matrices) == 2
        if self.shallow:
            hidden, (out,) = matrices
            parts = [[[row], [[v]]] for row, v in zip(hidden, out, strict=True)]
            width = len(self.features[0])
            products = len(self.features) * width**2
            # What the products have before the point: those after it are the same for all numbers.
            digits = (v.numerator.bit_length() - v.denominator.bit_length() for x in self.features for v in x)
            whole = sum(max(0, bits) for bits in digits) * width
        if products > MAX_PRODUCTS or self.size // len(parts) > MAX_PART:
            node.fail(
                f"at most {MAX_PART} weights of one part, and {MAX_PRODUCTS} products of inputs, are checked"
            )
        node.need(whole <= MAX_HELD, "the products of inputs are numbers that need too much memory", "R1")
        samples = Samples(self.features, self.z, clock)
        self.layers = [Layers(part, samples, self.alpha, self.p) for part in parts]
        self.indices = [layers.weights for layers in self.layers]

    def _passed(self, matrix: ExactMatrix, x: list[Fraction], node: Node, clock: Clock) -> list[Fraction]:
        result = []
        for row in matrix:
            clock.tick()
            z = sum((w * v for w, v in zip(row, x, strict=True)), Fraction(0))
            value = max(z, self.alpha * z)
            node.need((_bits(value) - 2) * self.p <= 2 * MAX_BITS, "the numbers are too long", "R1")
            result.append(value**self.p)
        return result


def _matrix(rows: list[Node], columns: int, clock: Clock) -> ExactMatrix:
    result = []
    for row in rows:
        clock.tick()
        result.append(row.rationals(columns))
    return result


def _halved(matrix: ExactMatrix, times: int) -> ExactMatrix:
    unit = Fraction(2) ** times
    return [[v / unit for v in row] for row in matrix]


def _bits(value: Fraction) -> int:
    return value.numerator.bit_length() + value.denominator.bit_length()


def _short(rows: Iterable[list[Fraction]], node: Node, clock: Clock) -> ExactMatrix:
    """The rows, made one by one; refuse numbers whose exact sums of products would be too long to work
    with.
    """
    common, held, result = 1, 0, []
    for row in rows:
        clock.tick()
        for value in row:
            common, held = lcm(common, value.denominator), held + _bits(value)
            longest = max(common.bit_length(), value.numerator.bit_length())
            node.need(longest <= MAX_BITS, "the numbers are too long", "R1")
        node.need(held <= MAX_HELD, "the numbers need too much memory", "R1")
        result.append(row)
    return result
