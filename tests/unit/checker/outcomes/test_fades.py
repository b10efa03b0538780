"""O3 worked out: every condition holds exactly at its edge and is refused just beyond it."""

import math
from fractions import Fraction as F
from types import SimpleNamespace

import pytest
from after_a_sweep import CLOCK, TINY, group, path, refusal

from certflow.checker.kernel.numbers import root_up
from certflow.checker.kernel.reading import Node
from certflow.checker.outcomes.fades import check_fades, leak

APART = "a sample is neither orthogonal to it nor inactive for all directions near it"
FAR = "the direction may be farther from it than is claimed"
PULLS = "a sample that is orthogonal to it does not push the neuron away"
ASIDE = "a sample that does not push the neuron away may become active"
STRONG = "the weights may become so large that a sample pulls the neuron towards it"
KIND = "only neurons of power 2 with fixed output weights are proved to fade"
X, Z = [[F(2), F(0)], [F(3), F(4)], [F(0), F(0)]], [F(3), F(7), F(-9)]


def fading(direction=("0", "-2"), end=((0, -5),), windows=True):
    """A neuron with the output weight -1 that came to (0, -1)."""
    ending = None if direction is None else Node({"direction": list(direction)}, "e")
    found = group("fades", None, path=path(1) if windows else None)
    found.group.ending = ending
    if windows:
        object.__setattr__(found.runner.track, "end", [list(row) for row in end])
    return found


def checked(each=None, X=X, z=Z, angle=F(1, 4), size=F(1), most=F(1, 2), weight=F(-1), **changes):
    """What is proved, with beta = 4 |x|^2."""
    layers = SimpleNamespace(matrices=[[[0, 1]], [[weight]]])
    settings = {"order": 2, "p": 2, "alpha": F(0), "omega": F(1, 2), "curvature": F(1, 4), **changes}
    beta = [4 * sum(v * v for v in x) for x in X]
    problem = SimpleNamespace(features=X, z=z, beta=beta, layers=[None, layers], **settings)
    return check_fades(problem, 1, each or fading(), angle, size, most, CLOCK)


def refused(each=None, **changes):
    return refusal(lambda: checked(each, **changes))


def test_the_angle_is_that_of_the_tube_and_that_to_the_direction():
    assert checked() == F(1, 4)
    turned = checked(fading(end=((7, -24),)), angle=F(0), X=X[:1], z=Z[:1])
    sine = root_up(F(7, 25) ** 2, 2)
    assert turned == sine + sine**3 / 4


@pytest.mark.parametrize("most", [F(1, 4), F(1)])
def test_no_angle_is_above_what_is_claimed_or_above_one(most):
    X, z = [[F(2), F(0)], [F(0), F(2)]], Z[:2]
    assert checked(X=X, z=z, angle=most - TINY, most=2 * most if most == 1 else most) == most - TINY
    beyond = refused(X=X[:1], z=z[:1], angle=most + TINY, most=2 * most if most == 1 else most)
    assert beyond == ("O3", "e.direction", FAR)


def test_inactive_samples_are_inactive_for_all_directions_near_it():
    # The angle between (3, 4) and its side is arcsin(4/5).
    assert checked(angle=F(4, 5) - TINY, most=F(1)) == F(4, 5) - TINY
    for angle in (F(4, 5), F(4, 5) + TINY):
        assert refused(angle=angle, most=F(1)) == ("O3", "e.direction", APART)
    assert refused(X=[X[0], [F(0), -TINY]], z=Z[:2]) == ("O3", "e.direction", APART)
    assert refused(X=[X[0], [F(1), F(1, 10**30)]], z=Z[:2]) == ("O3", "e.direction", APART)


@pytest.mark.parametrize("alpha", [F(1, 10), F(-1, 10), F(1), F(-1)])
def test_leaky_neurons_fade_only_where_all_samples_are_orthogonal(alpha):
    assert refused(alpha=alpha) == ("O3", "e.direction", APART)
    orthogonal = {"X": [[F(2), F(0)], [F(-1), F(0)], [F(0), F(0)]], "alpha": alpha}
    assert checked(**orthogonal) == F(1, 4)
    assert refused(**orthogonal, weight=F(1)) == ("O3", "e.direction", PULLS)


@pytest.mark.parametrize(
    ("second", "label", "good"),
    [
        ([F(1), F(0)], F(-12) + TINY, True),
        ([F(1), F(0)], F(-12), False),
        ([F(6), F(0)], F(-1, 3) + TINY, True),
        ([F(6), F(0)], F(-1, 3), False),
        ([F(-1), F(0)], F(1), True),
        ([F(-1), F(0)], TINY, True),
        ([F(-1), F(0)], F(0), False),
        ([F(-1), F(0)], F(-1), False),
        ([F(0), F(0)], F(-100), True),
    ],
)
def test_samples_on_one_ray_push_together(second, label, good):
    # (2, 0) pushes with 4 * 3.
    found = refused(X=[X[0], second], z=[F(3), label], size=F(0))
    assert found == (None if good else ("O3", "e.direction", PULLS))


