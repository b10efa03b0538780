"""Complete lists of KKT points against brute force: nothing is missing, everything listed is KKT, and kinds
are what N does.
"""

import os
import random

import numpy as np
import pytest
from kkt_residual import kkt_residual
from soundness.kkt_oracles import (
    LEAKS,
    FloatNeuron,
    cone_samples,
    contains,
    is_linear_kkt,
    kind_disagrees,
    kinked_normals,
    linear_points,
    middle,
    newton_points,
    quadratic_points,
    small_data,
)

from certflow.arithmetic.base import FLOAT, UNKNOWN
from certflow.kkt.enumerate import Budget, kkt_set, neuron_kkt
from certflow.kkt.neuron.features import Neuron
from certflow.kkt.points import KKTSet
from certflow.networks.activation import Activation
from certflow.networks.correlation import Correlation
from certflow.networks.feed_forward import FeedForward
from certflow.networks.one_hidden_layer import OneLayer, TwoLayer
from certflow.problem import Problem

MANY = 25 if os.environ.get("CERTFLOW_PROFILE") == "nightly" else 1


def entries_are_kkt(kkt: KKTSet, is_kkt, value, draw: random.Random, scale: float) -> None:
    """Every listed point and random ones of every listed set are KKT with the listed value, up to
    rounding.
    """
    for entry in kkt.points:
        samples = [middle(entry)]
        if entry.continuum is not None and (entry.continuum.rays or entry.continuum.lines):
            samples += cone_samples(entry, draw, 4)
        for u in samples:
            assert is_kkt(u), (entry.kind, u)
            assert abs(value(u[None])[0] - float(entry.value.mid())) <= 1e-10 * scale
        if entry.continuum is None:
            assert kind_disagrees(entry, value, draw) == ""


def extrema_hold(kkt: KKTSet, value, size: int, scale: float) -> None:
    U = np.random.default_rng(0).normal(size=(2000, size))
    values = value(U / np.linalg.norm(U, axis=1, keepdims=True))
    if kkt.n_max is not None:
        assert values.max() <= float(kkt.n_max.upper()) + 1e-12 * scale
        assert values.min() >= float(kkt.n_min.lower()) - 1e-12 * scale
        tops = [float(entry.value.mid()) for entry in kkt.points]
        assert abs(max(tops) - float(kkt.n_max.mid())) <= 1e-10 * scale
        assert abs(min(tops) - float(kkt.n_min.mid())) <= 1e-10 * scale


@pytest.mark.parametrize("power", [1, 2])
@pytest.mark.parametrize("d", [1, 2, 3, 4])
def test_neurons_of_power_one_and_two(power, d):
    for seed in range((4 if d == 4 else 8) * MANY):
        draw = random.Random(f"{power} {d} {seed}")
        activation = Activation(draw.choice(LEAKS), power)
        X, z = small_data(draw, d, 6)
        kkt = neuron_kkt(Neuron.of(X, z, activation), digits=15)
        n, normals = FloatNeuron(X, z, activation), kinked_normals(X, z, activation)
        scale = 1 + float(np.abs(n.z) @ np.linalg.norm(n.X, axis=1) ** power)
        assert kkt.complete
        found = (
            quadratic_points(n, normals, draw, 40)
            if power == 2
            else linear_points(n, normals, draw)
            if d <= 3
            else []
        )
        missing = [u for u in found if not contains(kkt, u)]
        assert not missing, (seed, missing[0])
        if power == 2:
            entries_are_kkt(
                kkt, lambda u, n=n, scale=scale: n.residual(u) <= 1e-9 * scale, n.value, draw, scale
            )
        elif d <= 3:
            entries_are_kkt(kkt, lambda u, n=n, m=normals: is_linear_kkt(n, m, u), n.value, draw, scale)
        extrema_hold(kkt, n.value, d, scale)


def network_of(draw: random.Random, family: str) -> FeedForward:
    leak = draw.choice(LEAKS)
    if family == "cubic neuron":
        return OneLayer(2, 1, Activation(leak, 3))
    if family == "two layers":
        return TwoLayer(draw.choice((1, 2)), draw.choice((1, 2)), Activation(leak, 2))
    if family == "two layers, cubic":
        return TwoLayer(1, 1, Activation(leak, 3))
    return FeedForward([1, 1, 1, 1], Activation(leak, 2))


@pytest.mark.parametrize("family", ["cubic neuron", "two layers", "two layers, cubic", "deep"])
def test_networks_of_few_weights(family):
    for seed in range((1 if family == "deep" else 3) * MANY):
        draw = random.Random(f"{family} {seed}")
        network = network_of(draw, family)
        X, y = small_data(draw, network.inputs, 4)
        problem = Problem(network, X, y, reduction="sum", direction=[1] * network.size)
        kkt = kkt_set(problem, digits=15, budget=Budget(boxes=3_000))
        one = network
        if kkt.of == "one neuron":
            given = {} if network.depth in network.trained else {2: [[1]]}
            one = FeedForward([network.inputs, 1, 1], network.activation, [1] if given else None, given)
        N = Correlation(one, problem.X, problem.z)

        def gradient(U, N=N):
            return N.gradient(FLOAT, U)

        def value(U, gradient=gradient, order=problem.order):
            return (gradient(U) * U).sum(axis=1) / order

        def residual(u, gradient=gradient):
            g = gradient(u[None])[0]
            return float(np.linalg.norm(g - u * (g @ u)))

        n = FloatNeuron(X, y, network.activation)
        scale = 1 + float(np.abs(n.z) @ np.linalg.norm(n.X, axis=1) ** network.activation.power)
        by_equation = [
            e for e in kkt.points if e.continuum is not None and not (e.continuum.rays or e.continuum.lines)
        ]
        if kkt.complete:
            for u in newton_points(
                lambda u, gradient=gradient: gradient(u[None])[0], problem.order, one.size, draw, 12
            ):
                # Newton's method ends early at degenerate points, and a set given by an equation is told by
                # its value.
                explained = any(
                    abs(value(u[None])[0] - float(e.value.mid())) < 1e-9 * scale for e in by_equation
                )
                assert explained or contains(kkt, u, 1e-4), (seed, u)
        entries_are_kkt(kkt, lambda u, r=residual, scale=scale: r(u) <= 1e-8 * scale, value, draw, scale)
        extrema_hold(kkt, value, one.size, scale)
        for entry in kkt.points:
            for component in kkt_residual(N, entry.point):
                assert component.sign() in (0, UNKNOWN)
