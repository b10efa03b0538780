"""Small random problems of every family, reproducible from a family name and a seed; all numbers exact and
short.

Half of the problems have something special: a zero or doubled sample, an opposite one, data in a line, a
sample on a kink of the start, labels of one sign.
"""

import random
from collections.abc import Callable
from fractions import Fraction

from certflow.losses import Loss
from certflow.networks.activation import Activation
from certflow.networks.base import Network
from certflow.networks.expression import Expression
from certflow.networks.feed_forward import FeedForward
from certflow.networks.one_hidden_layer import OneLayer, TwoLayer
from certflow.problem import Problem

Draw = random.Random
LEAKS = (Fraction(0), Fraction(0), Fraction(1, 4), Fraction(-1, 2))


def _number(draw: Draw, bound: int = 2) -> Fraction:
    return Fraction(draw.randint(-8 * bound, 8 * bound), draw.choice((5, 7, 8)))


def _rows(draw: Draw, count: int, width: int) -> list[list[Fraction]]:
    rows = [[_number(draw) for _ in range(width)] for _ in range(count)]
    return [row if any(row) else [Fraction(1)] * width for row in rows]


def _one_layer(draw: Draw, power: int) -> OneLayer:
    width = draw.randint(1, 4 if power == 2 else 3)
    signs = [draw.choice((1, -1)) for _ in range(width)]
    return OneLayer(draw.choice((2, 2, 3)), width, Activation(draw.choice(LEAKS), power), signs)


def _untrained(draw: Draw) -> FeedForward:
    """Two-layer networks on the features of a given layer, with the last layer trained or not."""
    widths, trained = [2, 3, draw.randint(1, 3), 1], draw.choice(([2], [2, 3]))
    given = {layer: _rows(draw, widths[layer], widths[layer - 1]) for layer in {1, 2, 3} - set(trained)}
    return FeedForward(widths, Activation(draw.choice((Fraction(0), Fraction(1, 4))), 2), trained, given)


def _lower_trained(draw: Draw) -> FeedForward:
    """A deep network whose first layer is trained and whose last is not."""
    widths = [2, 2, 2, 1]
    return FeedForward(
        widths, Activation(draw.choice((Fraction(0), Fraction(1, 4))), 2), [1, 2], {3: _rows(draw, 1, 2)}
    )


EXPRESSIONS = (
    ("u1 u2 v1 v2", "max(u1*x1 + u2*x2, 0)**2 - abs(x1)*max(v1*x1 - v2*x2, 0)**2/3"),
    ("u1 u2 v1 v2", "x1*(u1**3 - v1**3) + x2*(u2**3 - v2**3)"),
    ("u1 u2 v1 v2", "(u1*x1 + u2*x2)*(v1*x1 + v2*x2)"),
    ("a b c d e f g h", "(a*x1 + b*x2)*(c*x1 + d*x2) - (e*x1 + f*x2)*(g*x1 + h*x2)"),
    ("u1 u2 v1 v2", "min(u1*x1 + u2*x2, 0)**2 + u1*u2*x1 - (v1*x2 - v2*x1)**2/2"),
    ("u1 u2 v", "2*v*max(u1*x1 + u2*x2, 0)**2 - abs(u1*x2 - u2*x1)**3"),
    ("u1 u2 u3", "max(u1*max(u2*x1, 0)**2 - u3**3*x2, 0)**2 + u1**6*x1"),
    ("u1 u2 v1 v2 w1 w2", "u1*v1*w1*x1 + u2*v2*w2*x2"),
)


def _expression(draw: Draw) -> Expression:
    weights, output = draw.choice(EXPRESSIONS)
    return Expression(weights.split(), ["x1", "x2"], output)


FAMILIES: dict[str, Callable[[Draw], Network]] = {
    "one-layer": lambda draw: _one_layer(draw, 2),
    "one-layer cubed": lambda draw: _one_layer(draw, 3),
    "two-layer": lambda draw: TwoLayer(2, draw.randint(2, 4), Activation(draw.choice(LEAKS), 2)),
    "two-layer linear": lambda draw: TwoLayer(
        draw.choice((2, 3)), draw.randint(1, 3), Activation(Fraction(1), 1)
    ),
    "deep linear": lambda draw: FeedForward(
        draw.choice(([2, 2, 1, 1], [2, 2, 2, 1])), Activation(Fraction(1), 1)
    ),
    "deep": lambda draw: FeedForward([2, 2, 2, 1], Activation(draw.choice((Fraction(0), Fraction(1, 4))), 2)),
    "untrained below": _untrained,
    "trained below": _lower_trained,
    "expression": _expression,
}


def random_problem(family: str, seed: int, special: bool = True) -> Problem:
    """The problem of this family and seed."""
    draw = random.Random(f"{family}/{seed}")
    network = FAMILIES[family](draw)
    loss = Loss(draw.choice(("square", "logistic")), draw.choice(("mean", "sum")))
    X = _rows(draw, draw.randint(1, 5), network.inputs)
    direction = [_number(draw) for _ in range(network.size)]
    if not any(direction):
        direction[0] = Fraction(1)
    if special:
        _make_special(draw, X, direction, network)
    y = [Fraction(draw.choice((1, -1))) if loss.kind == "logistic" else _number(draw) for _ in X]
    if special and draw.random() < 0.2:
        y = [-abs(v) or Fraction(-1) for v in y]
    return Problem(network, X, y, loss, direction=direction, name=f"{family}/{seed}")


def _make_special(draw: Draw, X: list[list[Fraction]], direction: list[Fraction], network: Network) -> None:
    kind = draw.randrange(12)
    if kind == 0:
        X.append([Fraction(0)] * len(X[0]))
    elif kind == 1:
        X.append([*X[0]])
    elif kind == 2:
        X.append([-2 * v for v in X[0]])
    elif kind == 3:
        X[:] = [[Fraction(k + 1, 2) * v for v in X[0]] for k in range(len(X))]
    elif kind == 4 and isinstance(network, FeedForward) and 1 in network.trained:
        first = direction[: len(X[0])]
        X.append(
            [-first[1], first[0], *first[2:]][: len(X[0])]
            if len(first) == 2
            else [-first[1], first[0], Fraction(0)]
        )
    elif kind == 5:
        scale = draw.choice((Fraction(1, 10**6), Fraction(10**3)))
        X[:] = [[scale * v for v in row] for row in X]
