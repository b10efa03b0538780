"""N that is a quadratic form: recognised exactly, its spectrum complete, eigenspaces as sets."""

from fractions import Fraction as F

import pytest

from certflow.kkt.enumerate import kkt_set
from certflow.kkt.neuron.quadratic_form import quadratic_form
from certflow.networks.activation import Activation
from certflow.networks.correlation import Correlation
from certflow.networks.expression import Expression
from certflow.networks.feed_forward import FeedForward
from certflow.problem import Problem


def problem_of(output, weights, inputs="x1", X=((1,),), y=(1,)):
    names = weights.split()
    return Problem(Expression(names, inputs.split(), output), X, y, direction=range(1, len(names) + 1))


def test_a_diagonal_linear_network_has_its_circle_of_points():
    problem = problem_of(
        "u1*v1*x1 + u2*v2*x2 + u3*v3*x3",
        "u1 v1 u2 v2 u3 v3",
        "x1 x2 x3",
        [(1, F(1, 2), 0), (F(1, 2), 1, 3)],
        (1, 0),
    )
    found = kkt_set(problem)
    assert found.complete and found.n_max.contains(F(1, 4)) and found.n_min.contains(F(-1, 4))
    (circle,) = (point for point in found.points if point.continuum)
    assert circle.continuum.dimension == 1 and len(circle.continuum.lines) == 2 and circle.value.sign() == 0
    assert all(not any(line[:4]) for line in circle.continuum.lines)
    assert len(found.points) == 9 and not found.undecided


@pytest.mark.parametrize(
    ("output", "matrix"),
    [
        ("(u1 + u2)**2*x1 - u1*u2*x1", [[1, F(1, 2)], [F(1, 2), 1]]),
        ("u1*(relu(u2) - relu(-u2))*x1", None),  # with its kinks it is none; kkt_set removes them first
        ("u1*abs(u2)*x1", None),
        ("u1**2*u2*x1", None),
        ("u1**3/u2*x1", None),
    ],
)
def test_the_matrix_is_exact_or_there_is_none(output, matrix):
    network = Expression(["u1", "u2"], ["x1"], output)
    assert quadratic_form(Correlation(network, [[F(1)]], [F(1)])) == matrix


def test_irrational_multiple_eigenvalues_are_whole_eigenspaces():
    found = kkt_set(problem_of("(a*a + 4*a*b - b*b + c*c + 4*c*d - d*d)*x1", "a b c d"))
    assert found.complete and len(found.points) == 2
    assert all(point.continuum.dimension == 1 and point.value.square().contains(5) for point in found.points)


def test_layers_of_which_the_middle_one_is_given_are_a_quadratic_form():
    network = FeedForward([1, 2, 2, 1], Activation(F(1), 1), trained=[1, 3], given={2: [[1, 2], [0, 1]]})
    found = kkt_set(Problem(network, [[1]], [1], direction=[1, 2, 3, 4]))
    assert found.complete and found.of == "all weights"
    # The singular values of the given matrix are 1 ± sqrt 2, and N is bilinear.
    squares = [(2 * point.value).square() for point in found.points]
    assert all((s - 3).square().contains(8) for s in squares) and len(found.points) == 8


def test_a_form_that_vanishes_is_everywhere():
    found = kkt_set(problem_of("u1*u2*x1", "u1 u2", y=(0,)))
    assert found.complete and "every direction" in found.points[0].reason
