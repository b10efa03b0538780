"""What is written about KKT points: the checker accepts it, the same input gives the same bytes, and the rest
has a reason.
"""

import json
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from written import kkt_certificate

from certflow.certificates import canonical_text, read_certificate, sha256
from certflow.checker import check_text
from certflow.kkt.enumerate import Budget, kkt_set
from certflow.kkt.neuron.features import Neuron
from certflow.kkt.neuron.quadratic import piecewise_quadratic_kkt
from certflow.kkt.points import KKTSet
from certflow.kkt.single.verified import verified_points
from certflow.networks.activation import Activation
from certflow.networks.correlation import Correlation
from certflow.networks.expression import Expression
from certflow.networks.feed_forward import FeedForward
from certflow.networks.one_hidden_layer import OneLayer, TwoLayer
from certflow.outcome import BadInput, Inconclusive
from certflow.problem import Problem
from certflow.theorems.kkt_points.prove import PROOFS

RELU2 = Activation(Fraction(0), 2)
small = st.integers(-3, 3)


def one_layer(X, y, activation=RELU2, **other):
    return Problem(OneLayer(len(X[0]), 1, activation), X, y, direction=[1] * len(X[0]), **other)


def spatial(problem):
    """The KKT set of a neuron of power 2 in any dimension."""
    return piecewise_quadratic_kkt(Neuron.of(problem.X, problem.z, problem.network.activation), 30)


def claim_of(data):
    verdict = check_text(data)
    assert (verdict.verdict, verdict.rule, verdict.where, verdict.reason) == ("accepted", "", "", "")
    return verdict.claim


@given(
    st.lists(st.tuples(small, small), min_size=1, max_size=6),
    st.data(),
    st.sampled_from(["0", "1/2", "-1", "1"]),
)
def test_every_planar_set_has_a_certificate(X, data, alpha):
    y = [data.draw(small) for _ in X]
    problem = one_layer(X, y, Activation(Fraction(alpha), 2))
    claim = claim_of(kkt_certificate(problem, kkt_set(problem, 12)))
    assert (claim["proof"], claim["kkt_status"], claim["of"]) == ("planar", "complete", "neuron")


@given(st.integers(0, 10**6))
def test_planar_sets_of_doubles_have_certificates(seed):
    rng = np.random.default_rng(seed)
    n = int(rng.integers(1, 30))
    problem = one_layer(rng.standard_normal((n, 2)) * 10.0 ** rng.integers(-6, 7), rng.standard_normal(n))
    claim_of(kkt_certificate(problem, kkt_set(problem)))


def test_values_and_gaps_are_enclosed_to_the_digits_of_the_set():
    problem = one_layer([[1, 2], [-1, 1], [2, -1]], [1, 2, -1])
    kkt = kkt_set(problem, 20)
    claim = claim_of(kkt_certificate(problem, kkt))
    for entry, point in zip(claim["points"], kkt.points, strict=True):
        for name, ball in (("value", point.value), ("gap", point.gap)):
            low, high = map(Fraction, entry[name])
            assert low <= ball.lower() and ball.upper() <= high and high - low <= Fraction(1, 10**19)
    assert Fraction(claim["n_max_upper"]) - kkt.n_max.upper() <= Fraction(1, 10**19)


@pytest.mark.parametrize("seed", range(4))
def test_spatial_sets_have_complete_certificates(seed):
    rng = np.random.default_rng(seed)
    n = 4 + seed
    problem = one_layer(
        rng.integers(-9, 10, (n, 3)).tolist(),
        rng.integers(1, 5, n).tolist(),
        Activation(Fraction(seed % 2, 2), 2),
    )
    kkt = spatial(problem)
    assert kkt.complete
    claim = claim_of(kkt_certificate(problem, kkt))
    isolated = [point for point in kkt.points if point.kind in ("maximum", "minimum", "saddle")]
    assert (claim["proof"], len(claim["points"])) == ("cover", len(isolated))
    assert sorted(p["kind"] for p in claim["points"]) == sorted(p.kind for p in isolated)
    assert claim["dead_cone"] == (len(isolated) < len(kkt.points))


SIZES = [("1", "1"), ("7e11", "1e-80"), ("1e-9", "1"), ("2e90", "3"), ("1e-30", "1e40")]


