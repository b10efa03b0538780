"""O9 worked out: every condition holds exactly at its edge and is refused just beyond it."""

from fractions import Fraction as F
from types import SimpleNamespace

import pytest
from after_a_sweep import CLOCK, TINY, refusal

from certflow.checker.kernel.polynomials import Layers, Samples
from certflow.checker.kernel.reading import Node
from certflow.checker.symmetries.silent import without_silent
from certflow.checker.tube.evidence import GroupEvidence

X = [[F(1), F(0)], [F(0), F(2)], [F(0), F(0)], [F(0), F(-3)]]
MOVED = "another sample moves the neuron towards sample 1"
ACTIVE = "sample 1 may be active at the start"


def checked(silent=(1,), X=X, w=(0, 0, 3, -4), angle=F(0), outcome="converges", **changes):
    """What the second of two neurons sees."""
    samples = Samples(X, [F(1)] * len(X), CLOCK)
    layers = [Layers([[[0, 1]], [[F(5)]]], samples, F(0), 2) for _ in range(2)]
    given = {"shallow": True, "alpha": F(0), "p": 2, "coupled": True, "groups": [[0], [1]], **changes}
    given["expression"] = False
    problem = SimpleNamespace(
        features=X, z=[F(1)] * len(X), layers=layers, indices=[[0, 1], [2, 3]], beta=[],
        direction=[F(v) for v in w], **given,
    )  # fmt: skip
    group = GroupEvidence(outcome, "", [], [], None, silent=None if silent is None else Node(silent, "s"))
    return problem, without_silent(group, 1, problem, angle, CLOCK)


def refused(*given, **changes):
    return refusal(lambda: checked(*given, **changes))


def test_what_is_silent_is_zero_for_this_neuron_alone():
    problem, seen = checked([1])
    rows = [[F(1), F(0)], [F(0), F(0)], [F(0), F(0)], [F(0), F(-3)]]
    assert seen.features == seen.layers[1].samples.rows == rows
    assert seen.layers[0] is problem.layers[0] and seen.layers[0].samples.rows == problem.features == X
    assert seen.layers[1].matrices == problem.layers[1].matrices
    # Bounds of outputs are those of all samples: 5 |x|^2.
    assert seen.beta == problem.beta == [5, 20, 0, 45]
    problem, same = checked(None)
    assert same is problem and problem.beta == []


@pytest.mark.parametrize(
    ("changes", "found"),
    [
        ({}, None),
        ({"w": (0, 0, 1, 0)}, None),
        ({"w": (0, 0, 1, TINY)}, ACTIVE),
        ({"angle": F(4, 5) - TINY}, None),
        ({"angle": F(4, 5) + TINY}, ACTIVE),
        ({"w": (3, 0, 0, -4), "angle": F(4, 5) - TINY}, None),
        ({"w": (0, 0, 1, 0), "angle": TINY}, ACTIVE),
        ({"X": [[F(1), TINY], X[1]]}, MOVED),
        ({"X": [[F(1), -TINY], X[1]]}, MOVED),
        ({"X": [[F(0), F(-7)], X[1]]}, None),
    ],
)
def test_what_is_said_to_be_silent_must_be_so(changes, found):
    assert refused([1], **changes) == (None if found is None else ("O9", "s", found))


def test_silent_samples_may_move_towards_each_other():
    both = {"X": [X[0], X[1], [F(0), F(3)]]}
    assert refused([1, 2], **both) is None
    tilted = [[F(0), F(0), F(1)], [F(1), F(1), F(0)], [F(1), F(0), F(0)]]
    layers = {"X": tilted, "w": (0, 0, -1, -1)}
    # Of three features the first two weights are taken: the third is that of the output.
    assert refused([1, 2], **layers) is None
    assert refused([1], **layers) == ("O9", "s", MOVED)


@pytest.mark.parametrize("silent", [[1, 1], [3, 1], [-1], [4], [0, 4]])
def test_samples_are_numbered_in_increasing_order(silent):
    assert refused(silent)[::2] == ("O9", "it is no list of samples")


@pytest.mark.parametrize(
    "changes",
    [{"shallow": False}, {"alpha": F(1, 10)}, {"alpha": F(-1)}, {"p": 1}, {"groups": [[0], [0, 1]]}],
)
def test_only_single_neurons_without_a_leak_have_silent_samples(changes):
    assert refused([1], **changes) == ("O9", "s", "only single neurons with alpha = 0 never see a sample")


@pytest.mark.parametrize("outcome", ["shrinks", "dead", "fades", "exact-start", "continuum"])
def test_other_outcomes_have_no_silent_samples(outcome):
    reason = "only neurons that converge or are followed have silent samples"
    assert refused([1], outcome=outcome) == ("O9", "s", reason)
