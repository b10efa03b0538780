"""Hypothesis strategies: exact rationals, activations, networks of every family, data and whole problems.

Everything drawn is exact and small, so that identities can be demanded with `==` in rational arithmetic.
Networks with all weights zero at a kink, equal samples and samples on a kink are drawn on purpose now and
then.
"""

from fractions import Fraction

import numpy as np
from hypothesis import strategies as st

from certflow.losses import Loss
from certflow.networks.activation import Activation
from certflow.networks.base import Network
from certflow.networks.feed_forward import FeedForward
from certflow.networks.one_hidden_layer import OneLayer, TwoLayer
from certflow.problem import Experiment, Problem

FAMILIES = ("one-layer", "two-layer", "feed-forward", "partly-trained", "expression")


def rationals(bound: int = 3, max_denominator: int = 8) -> st.SearchStrategy[Fraction]:
    """Rationals of size at most `bound`; zero, ones and halves come often."""
    return st.one_of(
        st.sampled_from([Fraction(0), Fraction(1), Fraction(-1), Fraction(1, 2)]),
        st.fractions(min_value=-bound, max_value=bound, max_denominator=max_denominator),
    )


def arrays(
    shape: tuple[int, ...], entries: st.SearchStrategy[Fraction] | None = None
) -> st.SearchStrategy[np.ndarray]:
    """Object arrays of rationals of the given shape."""
    size = int(np.prod(shape))
    return st.lists(rationals() if entries is None else entries, min_size=size, max_size=size).map(
        lambda values: np.array(values, dtype=object).reshape(shape)
    )


def nonzero(vectors: st.SearchStrategy[np.ndarray]) -> st.SearchStrategy[np.ndarray]:
    """The vectors that are not zero."""
    return vectors.filter(lambda vector: any(vector))


@st.composite
def activations(draw: st.DrawFn, powers: tuple[int, ...] = (1, 2, 3)) -> Activation:
    """max(z, alpha z)^power for all kinds of alpha: ReLU, leaky, absolute value, linear."""
    alpha = draw(
        st.sampled_from(
            [Fraction(0), Fraction(0), Fraction(1), Fraction(1, 3), Fraction(-1), Fraction(-1, 2)]
        )
    )
    return Activation(alpha, draw(st.sampled_from(powers)))


@st.composite
def one_layer(draw: st.DrawFn, activation: st.SearchStrategy[Activation] | None = None) -> OneLayer:
    """Sums of up to three neurons with fixed signs, one to three inputs."""
    width = draw(st.integers(1, 3))
    signs = draw(st.none() | st.lists(st.sampled_from([1, -1]), min_size=width, max_size=width))
    return OneLayer(
        draw(st.integers(1, 3)), width, draw(activations() if activation is None else activation), signs
    )


@st.composite
def two_layer(draw: st.DrawFn, activation: st.SearchStrategy[Activation] | None = None) -> TwoLayer:
    """Sums of up to three neurons with trained output weights, one to three inputs."""
    return TwoLayer(
        draw(st.integers(1, 3)),
        draw(st.integers(1, 3)),
        draw(activations() if activation is None else activation),
    )


@st.composite
def feed_forward(draw: st.DrawFn, activation: st.SearchStrategy[Activation] | None = None) -> FeedForward:
    """Fully trained networks with one to four layers."""
    widths = [*draw(st.lists(st.integers(1, 3), min_size=1, max_size=4)), 1]
    powers = (1, 2, 3) if len(widths) <= 4 else (1, 2)
    return FeedForward(widths, draw(activations(powers) if activation is None else activation))


@st.composite
def partly_trained(draw: st.DrawFn, activation: st.SearchStrategy[Activation] | None = None) -> FeedForward:
    """Networks with two to four layers of which at least one is given."""
    widths = [*draw(st.lists(st.integers(1, 3), min_size=2, max_size=4)), 1]
    powers = (1, 2, 3) if len(widths) <= 4 else (1, 2)
    depth = len(widths) - 1
    trained = sorted(draw(st.sets(st.integers(1, depth), min_size=1, max_size=depth - 1)))
    given = {
        layer: draw(arrays((widths[layer], widths[layer - 1])))
        for layer in range(1, depth + 1)
        if layer not in trained
    }
    return FeedForward(
        widths, draw(activations(powers) if activation is None else activation), trained, given
    )


@st.composite
def homogeneous_text(draw: st.DrawFn, weights: tuple[str, ...], inputs: tuple[str, ...], order: int) -> str:
    """An expression in the weights, of degree `order` in them jointly, built like a well-typed term."""
    factors = st.one_of(st.sampled_from(inputs), st.sampled_from(["2", "1/3", "(-3/2)"]))
    if order == 1:
        leaf = st.sampled_from(weights)
        terms = [f"{draw(factors)}*{draw(leaf)}" for _ in range(draw(st.integers(1, 2)))]
        inside = " + ".join(terms)
        return draw(st.sampled_from([f"({inside})", f"abs({inside})", f"max({inside}, 0)", f"({terms[0]})"]))
    if draw(st.booleans()):
        power = draw(st.sampled_from([p for p in range(2, order + 1) if order % p == 0]))
        return f"({draw(homogeneous_text(weights, inputs, order // power))})**{power}"
    split = draw(st.integers(1, order - 1))
    left, right = (
        draw(homogeneous_text(weights, inputs, split)),
        draw(homogeneous_text(weights, inputs, order - split)),
    )
    return f"{left}*{right}"


