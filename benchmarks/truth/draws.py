"""Random problems of every family at every scale, each decided by the seed of the campaign and its own number
alone.

Numbers are exact and short: decimals, fractions, doubles. Data are in general or in special position
(repeated, opposite, zero, flat, symmetric); starts are anywhere, on a kink, a hair off it, near or on an
eigenvector, with blocks that are zero or tiny.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

import numpy as np

Rows = list[list[Fraction]]
LEAKS = (Fraction(0), Fraction(0), Fraction(1, 4), Fraction(-1, 2), Fraction(1, 3), Fraction(-1))
EPSILONS = (Fraction(1, 5), Fraction(1, 10), Fraction(1, 20), Fraction(1, 50), Fraction(1, 100))
EXPRESSIONS = (
    ("u1*abs(u2)*x1", "u1 u2", "x1"),
    ("u1*u2*x1 + u3**2*x2", "u1 u2 u3", "x1 x2"),
    ("u1*u2*u3*x1", "u1 u2 u3", "x1"),
    ("max(u1*x1 + u2*x2, 0)**2 - u3**2*x1", "u1 u2 u3", "x1 x2"),
    ("u1**2*x1 - u2**2*x1 + u1*u2*x2", "u1 u2", "x1 x2"),
    ("u1*max(u2*x1, u3*x2)", "u1 u2 u3", "x1 x2"),
    ("(u1*x1 + u2*x2)**3 - u1*min(u2, u1)**2*x1", "u1 u2", "x1 x2"),
)

LIPSCHITZ = (
    ("u1*v1*x1 + u2*v2*x2", "u1 u2 v1 v2", "x1 x2"),
    ("x1*(u1**3 - v1**3) + x2*(u2**3 - v2**3)", "u1 u2 v1 v2", "x1 x2"),
    ("u1*v1*w1*x1 - u2*v2*w2*x2", "u1 u2 v1 v2 w1 w2", "x1 x2"),
    ("(u1*x1 + u2*x2)*(v1*x1 + v2*x2)", "u1 u2 v1 v2", "x1 x2"),
    ("(a*x1 + b*x2)*(c*x1 + d*x2) - (e*x1 + f*x2)*(g*x1 - h*x2)", "a b c d e f g h", "x1 x2"),
    ("(u1*x1 + u2*x2)**2 - (v1*x1 + v2*x2)**2 + u1*u2*x1", "u1 u2 v1 v2", "x1 x2"),
    ("(u1*x1 + u2*x2)**2 - 3*(u1*x2 + u2*x3)**2", "u1 u2", "x1 x2 x3"),
    ("x1*(u1**2 - v1**2) + x2*(u2**2 - v2**2)", "u1 u2 v1 v2", "x1 x2"),
    ("max(u1*x1 + u2*x2, 0)**2 - max(v1*x1 + v2*x2, 0)**2", "u1 u2 v1 v2", "x1 x2"),
    ("min(u1*x1 + u2*x2, 0)**2*x1**2 - (v1*x1 - v2*x2)**2", "u1 u2 v1 v2", "x1 x2"),
    ("abs(u1*x1 + u2*x2)**3 - abs(v1*x2 - v2*x1)**3", "u1 u2 v1 v2", "x1 x2"),
    ("v*max(u1*x1 + u2*x2, 0)**2 + v**3", "u1 u2 v", "x1 x2"),
    ("max(u1*max(u2*x1, 0)**2 - u3**3*x2, 0)**2", "u1 u2 u3", "x1 x2"),
    ("(c*x1 + d*x2)*(u1*x1 + u2*x2)*(v1*x1 + v2*x2)", "c d u1 u2 v1 v2", "x1 x2"),
    ("(u1**2 + u2**2)*u1*x1 - u2**3*abs(x2)", "u1 u2", "x1 x2"),
    ("2*(u1**4*x1 - 2*abs(u1 + u2)**3*v*x2**2)*v**3", "u1 u2 v", "x1 x2"),
    ("max(u1 + u2, 0)**2*x1 + min(u1 - u2, 0)**2*x2 - abs(u1*x1)**2", "u1 u2", "x1 x2"),
)
"""Expressions with a locally Lipschitz gradient."""


@dataclass
class Draw:
    """One random problem as the keywords of a network and exact lists."""

    family: str
    kind: str
    power: int = 2
    alpha: Fraction = Fraction(0)
    widths: list[int] = field(default_factory=list)
    signs: list[int] | None = None
    trained: list[int] | None = None
    given: dict[int, Rows] = field(default_factory=dict)
    expression: tuple[str, str, str] | None = None
    X: Rows = field(default_factory=list)
    y: list[Fraction] = field(default_factory=list)
    loss: str = "square"
    reduction: str = "mean"
    direction: list[Fraction] = field(default_factory=list)
    epsilon: Fraction = Fraction(1, 100)
    start_angle: Fraction = Fraction(0)
    delta_bar: Fraction | None = None
    start: str = "anywhere"
    scales: dict[str, str] = field(default_factory=dict)

    @property
    def size(self) -> int:
        """The number of weights."""
        if self.expression is not None:
            return len(self.expression[1].split())
        return sum(self.widths[l] * self.widths[l - 1] for l in self.layers)

    @property
    def layers(self) -> list[int]:
        """The trained layers."""
        return [1] if self.kind == "one-layer" else self.trained or list(range(1, len(self.widths)))


Rng = random.Random


def _one(
    rng: Rng, power: int, leaks: tuple[Fraction, ...], inputs: tuple[int, ...] = (1, 2, 2, 3, 4)
) -> dict[str, Any]:
    m = rng.choice((1, 1, 2, 2, 3))
    signs = [rng.choice((1, -1)) for _ in range(m)]
    return {
        "kind": "one-layer",
        "power": power,
        "alpha": rng.choice(leaks),
        "widths": [rng.choice(inputs), m, 1],
        "signs": None if min(signs) == 1 else signs,
    }


def _two(rng: Rng, power: int, leaks: tuple[Fraction, ...]) -> dict[str, Any]:
    widths = [rng.choice((1, 2, 2)), rng.choice((1, 1, 2)), 1]
    return {"kind": "two-layer", "power": power, "alpha": rng.choice(leaks), "widths": widths}


def _deep(
    rng: Rng, power: int, leaks: tuple[Fraction, ...], trained: list[list[int]] | None = None
) -> dict[str, Any]:
    widths = rng.choice(([1, 1, 1, 1], [1, 1, 1, 1], [2, 1, 1, 1], [1, 1, 2, 1]))
    chosen = None if trained is None else rng.choice(trained)
    if chosen is not None:
        widths = [rng.choice((1, 2)), rng.choice((1, 2)), rng.choice((1, 2)), 1]
    return {
        "kind": "feed-forward",
        "power": power,
        "alpha": rng.choice(leaks),
        "widths": widths,
        "trained": chosen,
    }


def _wide_linear(rng: Rng) -> dict[str, Any]:
    widths = rng.choice(([2, 2, 2, 1], [1, 2, 2, 1], [2, 3, 2, 1], [3, 1, 2, 1], [2, 2, 2, 2, 1]))
    return {"kind": "feed-forward", "power": 1, "alpha": Fraction(1), "widths": widths}


def _power_1(rng: Rng) -> dict[str, Any]:
    d, alpha = rng.choice((1, 2, 2, 3, 3, 4)), rng.choice((*LEAKS[:1] * 3, *LEAKS))
    if rng.random() < 0.2:
        widths, trained = [rng.choice((1, 2)), d, rng.choice((1, 2)), 1], [2, 3]
        return {"kind": "feed-forward", "power": 1, "alpha": alpha, "widths": widths, "trained": trained}
    return {"kind": "two-layer", "power": 1, "alpha": alpha, "widths": [d, rng.choice((1, 1, 2, 3)), 1]}


def _fading(rng: Rng) -> dict[str, Any]:
    if rng.random() < 0.2:
        widths, trained = [rng.choice((1, 2)), rng.choice((2, 3)), rng.choice((1, 2)), 1], [2]
        alpha = rng.choice(LEAKS[:4])
        return {"kind": "feed-forward", "power": 2, "alpha": alpha, "widths": widths, "trained": trained}
    return _one(rng, 2, LEAKS, (2, 3, 4, 5))


def _alike(rng: Rng) -> dict[str, Any]:
    if rng.random() < 0.25:
        widths = [rng.choice((2, 3)), 1, 1]
        return {"kind": "two-layer", "power": 2, "alpha": rng.choice(LEAKS), "widths": widths}
    return _one(rng, 2, LEAKS, (2, 2, 3, 4))


def _expression(rng: Rng) -> dict[str, Any]:
    own = rng.choice(EXPRESSIONS)
    return {"kind": "expression", "expression": own, "widths": [len(own[2].split()), 1]}


def _lipschitz(rng: Rng) -> dict[str, Any]:
    own = rng.choice(LIPSCHITZ)
    return {"kind": "expression", "expression": own, "widths": [len(own[2].split()), 1]}


FAMILIES: dict[str, Callable[[Rng], dict[str, Any]]] = {
    "neurons": lambda rng: _one(rng, 2, LEAKS[:1]),
    "planar neurons": lambda rng: _one(rng, 2, LEAKS, (2,)),
    "leaky neurons": lambda rng: _one(rng, 2, LEAKS[2:]),
    "cubic neurons": lambda rng: _one(rng, 3, LEAKS, (1, 2, 2)),
    "two-layer": lambda rng: _two(rng, 2, LEAKS),
    "two-layer cubic": lambda rng: _two(rng, 3, LEAKS[:3]),
    "two-layer linear": lambda rng: _two(rng, 1, (Fraction(1),)),
    "two-layer ReLU": lambda rng: _two(rng, 1, LEAKS[:3]),
    "deep": lambda rng: _deep(rng, 2, LEAKS[:1]),
    "deep cubic": lambda rng: _deep(rng, 3, LEAKS[:1]),
    "deep leaky": lambda rng: _deep(rng, 2, LEAKS[2:5]),
    "deep linear": lambda rng: _deep(rng, 1, (Fraction(1),)),
    "deep linear continuum": _wide_linear,
    "last two layers": lambda rng: _deep(rng, 2, LEAKS[:4], [[2, 3]]),
    "given around": lambda rng: _deep(rng, 2, LEAKS[:4], [[2], [2, 3], [1, 2], [1, 3], [1]]),
    "expression": _expression,
    "power 1": _power_1,
    "fading": _fading,
    "equal eigenvalues": _alike,
    "starts beside": lambda rng: _one(rng, 2, LEAKS, (2, 2, 3)),
    "exact starts": lambda rng: _one(rng, rng.choice((2, 2, 3)), LEAKS, (2, 2, 3)),
    "given delta": lambda rng: _one(rng, 2, LEAKS, (2, 2, 3, 5)),
    "expressions": _lipschitz,
}


def draw(seed: int, index: int, family: str | None = None) -> Draw:
    """The problem of this number in the campaign of this seed, or in that of one family."""
    rng = random.Random(f"certflow campaign {seed} {index}")
    family = family or list(FAMILIES)[index % len(FAMILIES)]
    made = Draw(family, **FAMILIES[family](rng))
    made.loss, made.reduction = rng.choice(("square", "square", "logistic")), rng.choice(("mean", "sum"))
    if made.kind != "expression":
        for layer in set(range(1, len(made.widths))) - set(made.layers):
            if made.kind != "one-layer":
                made.given[layer] = [
                    [_number(rng) for _ in range(made.widths[layer - 1])] for _ in range(made.widths[layer])
                ]
    _data(rng, made)
    if family == "fading":
        _rays(rng, made)
    _start(rng, made)
    if family in ("exact starts", "starts beside"):
        _on_axes(rng, made)
    if family == "starts beside":
        _moved(rng, made)
    if family == "equal eigenvalues":
        _on_circles(rng, made)
    _scale(rng, made)
    made.epsilon = rng.choice(EPSILONS)
    made.start_angle = min(made.epsilon, rng.choice((*[Fraction(0)] * 5, Fraction(1, 1000), Fraction(1, 50))))
    if family in ("exact starts", "starts beside"):
        made.start_angle = Fraction(0)
    if family == "given delta" or (family == "expressions" and rng.random() < 0.15):
        made.delta_bar = Fraction(1, 10 ** rng.randint(2, 9))
    return made


def _number(rng: Rng) -> Fraction:
    kind = rng.randrange(4)
    if kind == 0:
        return Fraction(rng.randint(-40, 40), rng.choice((3, 7, 9, 11)))
    if kind == 1:
        return Fraction(rng.gauss(0, 1))
    return Fraction(rng.randint(-250, 250), 100)


def _data(rng: Rng, made: Draw) -> None:
    n, d = rng.randint(1, 6 if len(made.widths) == 3 else 4), made.widths[0]
    style = rng.choice(("general", "general", "general", "grid", "symmetric"))
    entry = (lambda: Fraction(rng.randint(-1, 1))) if style == "grid" else lambda: _number(rng)
    if style == "symmetric":
        made.X = [[Fraction(s * (i == k)) for i in range(d)] for k in range(d) for s in (1, -1)][:6]
    else:
        made.X = [[entry() for _ in range(d)] for _ in range(n)]
    made.y = [entry() for _ in made.X]
    n = len(made.X)
    special = rng.randrange(10)
    if special == 0 and n > 1:
        i, j = rng.sample(range(n), 2)
        made.X[i], made.y[i] = list(made.X[j]), rng.choice((made.y[i], made.y[j], -made.y[j]))
    elif special == 1 and n > 1:
        i, j = rng.sample(range(n), 2)
        made.X[i] = [-2 * v for v in made.X[j]]
    elif special == 2:
        made.X[rng.randrange(n)] = [Fraction(0)] * d
    elif special == 3:
        made.X = [[(k + 1) * v for v in made.X[0]] for k in range(n)]
    elif special == 4:
        made.y = [abs(v) for v in made.y]
    elif special == 5:
        made.y[rng.randrange(n)] = Fraction(0)
    if made.loss == "logistic":
        made.y = [Fraction(1 if v > 0 else -1) for v in made.y]


def _rays(rng: Rng, made: Draw) -> None:
    """Samples on few rays, often repeated with labels of both signs: neurons turn to where none of them
    acts.
    """
    d = made.widths[0]
    rays = [[_number(rng) or Fraction(1) for _ in range(d)] for _ in range(rng.randint(1, max(1, d)))]
    sign = rng.choice((1, -1))
    made.X, made.y = [], []
    for ray in rays:
        for k in range(rng.choice((1, 1, 2, 3))):
            made.X.append([v * rng.choice((1, 2, Fraction(1, 3))) for v in ray] if k == 0 else list(ray))
            if k and rng.random() < 0.5:
                made.X[-1] = [3 * v for v in ray]
            size = abs(_number(rng)) if made.loss == "square" else Fraction(1)
            made.y.append((sign if rng.random() < 0.75 else -sign) * (size or Fraction(1)))


def _on_axes(rng: Rng, made: Draw) -> None:
    """Samples on the axes, and neurons that start on these, or anywhere where all axes are alike."""
    d, alike = made.widths[0], rng.random() < 0.5
    made.X, made.y = [], []
    size, label = _number(rng) or Fraction(1), _number(rng) or Fraction(1)
    for k in range(d):
        for sign in rng.choice(((1,), (1, -1))):
            own = size if alike else _number(rng) or Fraction(1)
            made.X.append([sign * own * (i == k) for i in range(d)])
            made.y.append(label if alike else _number(rng))
    if made.loss == "logistic":
        made.y = [Fraction(1 if v > 0 else -1) for v in made.y]
    for row in (range(j * d, (j + 1) * d) for j in range(made.widths[1])):
        axis, anywhere = rng.randrange(d), alike and made.power == 2 and rng.random() < 0.7
        for i in row:
            kept = anywhere or i - row[0] == axis
            made.direction[i] = (made.direction[i] or Fraction(1)) if kept else Fraction(0)


def _moved(rng: Rng, made: Draw) -> None:
    """One more neuron that starts anywhere."""
    d = made.widths[0]
    made.widths[1] += 1
    if made.signs is not None:
        made.signs = [*made.signs, rng.choice((1, -1))]
    made.direction += [_number(rng) or Fraction(1) for _ in range(d)]


def _on_circles(rng: Rng, made: Draw) -> None:
    """Samples whose quadratic form has equal eigenvalues for the neurons that start between them, sometimes
    with a third axis, turned, or beside samples that do not act on them.
    """
    d = made.widths[0]
    alike = d if d == 2 or rng.random() < 0.3 else d - 1
    size, label = abs(_number(rng)) or Fraction(1), abs(_number(rng)) or Fraction(1)
    tilt = Fraction(rng.randint(1, 5), 7)
    made.X, made.y = [], []
    for k in range(alike):
        for sign in (1, -1) if alike < d else (1,):
            made.X.append([size * (i == k) + size * tilt * sign * (i >= alike) for i in range(d)])
            made.y.append(label)
    if rng.random() < 0.5:
        made.X.append([-abs(_number(rng)) - Fraction(1, 2) for _ in range(d)])
        made.y.append(_number(rng) if made.alpha == 0 else Fraction(0))
    if made.loss == "logistic":
        made.loss = "square"
    for row in range(made.widths[1]):
        for i in range(d):
            value = abs(_number(rng)) + Fraction(1, 3)
            made.direction[row * d + i] = value if i < alike else value * rng.choice((1, -1)) * tilt / 2
    if rng.random() < 0.3:
        turn = ((Fraction(3, 5), Fraction(-4, 5)), (Fraction(4, 5), Fraction(3, 5)))
        rows = [made.direction[k * d : (k + 1) * d] for k in range(made.widths[1])]
        for vector in (*made.X, *rows):
            vector[:2] = [a * vector[0] + b * vector[1] for a, b in turn]
        made.direction = [v for row in rows for v in row] + made.direction[len(rows) * d :]


def _start(rng: Rng, made: Draw) -> None:
    w = [_number(rng) or Fraction(1) for _ in range(made.size)]
    made.start = rng.choice(
        (
            *["anywhere"] * 5,
            "kink",
            "near kink",
            "zero block",
            "tiny block",
            "eigenvector",
            "eigenvector",
            "axis",
        )
    )
    d = made.widths[0]
    blocks = (
        [list(range(j * d, (j + 1) * d)) for j in range(made.widths[1])]
        if made.kind == "one-layer"
        else [[i] for i in range(len(w))]
    )
    block = rng.choice(blocks)
    if made.start in ("kink", "near kink") and 1 in made.layers and made.kind != "expression" and d > 1:
        # The first neuron's row is orthogonal to a sample, up to a hair.
        row, x = list(range(d)), rng.choice(made.X)
        square = sum(v * v for v in x)
        if square:
            along = sum(w[i] * v for i, v in zip(row, x, strict=True)) / square
            off = (
                Fraction(0)
                if made.start == "kink"
                else rng.choice((1, -1)) * Fraction(1, 10 ** rng.choice((9, 17, 60)))
            )
            for i, v in zip(row, x, strict=True):
                w[i] += (off - along) * v
    elif made.start == "zero block":
        w = [Fraction(0) if i in block else v for i, v in enumerate(w)]
    elif made.start == "tiny block":
        small = Fraction(1, 10 ** rng.choice((6, 30, 300)))
        w = [small * v if i in block else v for i, v in enumerate(w)]
    elif made.start == "eigenvector" and made.kind == "one-layer" and made.power == 2:
        for b in blocks:
            for i, v in zip(b, _eigenvector(rng, made, [w[i] for i in b]), strict=True):
                w[i] = v
    elif made.start == "axis":
        axis, rest = rng.randrange(len(w)), Fraction(rng.choice((0, 1)), 10**6)
        w = [v if i == axis else rest for i, v in enumerate(w)]
    if made.family == "power 1" and rng.random() < 0.4:
        made.start = _special_neuron(rng, made, w)
    made.direction = w if any(w) else [Fraction(1)] * len(w)


def _special_neuron(rng: Rng, made: Draw, w: list[Fraction]) -> str:
    """Change one neuron: |w_j| = |v_j| exactly, v_j = 0, |v_j| small or large beside |w_j|, or w_j = 0."""
    d, m = made.widths[-3:-1]
    j, kind = rng.randrange(m), rng.choice(("balanced", "balanced", "v = 0", "large v", "small v", "w = 0"))
    row, v = slice(j * d, (j + 1) * d), m * d + j
    if kind == "balanced":
        slopes = [Fraction(rng.randint(-9, 9), rng.randint(1, 9)) for _ in range(d - 1)]
        square = sum(t * t for t in slopes)
        place = rng.randrange(d)
        vector = [2 * t / (1 + square) for t in slopes]
        vector.insert(place, rng.choice((1, -1)) * (1 - square) / (1 + square))
        w[row] = [abs(w[v]) * a for a in vector]
    elif kind == "w = 0":
        w[row] = [Fraction(0)] * d
    else:
        w[v] *= {"v = 0": 0, "large v": 7, "small v": Fraction(1, 7)}[kind]
    return kind


def _eigenvector(rng: Rng, made: Draw, u: list[Fraction]) -> list[Fraction]:
    """Near an eigenvector of N on the cell of u, perhaps a saddle."""
    X = np.array([[float(v) for v in row] for row in made.X])
    y, start, off = (
        np.array([float(v) for v in made.y]),
        np.array([float(v) for v in u]),
        float(made.alpha) ** 2,
    )
    branch = np.where(X @ start > 0, 1.0, off)
    v = np.linalg.eigh((X * (y * branch)[:, None]).T @ X)[1][:, rng.randrange(len(u))]
    v = v if v @ start > 0 else -v
    near = Fraction(1, 10 ** rng.choice((3, 6, 9)))
    return [
        Fraction(float(a)).limit_denominator(10**12) + near * Fraction(rng.randint(-99, 99), 100) for a in v
    ]


def _scale(rng: Rng, made: Draw) -> None:
    """Inputs, labels, given layers and the start times numbers that are mostly ordinary, sometimes huge or
    tiny.
    """

    def factor(name: str) -> Fraction:
        kind = rng.randrange(10)
        if kind < 6:
            return Fraction(1)
        chosen = (
            Fraction(2) ** rng.randint(-60, 60)
            if kind < 8
            else Fraction(10) ** rng.choice((rng.randint(-40, 40), 300, -300))
        )
        made.scales[name] = f"{float(chosen):.3g}"
        return chosen

    a, b, c = factor("inputs"), factor("labels"), factor("start")
    made.X = [[a * v for v in row] for row in made.X]
    if made.loss == "square":
        made.y = [b * v for v in made.y]
    made.direction = [c * v for v in made.direction]
    for layer in sorted(made.given):
        e = factor(f"layer {layer}")
        made.given[layer] = [[e * v for v in row] for row in made.given[layer]]
