"""Invariant subspaces (O4): what is given is checked, and the fields are tangent to what is accepted."""

import itertools
import random
from dataclasses import replace
from fractions import Fraction as F

import pytest

from certflow.checker.kernel.problem import Problem
from certflow.checker.kernel.reading import Node
from certflow.checker.kernel.verdicts import Clock, Malformed, Refused
from certflow.checker.symmetries.within import subspace
from certflow.checker.tube.evidence import GroupEvidence, TrapEvidence, Window

CLOCK = Clock(None)
SWAP = {"inputs": None, "samples": None, "neurons": {"1": [1, 0]}}
MIRROR = [["1", "0"], ["0", "-1"]]


def problem(direction, X, y, kind="two-layer", alpha="0", power=2, **network):
    network = {
        "kind": kind,
        "inputs": len(X[0]),
        "activation": {"alpha": alpha, "power": power},
        **network,
    }
    if kind != "feed-forward":
        network.setdefault("width", 2)
    content = {
        "network": network,
        "data": {"X": [[str(v) for v in x] for x in X], "y": [str(v) for v in y]},
        "loss": {"kind": "square", "reduction": "mean"},
        "direction": [str(v) for v in direction],
    }
    return Problem(content, CLOCK)


def evidence(given, *symmetries, outcome="converges", rows=None, windows=(), trap=None, g=0):
    if rows is None:
        rows = [[int(840 * given.direction[w]) for w in given.indices[j]] for j in given.groups[g]]
    return GroupEvidence(outcome, "", rows, list(windows), trap, None, Node(list(symmetries), "symmetries"))


def read(given, *symmetries, g=0, start_angle=F(0), **more):
    return subspace(evidence(given, *symmetries, g=g, **more), g, given, start_angle, CLOCK)


TWINS = problem([1, 2, 1, 2, 3, 3], [[1, 2], [3, -1]], [1, 2])
PLANE = [[1, F(1, 2)], [1, F(-1, 2)], [-2, 3], [-2, -3]]
LABELS = [1, 1, F(1, 3), F(1, 3)]
PAIR = problem([1, 2, 1, -2, 3, 3], PLANE, LABELS)
REFLECTED = {"inputs": MIRROR, "samples": [1, 0, 3, 2], "neurons": {"1": [1, 0]}}
ON_AXIS = problem([1, 0, -2, 0], PLANE, LABELS, "one-layer", signs=[1, -1])
ALONG = {"inputs": MIRROR, "samples": [1, 0, 3, 2], "neurons": {}}
BESIDE = problem([1, 1, 2, 3, 2, 1], [[1, -1], [2, 2], [F(1, 2), F(1, 2)]], [1, 2, 3])
DEEP = problem(
    [1, 2, 1, 2, 3, 3, 4, 4, 1, -1], [[1, 2], [3, -1]], [1, 2], "feed-forward", widths=[2, 2, 2, 1]
)
ROOF = problem([2, 1, 4, 2], [[3, 4], [2, 1], [5, 0]], [1, 2, 1], "one-layer", power=3)
TURNED = {
    "inputs": [["3/5", "4/5"], ["4/5", "-3/5"]],
    "samples": [2, 1, 0],
    "neurons": {},
}
GIVEN = problem(
    [1, 0, 1, 0, 2, 2],
    [[1, 1], [1, 2]],
    [1, 2],
    "feed-forward",
    widths=[2, 2, 2, 2, 1],
    trained=[2, 4],
    given={"1": [["1", "0"], ["0", "1"]], "3": [["1", "1"], ["2", "2"]]},
)


def vectors(given, space, g=0):
    """The basis in all weights."""
    result = []
    for k in range(space.dimension):
        v = [F(0)] * len(given.direction)
        for p, j in enumerate(given.groups[g]):
            for i, b in space.basis[p][k]:
                v[given.indices[j][i]] = F(b)
        result.append(v)
    return result


def gradient(given, w, weights):
    result = [F(0)] * len(w)
    for j, own in enumerate(given.indices):
        for k, v in zip(own, given.part(j).gradient_at([w[i] for i in own], weights), strict=True):
            result[k] = v
    return result