@st.composite
def expression(draw: st.DrawFn, orders: tuple[int, ...] = (2, 3, 4)) -> Network:
    """Homogeneous expressions of order 2 to 4 in one to three named weights and one or two inputs."""
    from certflow.networks.expression import Expression

    weights = ("u1", "u2", "u3")[: draw(st.integers(1, 3))]
    inputs = ("x1", "x2")[: draw(st.integers(1, 2))]
    order = draw(st.sampled_from(orders))
    terms = draw(st.lists(homogeneous_text(weights, inputs, order), min_size=1, max_size=2))
    return Expression(weights=list(weights), inputs=list(inputs), output=" + ".join(terms))


def networks(
    families: tuple[str, ...] = FAMILIES, activation: st.SearchStrategy[Activation] | None = None
) -> st.SearchStrategy:
    """Networks of the named families; `activation` narrows the activations of all but expressions."""
    makers = {
        "one-layer": lambda: one_layer(activation),
        "two-layer": lambda: two_layer(activation),
        "feed-forward": lambda: feed_forward(activation),
        "partly-trained": lambda: partly_trained(activation),
        "expression": expression,
    }
    return st.sampled_from(families).flatmap(lambda family: makers[family]())


@st.composite
def networks_at_points(
    draw: st.DrawFn,
    families: tuple[str, ...] = FAMILIES,
    activation: st.SearchStrategy[Activation] | None = None,
) -> tuple[Network, np.ndarray, np.ndarray, np.ndarray]:
    """(network, weights w (k), samples X (n × inputs), residuals r (n)), all exact, n from 1 to 3."""
    network = draw(networks(families, activation))
    n = draw(st.integers(1, 3))
    return network, draw(arrays((network.size,))), draw(arrays((n, network.inputs))), draw(arrays((n,)))


def losses() -> st.SearchStrategy[Loss]:
    """Square and logistic loss, mean and sum."""
    return st.builds(
        Loss, kind=st.sampled_from(["square", "logistic"]), reduction=st.sampled_from(["mean", "sum"])
    )


def labels(loss: Loss, n: int) -> st.SearchStrategy[np.ndarray]:
    """Labels that the loss can use (n)."""
    return arrays(
        (n,), st.sampled_from([Fraction(1), Fraction(-1)]) if loss.kind == "logistic" else rationals(bound=5)
    )


def experiments() -> st.SearchStrategy[Experiment]:
    """Experiments with one to three deltas down to 1e-300."""
    positive = st.fractions(min_value=Fraction(1, 100), max_value=10, max_denominator=100)
    deltas = st.lists(st.integers(1, 300).map(lambda e: f"1e-{e}"), min_size=1, max_size=3).map(tuple)
    return st.builds(
        Experiment,
        deltas=deltas,
        factor_squared=positive.map(lambda f: f + 1),
        radius=positive,
        time=positive,
        epsilon=positive,
    )


@st.composite
def problems(
    draw: st.DrawFn,
    families: tuple[str, ...] = FAMILIES,
    activation: st.SearchStrategy[Activation] | None = None,
    loss: st.SearchStrategy[Loss] | None = None,
    max_samples: int = 4,
) -> Problem:
    """Whole problems of order at least 2, with a direction or a seed."""
    network = draw(networks(families, activation).filter(lambda network: order_of(network) >= 2))
    n = draw(st.integers(1, max_samples))
    chosen = draw(losses() if loss is None else loss)
    seed = draw(st.none() | st.integers(0, 2**63 - 1))
    return Problem(
        network,
        draw(arrays((n, network.inputs))),
        draw(labels(chosen, n)),
        chosen,
        direction=draw(nonzero(arrays((network.size,)))) if seed is None else None,
        seed=seed,
        experiment=draw(st.none() | experiments()),
    )


def order_of(network: Network) -> int:
    """The order of homogeneity, from the powers of the trained layers; expressions drawn here have at least
    order 2.
    """
    if isinstance(network, FeedForward):
        return sum(network.activation.power ** (network.depth - layer) for layer in network.trained)
    return 2


@st.composite
def planar_neurons(draw: st.DrawFn, max_samples: int = 6) -> tuple[np.ndarray, np.ndarray]:
    """(X (n × 2), z (n)) of one planar neuron; opposite, parallel, equal and zero samples come often."""
    n = draw(st.integers(1, max_samples))
    X = draw(arrays((n, 2)))
    if n > 1 and draw(st.booleans()):
        X[-1] = X[0] * draw(st.sampled_from([Fraction(1), Fraction(-1), Fraction(2), Fraction(-1, 2)]))
    return X, draw(arrays((n,)))


@st.composite
def planar_problems(
    draw: st.DrawFn, loss: st.SearchStrategy[Loss] | None = None, max_samples: int = 6
) -> Problem:
    """Problems with one or two squared-(leaky-)ReLU neurons in the plane: order 2, separable."""
    X, y = draw(planar_neurons(max_samples))
    chosen = draw(losses() if loss is None else loss)
    if chosen.kind == "logistic":
        y = draw(labels(chosen, len(X)))
    width = draw(st.integers(1, 2))
    activation = Activation(draw(st.sampled_from([Fraction(0), Fraction(0), Fraction(1, 2)])), 2)
    signs = draw(st.lists(st.sampled_from([1, -1]), min_size=width, max_size=width))
    network = OneLayer(2, width, activation, signs)
    return Problem(network, X, y, chosen, direction=draw(nonzero(arrays((network.size,)))))