@pytest.mark.parametrize("second", [[F(-2), F(0)], [F(-1), F(0)]])
@pytest.mark.parametrize("label", [F(-5), F(0)])
def test_samples_that_do_not_push_stay_inactive(second, label):
    # The neuron comes at (5, -12), on the side on which (2, 0), which pushes it, is active.
    side = {"X": [X[0], second], "z": [F(3), label], "most": F(1)}
    here = fading(end=((5, -12),))
    assert checked(here, **side, angle=F(5, 13) - TINY) > F(5, 13)
    assert refused(here, **side, angle=F(5, 13)) == ("O3", "e.direction", PULLS)
    assert refused(fading(end=((-5, -12),)), **side, angle=F(0)) == ("O3", "e.direction", PULLS)
    assert refused(here, **side, angle=F(0), alpha=F(1, 10)) == ("O3", "e.direction", PULLS)
    # If the first does not push either, one of the two is active.
    neither = {**side, "z": [F(-3), F(-5)]}
    assert refused(here, **neither, angle=F(0)) == ("O3", "e.direction", PULLS)
    # Its own residual need not keep its sign.
    assert checked(here, **side, angle=F(0), size=F(3, 2)) < F(2, 5)


@pytest.mark.parametrize(
    ("other", "good"),
    [
        (["1", "1", "0"], True),
        (["0", "1", "0"], True),
        (["-1/1000", "1", "0"], False),
        (["-3", "0", "0"], True),
    ],
)
def test_no_sample_pushes_the_neuron_to_where_another_is_active(other, good):
    # (1, 0, 0) pulls and is inactive at (-5, 1, -12); (-3, 0, 0) is its opposite.
    here = fading(("0", "0", "-1"), ((-5, 1, -12),))
    given = {
        "X": [[F(1), F(0), F(0)], [F(v) for v in other]],
        "z": [F(-3), F(1)],
        "angle": F(0),
        "most": F(1),
    }
    assert refused(here, **given, size=F(0)) == (None if good else ("O3", "e.direction", ASIDE))


@pytest.mark.parametrize("weight", [F(1), F(0), F(7, 2)])
def test_labels_count_with_the_sign_of_the_output_weight(weight):
    assert refused(weight=weight) == ("O3", "e.direction", PULLS)
    lifted = refused(weight=weight, z=[-v for v in Z])
    assert lifted == (None if weight else ("O3", "e.direction", PULLS))


def test_the_weights_are_too_small_to_turn_a_residual():
    # omega m = 1/8; on the ray of (1, 0): 4 * 16 A/8 <= 4 * 3, and with (1, 0), z = 1: (64 + 4) A/8 <= 13.
    assert checked(size=F(3, 2)) == F(1, 4)
    assert refused(size=F(3, 2) + TINY) == ("O3", "e.direction", STRONG)
    two = {"X": [X[0], [F(1), F(0)]], "z": [F(3), F(1)]}
    assert checked(**two, size=F(26, 17)) == F(1, 4)
    assert refused(**two, size=F(26, 17) + TINY) == ("O3", "e.direction", STRONG)
    assert checked(X=X[1:], z=Z[1:], size=F(10**9)) == F(1, 4)


@pytest.mark.parametrize("changes", [{"p": 3}, {"order": 3}, {"p": 1}])
def test_other_networks_do_not_fade(changes):
    assert refused(**changes) == ("O3", "here", KIND)


def test_without_curve_or_direction_nothing_fades():
    nothing = ("O3", "here", "it has no direction to fade to")
    assert refused(fading(windows=False)) == refused(fading(None)) == nothing
    assert refused(fading(("0", "0"))) == ("O3", "e.direction", "the direction is zero")
    across = "two directions that must be close are at a right angle or more"
    assert refused(fading(("0", "1"))) == ("R5", "e.direction", across)


@pytest.mark.parametrize("phi", [F(0), F(1, 100), F(1, 2), F(1)])
def test_what_leaks_is_the_squared_tangent_of_the_widest_angle(phi):
    assert leak([]) == 0
    found = float(leak([phi, phi / 2, F(0)]))
    assert math.tan(phi) ** 2 <= found <= 4 * math.tan(phi) ** 2
    assert leak([F(1, 2)]) == F(16, 49)
