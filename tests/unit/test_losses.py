"""Losses: residuals are exact derivatives, weights omega belong to everything, curvature bounds hold."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from strategies import arrays, labels, losses

from certflow.arithmetic.base import EXACT, FLOAT, mp_arithmetic
from certflow.losses import Loss
from certflow.outcome import BadInput


@given(st.data(), losses(), st.integers(1, 4))
def test_initial_residuals_are_the_labels_times_omega(data, loss, n):
    y = data.draw(labels(loss, n))
    z = loss.initial_residuals(y)
    assert list(z) == [label / (n if loss.reduction == "mean" else 1) for label in y]
    zero = np.full(n, Fraction(0), dtype=object)
    ar = mp_arithmetic(40)
    residuals = loss.residuals(ar, ar.array(zero), ar.array(y))
    assert max(abs(a - b) for a, b in zip(ar.array(z), residuals, strict=True)) < ar.context.mpf(10) ** -39


@given(st.data(), losses(), st.integers(1, 4))
def test_residuals_are_minus_the_derivative_of_the_value(data, loss, n):
    y = data.draw(labels(loss, n)).astype(float)
    outputs = data.draw(arrays((n,))).astype(float)
    residuals = loss.residuals(FLOAT, outputs, y)
    step = 1e-5
    for i in range(n):
        unit = np.eye(n)[i]
        slope = (loss.value(outputs + step * unit, y) - loss.value(outputs - step * unit, y)) / (2 * step)
        assert abs(slope + residuals[i]) < 1e-7


@given(st.data(), losses(), st.integers(1, 3))
def test_curvature_bound_is_not_exceeded_and_is_attained_at_zero(data, loss, n):
    y = data.draw(labels(loss, n))
    ar, step = mp_arithmetic(40), Fraction(1, 10**12)
    bound = loss.omega(n) * loss.curvature_bound()
    for outputs in (data.draw(arrays((n,))), np.full(n, Fraction(0), dtype=object)):
        ahead, behind = (loss.residuals(ar, ar.array(outputs + s), ar.array(y)) for s in (step, -step))
        curvature = (behind - ahead) / ar.number(2 * step)
        assert max(curvature) <= ar.number(bound + Fraction(1, 10**20))
    assert min(curvature) >= ar.number(bound - Fraction(1, 10**20))


def test_square_residuals_are_exact_in_rationals():
    y, outputs = EXACT.array([Fraction(1), Fraction(2)]), EXACT.array([Fraction(1, 3), Fraction(0)])
    assert list(Loss("square", "mean").residuals(EXACT, outputs, y)) == [Fraction(1, 3), Fraction(1)]


def test_a_custom_loss_is_given_by_its_residual_and_bounds():
    def huber_like(ar, outputs, y):
        return (y - outputs) / 2

    loss = Loss(
        "custom", "sum", residual=huber_like, curvature=Fraction(1, 2), at_zero=lambda label: label / 2
    )
    y = EXACT.array([Fraction(3)])
    assert loss.initial_residuals(y)[0] == Fraction(3, 2)
    assert loss.residuals(EXACT, EXACT.array([Fraction(1)]), y)[0] == 1
    assert loss.curvature_bound() == Fraction(1, 2)
    with pytest.raises(BadInput, match="custom"):
        loss.value(np.zeros(1), np.zeros(1))


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: Loss("hinge"), "loss.kind"),
        (lambda: Loss("square", "median"), "loss.reduction"),
        (lambda: Loss("custom"), "needs residual, curvature and at_zero"),
        (
            lambda: Loss("logistic").check_labels(np.array([Fraction(1), Fraction(2)])),
            "data.y[1]: the label 2",
        ),
    ],
)
def test_unusable_losses_are_refused(make, words):
    with pytest.raises(BadInput) as refusal:
        make()
    assert words in str(refusal.value)


@pytest.mark.parametrize(
    ("residual", "curvature", "at_zero", "words"),
    [
        (lambda ar, h, y: y - h, 1, lambda y: y / 1000, "loss.at_zero: it gives 3/1000 for data.y[0]"),
        (lambda ar, h, y: y - h, 1, lambda y: 0.1, "loss.at_zero: it gives"),  # the double, of course
        (lambda ar, h, y: y + h, 1, lambda y: y, "l is not convex"),
        (lambda ar, h, y: y - h * 2, 1, lambda y: y, "loss.curvature: 1 is too small"),
        (lambda ar, h, y: y - h, -1, lambda y: y, "loss.curvature: -1 is too small"),
        (lambda ar, h, y: (y - h) * 0.5, 1, lambda y: y / 2, "with exact numbers only"),
        (lambda ar, h, y: y / (ar.exp(y * h) + 1), 9, lambda y: y / 3, "loss.at_zero: it gives 1 for"),
    ],
)
def test_custom_losses_that_contradict_themselves_are_refused(residual, curvature, at_zero, words):
    loss = Loss("custom", "mean", residual, Fraction(curvature), at_zero)
    with pytest.raises(BadInput) as refusal:
        loss.check_labels(np.array([Fraction(3), Fraction(-1, 3)]))
    assert words in str(refusal.value)


def test_custom_losses_that_do_not_contradict_themselves_pass():
    logistic = Loss(
        "custom", "mean", lambda ar, h, y: y * 2 / (ar.exp(y * h) + 1), Fraction(9, 2), lambda y: y
    )
    logistic.check_labels(np.array([Fraction(3), Fraction(-1, 3)]))
