"""R1: the exact problem in a certificate: network, order of homogeneity, samples, parts and groups."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

from .polynomials import Layers
from .reading import integer, items, keys, rational, text
from .verdicts import Clock, Malformed, Refused

MAX_WEIGHTS, MAX_SAMPLES, MAX_WIDTH, MAX_DEPTH, MAX_POWER, MAX_ORDER = 5_000, 10_000, 1_000, 12, 16, 64
MAX_DEGREE = 4_096
MAX_BITS = 200_000

Matrix = list[list[Fraction]]


class Problem:
    """What is certified, exactly.

    `order` is L, `indices[j]` the weights of part j, `groups` the parts of each group; `layers[j]` the part as layers on
    `features` (the exact outputs of the layers below the lowest trained one). `z[i]` = omega y_i, `curvature` >= l'',
    `least_curvature` <= l''. `outgoing[j]` is the fixed output weight of a neuron, if it is not trained.
    """

    def __init__(self, content: Any, clock: Clock) -> None:
        top = keys(content, {"network", "data", "loss", "direction"}, "problem")
        self._network(top["network"])
        self._data(top["data"], top["loss"])
        self.direction = _numbers(top["direction"], "problem.direction", self.size)
        if not any(self.direction):
            raise Malformed("problem.direction", "the direction is zero")
        self._parts(clock)

    def _network(self, table: Any) -> None:
        where = "problem.network"
        kind = text(
            table.get("kind") if isinstance(table, dict) else None, f"{where}.kind", ("one-layer", "two-layer", "feed-forward")
        )
        common = {"inputs", "kind", "activation"}
        if kind == "feed-forward":
            keys(table, common | {"widths"}, where, frozenset({"trained", "given"}))
            widths = items(table["widths"], f"{where}.widths", 3, MAX_DEPTH + 1)
            self.widths = [integer(m, f"{where}.widths", 1, MAX_WIDTH) for m in widths]
        else:
            keys(table, common | {"width"}, where, frozenset({"signs"} if kind == "one-layer" else ()))
            inputs = integer(table["inputs"], f"{where}.inputs", 1, MAX_WIDTH)
            self.widths = [inputs, integer(table["width"], f"{where}.width", 1, MAX_WIDTH), 1]
        if integer(table["inputs"], f"{where}.inputs", 1, MAX_WIDTH) != self.widths[0] or self.widths[-1] != 1:
            raise Malformed(f"{where}.widths", "the first width is the number of inputs and the last is 1")
        self.depth = len(self.widths) - 1
        sigma = keys(table["activation"], {"alpha", "power"}, f"{where}.activation")
        self.alpha = rational(sigma["alpha"], f"{where}.activation.alpha")
        self.p = integer(sigma["power"], f"{where}.activation.power", 1, MAX_POWER)
        if not -1 <= self.alpha <= 1:
            raise Malformed(f"{where}.activation.alpha", "alpha is outside [-1, 1]")
        if self.p == 1 and self.alpha != 1:
            raise Refused("R1", f"{where}.activation", "the gradient is not Lipschitz: the power is 1 and alpha is not 1")
        given = self._given(kind, table)
        self.trained = [l for l in range(1, self.depth + 1) if l not in given]
        if not self.trained or self.trained == [self.depth]:
            raise Refused("R1", f"{where}.trained", "the order of homogeneity is below 2")
        # Order by degrees: layer l enters with degree p^(depth - l).
        self.order = sum(self.p ** (self.depth - l) for l in self.trained)
        if self.p ** (self.depth - 1) > MAX_DEGREE:
            raise Refused("R1", where, f"the output has a degree above {MAX_DEGREE} in the sample")
        if not 2 <= self.order <= MAX_ORDER:
            raise Refused("R1", where, f"the order of homogeneity is {self.order}; 2 to {MAX_ORDER} are checked")
        self.given = given
        self.size = sum(self.widths[l] * self.widths[l - 1] for l in self.trained)
        if self.size > MAX_WEIGHTS:
            raise Malformed(where, f"there are {self.size} weights; at most {MAX_WEIGHTS} are read")

    def _given(self, kind: str, table: dict[str, Any]) -> dict[int, Matrix]:
        where = "problem.network"
        if kind == "two-layer":
            return {}
        if kind == "one-layer":
            signs = items(table.get("signs", [1] * self.widths[1]), f"{where}.signs", self.widths[1], self.widths[1])
            if any(integer(s, f"{where}.signs", -1, 1) == 0 for s in signs) or ("signs" in table and -1 not in signs):
                raise Malformed(f"{where}.signs", "signs are 1 or -1, and left out if all are 1")
            return {2: [[Fraction(s) for s in signs]]}
        if "given" not in table and "trained" not in table:
            return {}
        layers = range(1, self.depth + 1)
        trained = [
            integer(l, f"{where}.trained", 1, self.depth) for l in items(table.get("trained"), f"{where}.trained", 1, self.depth)
        ]
        missing = [l for l in layers if l not in trained]
        if trained != [l for l in layers if l in trained] or not missing:
            raise Malformed(f"{where}.trained", "list the trained layers in order, and only if some are not trained")
        matrices = keys(table.get("given"), {str(l) for l in missing}, f"{where}.given")
        result = {}
        for l in missing:
            place = f"{where}.given.{l}"
            rows = items(matrices[str(l)], place, self.widths[l], self.widths[l])
            result[l] = [_numbers(row, place, self.widths[l - 1]) for row in rows]
        return result

    def _data(self, data: Any, loss: Any) -> None:
        table = keys(data, {"X", "y"}, "problem.data")
        rows = items(table["X"], "problem.data.X", 1, MAX_SAMPLES)
        self.samples = [_numbers(row, "problem.data.X", self.widths[0]) for row in rows]
        labels = _numbers(table["y"], "problem.data.y", len(rows))
        parts = keys(loss, {"kind", "reduction"}, "problem.loss")
        kind = text(parts["kind"], "problem.loss.kind", ("square", "logistic"))
        reduction = text(parts["reduction"], "problem.loss.reduction", ("mean", "sum"))
        if kind == "logistic" and any(abs(y) != 1 for y in labels):
            raise Malformed("problem.data.y", "the logistic loss needs labels 1 and -1")
        self.loss = {"kind": kind, "reduction": reduction}
        self.omega = Fraction(1, len(rows)) if reduction == "mean" else Fraction(1)
        # l(s, y): (s - y)^2 / 2 has l'' = 1; 2 log(1 + exp(-y s)) has 0 <= l'' <= 1/2. -l'(0, y) = y for both.
        self.curvature = Fraction(1) if kind == "square" else Fraction(1, 2)
        self.least_curvature = Fraction(1) if kind == "square" else Fraction(0)
        self.z = [self.omega * y for y in labels]

    def _parts(self, clock: Clock) -> None:
        lowest = min(self.trained)
        self.features = self.samples
        for l in range(1, lowest):
            self.features = [self._passed(self.given[l], x, clock) for x in self.features]
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
        self.layers = []
        for part, indices in zip(own, self.indices, strict=True):
            place = {w: k for k, w in enumerate(indices)}
            local = [[[place[e] if type(e) is int else e for e in row] for row in m] for m in part]
            self.layers.append(Layers(local, self.features, self.z, self.alpha, self.p, clock))
        separate = self.order == 2 and len(own) > 1
        self.groups = [[j] for j in range(len(own))] if separate else [list(range(len(own)))]
        self.several = len(self.groups) > 1

    def _passed(self, matrix: Matrix, x: list[Fraction], clock: Clock) -> list[Fraction]:
        result = []
        for row in matrix:
            clock.tick()
            z = sum((w * v for w, v in zip(row, x, strict=True)), Fraction(0))
            result.append(max(z, self.alpha * z) ** self.p)
            if result[-1].denominator.bit_length() + result[-1].numerator.bit_length() > MAX_BITS:
                raise Refused("R1", "problem.network.given", "the exact features of the untrained layers are too long")
        return result


def _numbers(value: Any, where: str, count: int) -> list[Fraction]:
    return [rational(v, f"{where}[{i}]") for i, v in enumerate(items(value, where, count, count))]