@pytest.mark.parametrize(("x", "y"), SIZES)
@pytest.mark.parametrize(
    "network", [OneLayer(3, 1, RELU2), TwoLayer(3, 1, RELU2)], ids=["one layer", "two layers"]
)
def test_data_of_any_size_have_the_certificate_of_data_near_one(network, x, y):
    def claim(x, y):
        X = [[Fraction(v) * Fraction(x) for v in row] for row in ([1, 0, 1], [0, 1, -1], [1, 1, 2])]
        labels = [Fraction(v) * Fraction(y) for v in (1, -1, 2)]
        problem = Problem(network, X, labels, direction=[1] * network.size)
        return claim_of(kkt_certificate(problem, kkt_set(problem, 12)))

    one, other = claim("1", "1"), claim(x, y)
    factor = Fraction(x) ** network.activation.power ** (network.depth - 1) * Fraction(y)
    assert (one["proof"], one["kkt_status"]) == (other["proof"], other["kkt_status"])
    for first, second in zip(one["points"], other["points"], strict=True):
        assert first["kind"] == second["kind"]
        for key in ("value", "gap"):
            (low, high), (least, most) = ([Fraction(end) for end in point[key]] for point in (first, second))
            assert least <= high * factor and low * factor <= most


def test_neurons_of_power_three_are_enumerated_beyond_doubles():
    # What is enumerated in doubles is enumerated near 1: the cubes of these inputs have more than 308 digits.
    X = [[c * 10**120 for c in row] for row in ([1, 0], [1, 2], [-1, 1])]
    near, far = (
        one_layer(x, ["1", "-1", "2"], Activation(Fraction(0), 3))
        for x in ([[c // 10**120 for c in r] for r in X], X)
    )
    one, other = kkt_set(near, 12), kkt_set(far, 12)
    assert (one.status, [p.kind for p in one.points]) == (other.status, [p.kind for p in other.points])
    for p, q in zip(one.points, other.points, strict=True):
        assert (p.value * 10**360).overlaps(q.value)
        assert all(a.overlaps(b) for a, b in zip(p.point, q.point, strict=True))
    assert claim_of(kkt_certificate(far, other))["kkt_status"] == one.status


def test_any_units_prove_the_same_list_and_no_other():
    X = [["7e11", "0", "7e11"], ["0", "7e11", "-7e11"], ["7e11", "7e11", "14e11"]]
    given = {1: [["3", "0", "0"], ["0", "3", "0"], ["0", "0", "3"]], 3: [["1e-9"]]}
    problem = Problem(
        FeedForward([3, 3, 1, 1], RELU2, [2], given), X, ["1e-9", "-1e-9", "2e-9"], direction=[1, 2, 3]
    )
    honest = kkt_certificate(problem, kkt_set(problem, 12))

    def verdict(key, by, factor):
        content = json.loads(honest)
        table = content["units"] if key in content["units"] else content["units"]["given"]
        table[key] += by
        for point in content["claim"]["points"]:
            point["value"] = [str(Fraction(end) * factor) for end in point["value"]]
        del content["sha256"]
        return check_text(canonical_text({**content, "sha256": sha256(canonical_text(content))})).verdict

    for key in ("inputs", "labels", "1", "3"):
        for by in (1, -1):
            assert verdict(key, by, 1) == "accepted"
            for factor in (Fraction(1, 2), 2, Fraction(1, 16), 16):
                assert verdict(key, by, factor) == "refused"


def test_a_set_with_a_point_too_few_is_not_accepted_as_complete():
    problem = one_layer(
        [[1, 2, 0], [-1, 1, 1], [2, -1, 1], [0, 1, -3]], [1, 2, 1, 1], Activation(Fraction(1, 2), 2)
    )
    kkt = spatial(problem)
    for k in range(0, len(kkt.points), 4):
        rest = [point for i, point in enumerate(kkt.points) if i != k]
        assert check_text(kkt_certificate(problem, KKTSet(rest, 30))).rule == "R12"
        assert (
            claim_of(kkt_certificate(problem, KKTSet(rest, 30, status="partial", reason="one is left out")))[
                "proof"
            ]
            == "points"
        )


def test_all_neurons_of_a_two_layer_network_have_the_certificate_of_one_without_output_weight():
    planar = Problem(TwoLayer(2, 3, RELU2), [[1, 2], [-1, 1]], [1, -1], loss="logistic", direction=[1] * 9)
    claim = claim_of(kkt_certificate(planar, kkt_set(planar)))
    assert claim["of"] == "neuron" and claim["proof"] == "planar"
    X = [[1, 2, 0], [-1, 1, 1], [2, -1, 1], [0, 1, -3]]
    spatial_problem = Problem(
        TwoLayer(3, 1, Activation(Fraction(1, 2), 2)), X, [1, 2, 1, 1], direction=[1] * 4
    )
    kkt = kkt_set(spatial_problem)
    claim = claim_of(kkt_certificate(spatial_problem, kkt))
    assert claim["of"] == "neuron" and claim["proof"] == "cover"
    assert {len(point["centre"]) for point in claim["points"]} == {3}


@pytest.mark.parametrize(
    ("widths", "alpha", "power"),
    [([2, 2, 1, 1], 0, 2), ([2, 3, 2, 1], Fraction(1, 2), 2), ([1, 2, 1, 1], 0, 3)],
)
def test_points_of_deep_networks(widths, alpha, power):
    rng = np.random.default_rng(1)
    network = FeedForward(widths, Activation(Fraction(alpha), power))
    problem = Problem(
        network, rng.integers(-3, 4, (5, widths[0])).tolist(), [1, -2, 1, 2, -1], direction=[1] * network.size
    )
    kkt = verified_points(Correlation(network, problem.X, problem.z), starts=20, count=4, seed=1)
    assert kkt.points
    claim = claim_of(kkt_certificate(problem, kkt))
    assert (claim["of"], claim["proof"], claim["kkt_status"]) == ("network", "points", "partial")
    assert sorted(p["kind"] for p in claim["points"]) == sorted(p.kind for p in kkt.points)


def test_the_same_set_gives_the_same_bytes_and_the_file_can_be_read(tmp_path):
    problem = one_layer([[1, 2, 0], [-1, 1, 1], [2, -1, 1]], [1, 2, 1], Activation(Fraction(1, 2), 2))
    data = kkt_certificate(problem, spatial(problem))
    assert data == kkt_certificate(problem, spatial(problem))
    (tmp_path / "c.json").write_text(data)
    assert read_certificate(tmp_path / "c.json") == json.loads(data)
    (tmp_path / "c.json").write_text(data.replace('"dead_cone":false', '"dead_cone":true'))
    with pytest.raises(BadInput, match="hash"):
        read_certificate(tmp_path / "c.json")


def test_a_weaker_proof_can_be_asked_for():
    problem = one_layer([[1, 2], [-1, 1], [2, -1]], [1, 2, 1], Activation(Fraction(1, 2), 2))
    for proof in PROOFS:
        assert claim_of(kkt_certificate(problem, kkt_set(problem), proof))["proof"] == proof


def test_what_has_no_certificate_has_a_reason():
    linear = Problem(TwoLayer(3, 1, Activation(Fraction(1, 2), 1)), [[1, 2, 0]], [1], direction=[1] * 4)
    with pytest.raises(Inconclusive, match="power 1"):
        kkt_certificate(linear, KKTSet([], 30))
    zero = one_layer([[1, 2, 0]], [0])
    with pytest.raises(Inconclusive, match="no isolated KKT point"):
        kkt_certificate(zero, kkt_set(zero))
    line = one_layer([[1], [2]], [1, 1])
    with pytest.raises(Inconclusive, match="2 to 400 weights"):
        kkt_certificate(line, kkt_set(line))
    expression = Expression(["u1", "u2"], ["x1"], "u1*abs(u2)*x1")
    with pytest.raises(Inconclusive, match="feed-forward"):
        kkt_certificate(Problem(expression, [[1]], [1], direction=[1, 1]), KKTSet([], 30))
    plane = one_layer([[1, 2, 0], [2, 1, 1]], [1, 1])
    for proof, reason in (("planar", "two features"), ("cover", "not known to consist")):
        with pytest.raises(Inconclusive, match=reason):
            kkt_certificate(plane, KKTSet(spatial(plane).points, 30, status="partial"), proof)
    with pytest.raises(ValueError, match="guess"):
        kkt_certificate(plane, spatial(plane), "guess")


def test_points_on_kinks_whose_kind_the_hull_of_hessians_does_not_show_are_left_out():
    X, given = [["1"], ["-1"]], {2: [["4", "-19/3"], ["-49/20", "-11/7"]]}
    network = FeedForward([1, 2, 2, 1], Activation(Fraction(1, 4), 2), [1, 3], given)
    problem = Problem(network, X, ["-1", "-1"], "logistic", direction=[1, 1, 1, 1])
    kkt = kkt_set(problem, 12, Budget(boxes=2_000, starts=4))
    assert any("on a kink" in point.reason for point in kkt.points)
    claim = claim_of(kkt_certificate(problem, kkt))
    assert claim["proof"] == "points"
    assert 0 < len(claim["points"]) < len(kkt.points)