CASES = {
    "twins": (TWINS, [SWAP], 0, 3),
    "a mirrored pair": (PAIR, [REFLECTED], 0, 3),
    "on the axis": (ON_AXIS, [ALONG], 1, 1),
    "turned by no right angle": (ROOF, [TURNED], 0, 2),
    "beside a sample": (
        BESIDE,
        [{"orthogonal": [["1", "-1"]], "neurons": [0]}],
        0,
        5,
    ),
    "hidden neurons of the first layer": (DEEP, [SWAP], 0, 6),
    "an untrained layer above": (
        GIVEN,
        [{"inputs": None, "samples": None, "neurons": {"2": [1, 0]}}],
        0,
        4,
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_the_basis_spans_the_vectors_that_are_orthogonal_to_all_normals(name):
    given, symmetries, g, dimension = CASES[name]
    space = read(given, *symmetries, g=g)
    assert space.dimension == dimension == len(vectors(given, space, g))
    sizes = [len(given.indices[j]) for j in given.groups[g]]
    for k in range(dimension):
        rows = [[0] * size for size in sizes]
        for p in range(len(sizes)):
            for i, b in space.basis[p][k]:
                rows[p][i] = b
        assert space.holds(rows)
    assert len(space.normals) + dimension == sum(sizes)


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("name", CASES)
def test_no_gradient_pushes_out_of_the_subspace(name, seed):
    """Neither that of N nor that of the loss, with the residuals as weights, which have the symmetry too."""
    given, symmetries, g, _ = CASES[name]
    rng, space = random.Random(f"{name} {seed}"), read(given, *symmetries, g=g)
    y, basis = [rng.randint(-9, 9) for _ in range(space.dimension)], vectors(given, space, g)
    w = [sum((c * v[k] for c, v in zip(y, basis, strict=True)), F(0)) for k in range(len(given.direction))]
    residuals = [F(rng.randint(-9, 9)) for _ in given.z]
    for i, k in enumerate(symmetries[0].get("samples") or []):
        residuals[max(i, k)] = residuals[min(i, k)]
    for weights in (given.z, residuals):
        G = gradient(given, w, weights)
        assert any(w) and space.holds([[G[k] for k in given.indices[j]] for j in given.groups[g]])


def test_forms_and_products_are_those_of_the_vectors():
    rng, space = random.Random(1), read(PAIR, REFLECTED)
    A = [[[rng.randint(-99, 99) for _ in range(3)] for _ in range(3)] for _ in range(2)]
    A = [[[M[i][j] + M[j][i] for j in range(3)] for i in range(3)] for M in A]
    dense = [[[0] * 3, [0] * 3] for _ in range(space.dimension)]
    for p, k in itertools.product(range(2), range(space.dimension)):
        for i, b in space.basis[p][k]:
            dense[k][p][i] = b
    form = space.form(A)
    for k, m in itertools.product(range(space.dimension), repeat=2):
        expected = sum(
            dense[k][p][i] * A[p][i][j] * dense[m][p][j]
            for p in range(2)
            for i, j in itertools.product(range(3), repeat=2)
        )
        assert form[k][m] == expected
    w = [[rng.randint(-9, 9) for _ in range(3)] for _ in range(2)]
    assert space.inner(w) == [
        sum(a * b for p in range(2) for a, b in zip(v[p], w[p], strict=True)) for v in dense
    ]


REFUSED = {
    "not orthogonal": (PAIR, REFLECTED | {"inputs": [["1", "0"], ["1", "-1"]]}),
    "shrinks": (PAIR, REFLECTED | {"inputs": [["1", "0"], ["0", "-1/2"]]}),
    "a shear that keeps the samples": (
        problem([1, 0, 1, 0, 3, 3], [[1, 0], [2, 0]], [1, 2]),
        {"inputs": [["1", "1"], ["0", "1"]], "samples": None, "neurons": {}},
    ),
    "a sample twice, and its mirror image once": (
        problem([1, 0, 2, 0, 3, 3], [[1, 1], [1, 1], [1, -1]], [1, 1, 1]),
        {"inputs": MIRROR, "samples": [2, 2, 0], "neurons": {}},
    ),
    "no samples": (PAIR, REFLECTED | {"samples": None}),
    "twice the same sample": (PAIR, REFLECTED | {"samples": [1, 1, 3, 2]}),
    "neurons stay": (PAIR, REFLECTED | {"neurons": {}}),
    "no permutation": (TWINS, SWAP | {"neurons": {"1": [0, 0]}}),
    "beyond": (TWINS, SWAP | {"neurons": {"1": [1, 2]}}),
    "labels differ": (problem([1, 2, 1, -2, 3, 3], PLANE, [1, 2, 1, 1]), REFLECTED),
    "outgoing weights differ": (problem([1, 2, 1, 2, 3, -3], [[1, 2]], [1]), SWAP),
    "signs differ": (
        problem([1, 2, 1, 2], [[1, 2]], [1], "one-layer", power=3, signs=[1, -1]),
        SWAP,
    ),
    "rows differ": (problem([1, 2, 1, 3, 3, 3], [[1, 2]], [1]), SWAP),
    "the layer above is not trained, and differs": (
        problem(
            [1, 0, 1, 0, 2, 2],
            [[1, 1], [1, 2]],
            [1, 2],
            "feed-forward",
            widths=[2, 2, 2, 1],
            trained=[1, 3],
            given={"2": [["1", "2"], ["1", "1"]]},
        ),
        SWAP,
    ),
    "linear": (
        problem([1, 1, 2, 3, 2, 1], [[1, -1], [2, 2]], [1, 2], alpha="1", power=1),
        {"orthogonal": [["1", "-1"]], "neurons": [0]},
    ),
    "a sample is neither": (
        problem([1, 1, 2, 3, 2, 1], [[1, -1], [2, 1]], [1, 2]),
        {"orthogonal": [["1", "-1"]], "neurons": [0]},
    ),
    "not orthogonal to the sample": (BESIDE, {"orthogonal": [["1", "-1"]], "neurons": [0, 1]}),
    "no such neuron": (BESIDE, {"orthogonal": [["1", "-1"]], "neurons": [2]}),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_no_symmetry_of_the_start_is_refused(name):
    with pytest.raises(Refused) as error:
        read(REFUSED[name][0], REFUSED[name][1])
    assert error.value.rule == "O4"


@pytest.mark.parametrize(
    "entry",
    [
        {},
        SWAP | {"more": 1},
        SWAP | {"neurons": {"2": [0]}},
        SWAP | {"neurons": {"0": [1, 0]}},
        SWAP | {"neurons": {"1": [0, 1, 2]}},
        SWAP | {"samples": [0]},
        REFLECTED | {"inputs": [["1", "0"]]},
        {"orthogonal": [["1", "-1"]]},
        {"orthogonal": [], "neurons": [0]},
        {"orthogonal": [["1", "-1"]], "neurons": []},
        [],
    ],
)
def test_malformed_symmetries(entry):
    with pytest.raises(Malformed):
        read(TWINS, entry)


def test_a_linear_sample_in_the_subspace_does_not_push():
    linear = problem([1, 1, 2, 2, 2, 1], [[1, 1], [2, 2]], [1, 2], alpha="1", power=1)
    assert read(linear, {"orthogonal": [["1", "-1"]], "neurons": [0]}, g=0).dimension == 2


def test_a_neuron_that_is_not_meant_is_free():
    space = read(BESIDE, {"orthogonal": [["1", "-1"]], "neurons": [0]})
    assert {(j, i) for normal in space.normals for j, i, _ in normal} == {(0, 0), (0, 1)}


def test_of_several_groups_only_what_is_about_one_alone_counts():
    both = problem([1, 2, 1, 2], [[1, 2], [3, -1]], [1, 2], "one-layer")
    assert both.coupled and read(both, SWAP, g=1).normals == []


@pytest.mark.parametrize("outcome", ["dead", "fades", "continuum", "exact-start"])
def test_other_outcomes_and_start_angles_are_refused(outcome):
    for more in ({"outcome": outcome}, {"start_angle": F(1, 10**9)}):
        with pytest.raises(Refused, match="start_angle 0"):
            read(TWINS, SWAP, **more)
    assert read(TWINS, SWAP, outcome="followed").dimension == 3


def _window(*parts):
    return Window(F(1), F(0), [], [list(part) for part in parts])


ROW = [[1, 2], [3], []]


@pytest.mark.parametrize(
    ("window", "holds"),
    [
        (_window([(8, ROW)], [(8, ROW)]), True),
        (_window([(8, ROW)], [(8, [[1, 2], [3, 0], [0]])]), True),
        (_window([(8, ROW)], [(8, [[1, 2], [3, 1], []])]), False),
        (_window([(8, ROW)], [(8, [[2, 1], [3], []])]), False),
        (_window([(4, ROW), (8, ROW)], [(4, ROW), (8, ROW)]), True),
        (_window([(4, ROW), (8, ROW)], [(5, ROW), (8, ROW)]), False),
        (_window([(4, ROW), (8, ROW)], [(8, ROW)]), False),
        (_window([(4, ROW), (8, ROW)], [(4, ROW), (8, [[1, 2], [3], [1]])]), False),
    ],
)
def test_every_coefficient_of_the_curve_lies_in_the_subspace(window, holds):
    if holds:
        assert read(TWINS, SWAP, windows=[window]).dimension == 3
    else:
        with pytest.raises(Refused, match="curve"):
            read(TWINS, SWAP, windows=[_window([(8, ROW)], [(8, ROW)]), window])


def test_start_centre_and_gap_direction_lie_in_the_subspace():
    inside, aside = [[1, 2, 3], [1, 2, 3]], [[1, 2, 3], [1, 2, 4]]
    trap = TrapEvidence(inside, F(1), F(1, 8), F(0), inside)
    assert read(TWINS, SWAP, trap=trap).dimension == 3
    assert read(TWINS, SWAP, trap=replace(trap, direction=None)).dimension == 3
    for changed, place in (
        ({"rows": aside}, "start"),
        ({"trap": replace(trap, centre=aside)}, "trap.centre"),
        ({"trap": replace(trap, direction=aside)}, "trap.gap_direction"),
    ):
        with pytest.raises(Refused) as error:
            read(TWINS, SWAP, **changed)
        assert error.value.where == f"groups[0].{place}"


def test_many_weights_or_symmetries_are_refused():
    wide = problem([1] * 402, [[1, 1]], [1], width=134)
    with pytest.raises(Refused, match="at most 400"):
        read(wide, SWAP)
    with pytest.raises(Malformed):
        read(TWINS, *[SWAP] * 65)
    assert read(TWINS, *[SWAP] * 64).dimension == 3
    with pytest.raises(Malformed):
        read(TWINS)


def test_long_numbers_are_refused():
    p, q = 3**900, 2**1400
    unit = p * p + q * q
    Q = [[str(F(p * p - q * q, unit)), str(F(2 * p * q, unit))]]
    Q.append([Q[0][1], str(-F(Q[0][0]))])
    with pytest.raises(Refused, match="too long"):
        read(PAIR, REFLECTED | {"inputs": Q})
