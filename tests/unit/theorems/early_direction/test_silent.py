"""Neurons that never see some samples, from the problem to the words, against the true flow."""

import json
from fractions import Fraction as F

import numpy as np
import pytest

import certflow
from certflow.certificates import canonical_text, sha256
from certflow.checker import check_text
from certflow.checker.early_direction.words import sentences
from certflow.checker.words import Say
from certflow.kkt.enumerate import kkt_set
from certflow.networks.activation import Activation
from certflow.networks.one_hidden_layer import OneLayer, TwoLayer
from certflow.outcome import Inconclusive
from certflow.problem import Problem
from certflow.theorems.basin.prove import certified_limits, limit_flow
from certflow.theorems.early_direction.words import outcomes

EPSILON = "1/50"
X, Y = [[2, 0, 0], [0, 1, 0], [0, 0, 3]], [1, 2, 4]
"""Orthogonal; the third pulls most, then the first."""


def orthogonal(direction=(1, 1, -1, 1, 1, 1), **changes):
    network = OneLayer(3, len(direction) // 3, Activation(0, 2))
    given = {"X": X, "y": Y, "direction": list(direction), "reduction": "sum", **changes}
    return Problem(network, **given)


@pytest.fixture(scope="module")
def theorem():
    return certflow.certify(orthogonal(), epsilon=EPSILON)


def test_a_limit_that_is_a_saddle_of_n_is_proved_for_what_the_neuron_sees(theorem):
    first, second = theorem.blocks
    assert theorem.outcome == "proved" and theorem.checked
    assert [str(each.outcome) for each in theorem.blocks] == ["converges", "converges"]
    assert (first.silent, second.silent) == ((2,), ())
    centre = np.array(first.kkt_point.centre, dtype=float)
    assert np.allclose(np.abs(centre / np.linalg.norm(centre)), [1, 0, 0], atol=1e-9)
    # N = 4 w1^2 + 2 w2^2 + 36 (w3)_+^2 at e1, and the gap is 2 (4 - 2), but for the third sample.
    assert first.value[0] <= 4 <= first.value[1] and 3.9 < first.gap[0] <= 4


def test_the_words_name_the_samples(theorem):
    (sentence,) = [each for each in outcomes(theorem.claim) if "inactive" in each]
    assert sentence.startswith(
        "For block 1, sample 3 is inactive from the start for ever: what is said of its"
    )
    said = sentences(
        json.loads(theorem.certificate)["claim"], json.loads(theorem.certificate)["problem"], Say()
    )
    assert "For it sample 3 is inactive for ever" in said[1] and "inactive" not in said[2]
    record = json.loads(theorem.certificate)
    assert record["groups"][0]["silent"] == record["claim"]["blocks"][0]["silent"] == [2]
    assert all("silent" not in each for each in (record["groups"][1], record["claim"]["blocks"][1]))


def test_the_flow_stays_where_it_is_said_to(theorem):
    claim = theorem.claim
    x, y, v = np.array(X, dtype=float), np.array(Y, dtype=float), np.ones(2)
    w0 = np.array([float(v) for v in theorem.problem.direction])
    u = np.array(theorem.blocks[0].kkt_point.centre, dtype=float)
    u /= np.linalg.norm(u)
    delta = float(claim.delta_bar)
    W, time, step = delta * (w0 / np.linalg.norm(w0)).reshape(2, 3), 0.0, 2e-4
    horizon, R, compared = float(theorem.blocks[0].horizon), float(claim.radius), 0

    def field(W):
        a = np.maximum(W @ x.T, 0)
        return 2 * (a * (y - v @ a**2)) @ x

    while np.linalg.norm(W) < R:
        k1 = field(W)
        k2 = field(W + step / 2 * k1)
        W, time = W + step * k2, time + step
        assert (W[0] @ x[2]) < 0
        if time >= horizon:
            angle = np.arccos(min(1.0, W[0] @ u / np.linalg.norm(W[0])))
            assert angle <= float(F(EPSILON)) + 1e-7
            compared += 1
    assert compared > 50


def test_trained_output_weights_and_balls_of_starts():
    two = Problem(TwoLayer(3, 1, Activation(0, 2)), X, Y, direction=[1, 1, -1, 1], reduction="sum")
    found = certflow.certify(two, epsilon=EPSILON)
    assert found.outcome == "proved" and found.blocks[0].silent == (2,)
    near = certflow.certify(orthogonal((1, 1, -1)), epsilon=EPSILON, start_angle="1/1000")
    assert near.outcome == "proved" and near.blocks[0].silent == (2,)
    # From some of these starts the third sample is active.
    wide = certflow.certify(orthogonal((1000, 1000, -1)), epsilon=EPSILON, start_angle="1/100")
    assert wide.outcome == "inconclusive"


def test_what_is_proved_with_all_samples_is_about_all():
    found = certflow.certify(orthogonal((1, 1, -1), y=[4, 2, 1]), epsilon=EPSILON)
    assert found.outcome == "proved" and found.blocks[0].silent == ()


def test_a_sample_that_others_move_the_neuron_to_is_not_silent():
    # (1, 0, 2) pulls, and makes the third sample active.
    problem = orthogonal((3, 1, -1), X=[*X, [1, 0, 2]], y=[*Y, 1])
    found = certflow.certify(problem, epsilon=EPSILON)
    assert all(each.silent == () for each in found.blocks)


@pytest.mark.parametrize("silent", [[1], [0], [1, 2], [0, 1, 2]])
def test_no_other_samples_are_accepted(theorem, silent):
    content = json.loads(theorem.certificate)
    content["groups"][0]["silent"] = content["claim"]["blocks"][0]["silent"] = silent
    content["sha256"] = sha256(canonical_text({k: v for k, v in content.items() if k != "sha256"}))
    assert check_text(canonical_text(content)).verdict == "refused"


def test_the_limit_flow_and_lists_of_kkt_points_know_all_samples(theorem):
    with pytest.raises(Inconclusive, match="some samples stay inactive"):
        limit_flow(theorem)
    first, second = certified_limits(theorem, kkt_set(theorem.problem))
    assert first.entry is None and "silent samples are inactive" in first.reason
    assert second.entry is not None
