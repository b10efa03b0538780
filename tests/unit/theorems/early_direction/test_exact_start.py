"""Groups that start exactly at a KKT point of any kind, and deep networks that no sample activates."""

import json
from fractions import Fraction

import mpmath
import pytest

import certflow
from certflow.certificates import canonical_text, sha256
from certflow.checker import check_text
from certflow.checker.registry import sentences
from certflow.outcome import Fate, Outcome
from certflow.theorems.early_direction.claim import Claim

MP = mpmath.mp.clone()
MP.dps = 40


def one_neuron(direction=("0", "1"), **changes):
    """N = w1^2 + w2^2 / 2 where both are positive."""
    given = {"X": [["1", "0"], ["0", "1"]], "y": ["2", "1"], "direction": list(direction)} | changes
    return certflow.Problem(certflow.OneLayer(2, len(direction) // 2, alpha="0", power=2), **given)


def deep(**changes):
    """Every sample is inactive in the first or in the second layer."""
    network = certflow.FeedForward([1, 1, 1, 1], alpha="0", power=2)
    given = {"X": [["1"], ["-1"]], "y": ["1", "2"], "direction": ["1", "-1", "1"]} | changes
    return certflow.Problem(network, **given)


def verdict(theorem, change):
    """Of the checker, about the certificate after a change."""
    content = json.loads(theorem.certificate)
    change(content)
    content["sha256"] = sha256(canonical_text({k: v for k, v in content.items() if k != "sha256"}))
    return check_text(canonical_text(content))


def test_a_neuron_at_a_minimum_stays_as_near_as_its_size_allows():
    theorem = certflow.certify(one_neuron(), epsilon="1/100")
    (block,) = theorem.blocks
    assert theorem.outcome is Outcome.PROVED and theorem.checked
    assert block.outcome is Fate.EXACT_START and block.angle_at_horizon == 0
    assert block.gap[0] < -1 and block.gap[1] is None and block.law.coefficient == 0
    assert isinstance(theorem.claim, Claim)
    assert block.value[0] <= Fraction(1, 2) <= block.value[1]
    # By hand: with w2 = r, w1 = x, x' = x (2 - x^2) / 2 ... is even in x, so x = 0 for ever.
    assert theorem.at("1e-8").radii[0].angles[0] <= Fraction(1, 100)


def test_the_bound_holds_where_the_direction_does_move():
    # N = |w|^2 / 2 in all directions of the quadrant (equal eigenvalues), but the losses turn w.
    problem = one_neuron(("3", "4"), X=[["1", "0"], ["0", "1"], ["-1/2", "-1/2"]], y=["1", "1", "1/2"])
    theorem = certflow.certify(problem, epsilon="1/100")
    (block,) = theorem.blocks
    assert block.outcome is Fate.EXACT_START and block.gap[0] < 0
    delta, start = MP.mpf("1e-3"), (MP.mpf(3) / 5, MP.mpf(4) / 5)

    def flow(_, w):
        return [2 * (1 - w[0] ** 2) * w[0] / 3, 2 * (1 - w[1] ** 2) * w[1] / 3]

    w, t, largest = [delta * v for v in start], MP.mpf(0), MP.mpf(0)
    solution = MP.odefun(flow, t, w, tol=MP.mpf("1e-25"))
    for k in range(1, 40):
        w = solution(MP.mpf(k) / 4)
        rho = MP.sqrt(w[0] ** 2 + w[1] ** 2)
        if rho > MP.mpf(theorem.claim.radius.numerator) / theorem.claim.radius.denominator:
            break
        angle = abs(MP.atan2(w[1], w[0]) - MP.atan2(start[1], start[0]))
        floor = MP.mpf(block.law.floor.numerator) / block.law.floor.denominator
        assert angle <= floor * rho**2
        largest = max(largest, angle / (floor * rho**2))
    assert k > 10 and largest > MP.mpf("0.3"), "the bound is of the right size"


def test_exact_starts_share_one_theorem_with_each_other_and_with_one_that_moves():
    both = certflow.certify(one_neuron(("0", "1", "1", "0")), epsilon="1/100")
    assert {block.outcome for block in both.blocks} <= {Fate.EXACT_START, Fate.CONVERGES} and both.checked
    moving = certflow.certify(one_neuron(("0", "1", "1", "1")), epsilon="1/100")
    assert [block.outcome for block in moving.blocks] == [Fate.EXACT_START, Fate.CONVERGES] and moving.checked
    first, _ = moving.blocks
    assert first.law.coefficient == 0 and first.angle_at_horizon > 0
    assert first.angle_at_horizon <= first.angle_at_radius <= Fraction(1, 100)


def beside():
    """A minimum of N, beside a neuron that is much larger and shrinks before it grows."""
    X = [["1", "0", "0"], ["0", "1", "0"], ["0", "0", "1"]]
    direction = ["0", "1/10", "0", "1/2", "1/4", "2"]
    network = certflow.OneLayer(3, 2, alpha="1", power=2)
    return certflow.Problem(network, X, ["2", "3/2", "-3"], direction=direction)


def test_what_was_done_to_an_exact_start_before_the_horizon_is_in_its_floor():
    theorem = certflow.certify(beside(), epsilon="1/20")
    first, second = theorem.blocks
    assert (first.outcome, second.outcome) == (Fate.EXACT_START, Fate.CONVERGES) and theorem.checked
    alone = certflow.certify(
        certflow.Problem(
            certflow.OneLayer(3, 1, alpha="1", power=2), beside().X, beside().y, direction=["0", "1", "0"]
        ),
        epsilon="1/20",
    ).blocks[0]
    assert first.law.floor > alone.law.floor * Fraction(6, 5)


def test_an_exact_start_has_no_start_angle():
    theorem = certflow.certify(one_neuron(), epsilon="1/100", start_angle="1e-9")
    assert theorem.claim is None and "exactly at a KKT point" in theorem.reason


FORGED = {
    "another start": (
        lambda c: c["problem"].update(direction=["1/1000000000000000000000", "1"]),
        "O5",
    ),
    "a start angle": (lambda c: c["claim"].update(start_angle="1/1000000000000"), "O5"),
    "a smaller floor": (
        lambda c: c["claim"]["blocks"][0]["law"].update(
            floor=str(Fraction(c["claim"]["blocks"][0]["law"]["floor"]) * Fraction(99, 100))
        ),
        "R7",
    ),
    "a smaller angle": (
        lambda c: c["claim"]["blocks"][0].update(
            angle_at_radius=str(Fraction(c["claim"]["blocks"][0]["angle_at_radius"]) * Fraction(99, 100))
        ),
        "R9",
    ),
    "a positive gap": (lambda c: c["claim"]["blocks"][0].update(gap=["1/1000", None]), "R9"),
    "an upper bound of the gap": (lambda c: c["claim"]["blocks"][0].update(gap=["-2", "1"]), "R9"),
    "a smaller epsilon": (lambda c: c["claim"].update(epsilon="9/1000"), "R7"),
    "a larger radius": (lambda c: c["claim"].update(radius="1/4"), "R7"),
    "a strict maximum": (
        lambda c: (
            c["groups"][0].update(outcome="converges"),
            c["claim"]["blocks"][0].update(outcome="converges"),
        ),
        "R1",
    ),
}


@pytest.mark.parametrize("name", list(FORGED))
def test_forged_exact_starts_are_refused(name):
    change, rule = FORGED[name]
    theorem = certflow.certify(one_neuron(), epsilon="1/100")

    def both(content):
        change(content)
        digest = sha256(canonical_text(content["problem"]))
        content["problem_sha256"] = content["claim"]["problem_sha256"] = digest

    found = verdict(theorem, both)
    assert not found.accepted and found.rule == rule, found


def test_a_deep_network_that_no_sample_activates_is_dead():
    theorem = certflow.certify(deep(), epsilon="1/100", start_angle="1/1000")
    assert [block.outcome for block in theorem.blocks] == [Fate.DEAD] and theorem.checked
    alive = certflow.certify(deep(direction=["1", "1", "1"]), epsilon="1/100")
    assert all(block.outcome is not Fate.DEAD for block in alive.blocks)


@pytest.mark.parametrize(
    "direction",
    [["1", "1", "1"], ["1", "0", "1"], ["1", "-1/1000000000000", "1"]],
)
def test_a_network_that_is_nearly_active_is_not_dead(direction):
    theorem = certflow.certify(deep(), epsilon="1/100", start_angle="1/1000")

    def other(content):
        content["problem"]["direction"] = direction
        start = [Fraction(v) for v in direction]
        norm = Fraction(float(sum(v * v for v in start)) ** 0.5)
        grid = content["grid"]
        content["groups"][0]["start"] = [[round(v / norm * 2**grid) for v in start]]
        digest = sha256(canonical_text(content["problem"]))
        content["problem_sha256"] = content["claim"]["problem_sha256"] = digest

    found = verdict(theorem, other)
    assert (found.accepted, found.rule) == (False, "O6"), found


def test_the_limit_flow_from_an_exact_start_stays_there_and_nothing_is_said_of_what_is_followed():
    theorem = certflow.certify(one_neuron(), statement="basin")
    assert theorem.checked and "starts exactly at" in str(theorem) and "stays there" in str(theorem)


def saddle():
    """Two equal neurons of power 3, exactly at a saddle: the larger one would win."""
    network = certflow.OneLayer(2, 2, alpha="0", power=3)
    start = ["1", "0", "1", "0"]
    return certflow.Problem(network, [["1", "0"], ["0", "1"]], ["1", "8"], direction=start)


@pytest.mark.parametrize("support", [[0], [1], []])
def test_the_support_of_an_exact_start_is_that_of_the_start(support):
    theorem = certflow.certify(saddle(), epsilon="1/10")
    assert theorem.checked and theorem.blocks[0].outcome is Fate.EXACT_START
    assert theorem.blocks[0].support == (0, 1)
    found = verdict(theorem, lambda c: c["claim"]["blocks"][0].update(support=support))
    assert (found.accepted, found.rule) == (False, "R9")


def test_no_sign_of_n_is_said_of_an_exact_start_that_claims_no_value():
    theorem = certflow.certify(saddle(), epsilon="1/10")

    def without(content):
        content["claim"]["blocks"][0] |= {"value": None, "gap": None}

    found = verdict(theorem, without)
    assert found.accepted
    said = "\n".join(sentences(found.claim, found.problem))
    assert "it starts exactly at a KKT point" in said and "N <" not in said and "N >" not in said
