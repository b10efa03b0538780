"""The exact problem of a certificate: every number that is read from it, every limit at its edge, every
sentence of a refusal.
"""

import copy
from fractions import Fraction as F

import pytest

from certflow.checker.kernel import problem as module
from certflow.checker.kernel.numbers import enclosed
from certflow.checker.kernel.problem import Problem
from certflow.checker.kernel.reading import Node
from certflow.checker.kernel.verdicts import Clock, Malformed, Refused

RELU2 = {"alpha": "0", "power": 2}
LINEAR = {"alpha": "1", "power": 1}
DATA = {"X": [["1", "2"], ["-3", "1/2"]], "y": ["1", "-1"]}


def content(network, direction, data=DATA, kind="square", reduction="mean"):
    loss = {"kind": kind, "reduction": reduction}
    return copy.deepcopy({"network": network, "data": data, "loss": loss, "direction": direction.split()})


def one_layer(width=1, direction="1 0", activation=RELU2, **more):
    network = {"kind": "one-layer", "inputs": 2, "width": width, "activation": activation}
    return content(
        {**network, **({"signs": more.pop("signs")} if "signs" in more else {})}, direction, **more
    )


def two_layer(width=2, direction="1 0 0 1 1 1", **more):
    return content({"kind": "two-layer", "inputs": 2, "width": width, "activation": RELU2}, direction, **more)


def feed_forward(widths, direction, trained=None, given=None, activation=RELU2, data=DATA, **more):
    network = {"kind": "feed-forward", "inputs": widths[0], "widths": widths, "activation": activation}
    network |= {key: value for key, value in (("trained", trained), ("given", given)) if value is not None}
    return content(network, direction, data, **more)


def read(problem, units=None):
    return Problem(problem, Clock(None), None if units is None else Node(units, "units"))


def units(inputs=0, labels=0, **given):
    return {"inputs": inputs, "labels": labels, "given": {key[1:]: value for key, value in given.items()}}


def said(problem, scale=None):
    """The kind of refusal, its rule and place, and the sentence; "" if the problem is read."""
    try:
        read(problem, scale)
    except Refused as error:
        kind = "malformed" if isinstance(error, Malformed) else "refused"
        return f"{kind} ({error.rule}, {error.where}): {error.reason}"
    return ""


GIVEN = {"1": [["1", "1"], ["-1/2", "1"], ["0", "3"]], "3": [["2", "-1/3"]]}
DEEP = feed_forward([2, 3, 2, 1], "1 0 0 0 1 0", [2], GIVEN, {"alpha": "-1/2", "power": 2})
ONE_BELOW = feed_forward([2, 2, 2, 1], "1 0 0 1 1 1", [2, 3], {"1": [["1", "0"], ["1", "1"]]})
HALVED = {"data": {"X": [["4", "8"], ["-12", "2"]], "y": ["1/2", "-1/2"]}}

# Problem, units -> what is read from it.
READ = {
    "a neuron": (
        one_layer(),
        None,
        {
            "widths": [2, 1, 1],
            "depth": 2,
            "alpha": 0,
            "p": 2,
            "given": {2: [[1]]},
            "trained": [1],
            "order": 2,
            "size": 2,
            "samples": [[1, 2], [-3, F(1, 2)]],
            "features": [[1, 2], [-3, F(1, 2)]],
            "loss": {"kind": "square", "reduction": "mean"},
            "omega": F(1, 2),
            "z": [F(1, 2), F(-1, 2)],
            "least_curvature": 1,
            "curvature": 1,
            "direction": [1, 0],
            "rate": 1,
            "mass": 1,
            "last": 1,
            "shallow": True,
            "indices": [[0, 1]],
            "groups": [[0]],
            "coupled": False,
            "beta": [],
        },
    ),
    "neurons with signs": (
        one_layer(
            3, "1 0 0 1 1 1", {"alpha": "-1", "power": 2}, signs=[1, -1, 1], kind="logistic", reduction="sum"
        ),
        None,
        {
            "alpha": -1,
            "given": {2: [[1, -1, 1]]},
            "size": 6,
            "omega": 1,
            "z": [1, -1],
            "least_curvature": 0,
            "curvature": F(1, 2),
            "indices": [[0, 1], [2, 3], [4, 5]],
            "groups": [[0], [1], [2]],
            "coupled": True,
        },
    ),
    "neurons without signs": (one_layer(2, "1 0 0 1"), None, {"given": {2: [[1, 1]]}, "groups": [[0], [1]]}),
    "neurons of the third power": (
        one_layer(2, "1 0 0 1", {"alpha": "1", "power": 3}),
        None,
        {"order": 3, "p": 3, "groups": [[0, 1]], "coupled": False, "indices": [[0, 1], [2, 3]]},
    ),
    "two layers": (
        two_layer(),
        None,
        {
            "widths": [2, 2, 1],
            "given": {},
            "trained": [1, 2],
            "order": 3,
            "size": 6,
            "shallow": True,
            "indices": [[0, 1, 4], [2, 3, 5]],
            "groups": [[0, 1]],
            "coupled": False,
        },
    ),
    "two linear layers": (
        content({"kind": "two-layer", "inputs": 2, "width": 2, "activation": LINEAR}, "1 0 0 1 1 1"),
        None,
        {
            "order": 2,
            "alpha": 1,
            "p": 1,
            "groups": [[0], [1]],
            "coupled": True,
            "indices": [[0, 1, 4], [2, 3, 5]],
        },
    ),
    "all layers": (
        feed_forward([2, 2, 2, 1], "1 0 0 1 1 1 1 1 1 1"),
        None,
        {
            "order": 7,
            "size": 10,
            "shallow": False,
            "indices": [list(range(10))],
            "groups": [[0]],
            "trained": [1, 2, 3],
        },
    ),
    "the layer in the middle": (
        DEEP,
        None,
        {
            "order": 2,
            "size": 6,
            "trained": [2],
            "given": {1: [[1, 1], [F(-1, 2), 1], [0, 3]], 3: [[2, F(-1, 3)]]},
            # max(z, -z/2)^2 of (3, 3/2, 6) and (-5/2, 2, 3/2).
            "features": [[9, F(9, 4), 36], [F(25, 16), 4, F(9, 4)]],
            "shallow": True,
            "indices": [[0, 1, 2], [3, 4, 5]],
            "groups": [[0], [1]],
        },
    ),
    "the layers above a given one": (
        ONE_BELOW,
        None,
        {
            "order": 3,
            "size": 6,
            "features": [[1, 9], [0, 0]],
            "indices": [[0, 1, 4], [2, 3, 5]],
            "groups": [[0, 1]],
        },
    ),
    "two given layers below": (
        feed_forward([2, 1, 1, 1, 1], "1", [3], {"1": [["1", "1"]], "2": [["1/3"]], "4": [["1"]]}),
        None,
        {"order": 2, "features": [[9], [0]], "size": 1, "indices": [[0]], "depth": 4},
    ),
    "the first layer of three": (
        feed_forward([2, 1, 1, 1], "1 2", [1], {"2": [["1"]], "3": [["5"]]}),
        None,
        {"order": 4, "shallow": False, "indices": [[0, 1]], "features": [[1, 2], [-3, F(1, 2)]]},
    ),
    "units of zero": (one_layer(), units(), {"rate": 1, "mass": 1, "last": 1, "z": [F(1, 2), F(-1, 2)]}),
    "units of inputs and labels": (
        one_layer(**HALVED),
        units(2, -1),
        {
            "samples": [[1, 2], [-3, F(1, 2)]],
            "z": [F(1, 2), F(-1, 2)],
            "rate": 8,
            "mass": F(1, 32),
            "last": 1,
        },
    ),
    "units of signs": (
        one_layer(),
        units(_2=-3),
        {"given": {2: [[8]]}, "last": F(1, 8), "rate": F(1, 8), "mass": 8},
    ),
    "units of given layers": (
        DEEP,
        units(1, 0, _1=2, _3=5),
        {
            "given": {1: [[F(1, 4), F(1, 4)], [F(-1, 8), F(1, 4)], [0, F(3, 4)]], 3: [[F(1, 16), F(-1, 96)]]},
            "samples": [[F(1, 2), 1], [F(-3, 2), F(1, 4)]],
            # 1 * 4 + 2 * 4 + 5 * 1
            "rate": 2**17,
            "mass": F(1, 2**17),
            "last": 32,
        },
    ),
}


@pytest.mark.parametrize("name", list(READ))
def test_a_problem_is_exactly_what_is_written(name):
    source, scale, expected = READ[name]
    found = read(source, scale)
    assert {key: getattr(found, key) for key in expected} == expected


@pytest.mark.parametrize(
    ("source", "matrices"),
    [
        (one_layer(2, "1 0 0 1", signs=[1, -1]), [[[[0, 1]], [[F(1)]]], [[[0, 1]], [[F(-1)]]]]),
        (two_layer(), [[[[0, 1]], [[2]]], [[[0, 1]], [[2]]]]),
        (
            feed_forward([2, 1, 1, 1], "1 2", [1], {"2": [["7"]], "3": [["5"]]}),
            [[[[0, 1]], [[F(7)]], [[F(5)]]]],
        ),
        (feed_forward([2, 2, 1, 1], "1 2 3 4 5 6 7"), [[[[0, 1], [2, 3]], [[4, 5]], [[6]]]]),
    ],
)
def test_parts_number_their_own_weights(source, matrices):
    found = read(source)
    assert [layers.matrices for layers in found.layers] == matrices
    assert [[[type(e) for e in row] for m in each.matrices for row in m] for each in found.layers] == [
        [[type(e) for e in row] for m in each for row in m] for each in matrices
    ]
    for layers in found.layers:
        assert (layers.alpha, layers.p, layers.samples) == (0, 2, found.layers[0].samples)
    samples = found.layers[0].samples
    assert samples.rows == found.features and samples.z == [enclosed(v) for v in found.z]


def changed(source, *path, to):
    source = copy.deepcopy(source)
    place = source
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = to
    return source


def network(source, **changes):
    source = copy.deepcopy(source)
    source["network"] |= changes
    return source


CHAIN = feed_forward([1] * 13, " ".join(["1"] * 12), activation=LINEAR, data={"X": [["1"]], "y": ["1"]})
CHAIN_4 = {"data": {"X": [["1"]], "y": ["1"]}}
THIRD = {str(l): [["1"]] for l in (1, 2, 4)}
EVEN = {"alpha": "0", "power": 16}
NET, SIGMA = "problem.network", "problem.network.activation"
FIRST = feed_forward(
    [1, 1, 1, 1], "1", [1], {"2": [["1"]], "3": [["1"]]}, {"alpha": "0", "power": 8}, **CHAIN_4
)
NOUGHT = feed_forward([1] * 4, "1 1", [1, 2], {"3": [["0"]]}, LINEAR, {"X": [["0"]], "y": ["0"]})
LOGISTIC = one_layer(kind="logistic")

# Name -> problem, units, what is said of it.
SAID = {
    "nothing": ([], None, "malformed (R1, problem): expected an object"),
    "no loss": (
        {key: value for key, value in one_layer().items() if key != "loss"},
        None,
        "malformed (R1, problem): the key 'loss' is missing",
    ),
    "an extra key": ({**one_layer(), "x": 1}, None, "malformed (R1, problem): the key 'x' is unknown"),
    "a network of text": (
        changed(one_layer(), "network", to="x"),
        None,
        f"malformed (R1, {NET}): expected an object",
    ),
    "an unknown key of the network": (
        network(one_layer(), x=1),
        None,
        f"malformed (R1, {NET}): the key 'x' is unknown",
    ),
    "no activation": (
        changed(one_layer(), "network", to={"kind": "one-layer", "inputs": 2}),
        None,
        f"malformed (R1, {NET}): the key 'activation' is missing",
    ),
    "an unknown kind": (
        network(one_layer(), kind="two layers"),
        None,
        f"malformed (R1, {NET}.kind): expected one-layer or two-layer or feed-forward",
    ),
    "widths of one layer": (
        network(one_layer(), widths=[2, 1, 1]),
        None,
        f"malformed (R1, {NET}): the key 'widths' is unknown",
    ),
    "signs of two layers": (
        network(two_layer(), signs=[1, -1]),
        None,
        f"malformed (R1, {NET}): the key 'signs' is unknown",
    ),
    "trained layers of two": (
        network(two_layer(), trained=[1]),
        None,
        f"malformed (R1, {NET}): the key 'trained' is unknown",
    ),
    "no width": (
        content({"kind": "two-layer", "inputs": 2, "activation": RELU2}, "1"),
        None,
        f"malformed (R1, {NET}): the key 'width' is missing",
    ),
    "a width of a feed-forward network": (
        network(CHAIN, width=1),
        None,
        f"malformed (R1, {NET}): the key 'width' is unknown",
    ),
    "no inputs": (
        network(one_layer(), inputs=0),
        None,
        f"malformed (R1, {NET}.inputs): expected a whole number (1 to 1000)",
    ),
    "many inputs": (
        network(one_layer(), inputs=1001),
        None,
        f"malformed (R1, {NET}.inputs): expected a whole number (1 to 1000)",
    ),
    "no neuron": (
        network(one_layer(), width=0),
        None,
        f"malformed (R1, {NET}.width): expected a whole number (1 to 1000)",
    ),
    "many neurons": (
        network(one_layer(), width=1001),
        None,
        f"malformed (R1, {NET}.width): expected a whole number (1 to 1000)",
    ),
    "two widths": (
        network(CHAIN, widths=[1, 1]),
        None,
        f"malformed (R1, {NET}.widths): expected a list of length 3 to 13",
    ),
    "fourteen widths": (
        network(CHAIN, widths=[1] * 14),
        None,
        f"malformed (R1, {NET}.widths): expected a list of length 3 to 13",
    ),
    "a width of zero": (
        network(CHAIN, widths=[1, 0, 1]),
        None,
        f"malformed (R1, {NET}.widths[1]): expected a whole number (1 to 1000)",
    ),
    "a wide layer": (
        network(CHAIN, widths=[1, 1001, 1]),
        None,
        f"malformed (R1, {NET}.widths[1]): expected a whole number (1 to 1000)",
    ),
    "other inputs": (
        network(CHAIN, widths=[2, 1, 1]),
        None,
        f"malformed (R1, {NET}.widths): the first width is the number of inputs and the last is 1",
    ),
    "two outputs": (
        network(CHAIN, widths=[1, 1, 2]),
        None,
        f"malformed (R1, {NET}.widths): the first width is the number of inputs and the last is 1",
    ),
    "twelve layers": (CHAIN, None, ""),
    "an activation of text": (
        network(one_layer(), activation="relu"),
        None,
        f"malformed (R1, {SIGMA}): expected an object",
    ),
    "a long activation": (
        network(one_layer(), activation={**RELU2, "beta": 1}),
        None,
        f"malformed (R1, {SIGMA}): the key 'beta' is unknown",
    ),
    "alpha above 1": (
        network(one_layer(), activation={"alpha": "1001/1000", "power": 2}),
        None,
        f"malformed (R1, {SIGMA}.alpha): alpha is outside [-1, 1]",
    ),
    "alpha below -1": (
        network(one_layer(), activation={"alpha": "-1001/1000", "power": 2}),
        None,
        f"malformed (R1, {SIGMA}.alpha): alpha is outside [-1, 1]",
    ),
    "power 0": (
        network(one_layer(), activation={"alpha": "0", "power": 0}),
        None,
        f"malformed (R1, {SIGMA}.power): expected a whole number (1 to 16)",
    ),
    "power 17": (
        network(one_layer(), activation={"alpha": "0", "power": 17}),
        None,
        f"malformed (R1, {SIGMA}.power): expected a whole number (1 to 16)",
    ),
    "power 16": (one_layer(activation=EVEN), None, ""),
    "a kink of power 1": (
        network(two_layer(), activation={"alpha": "999/1000", "power": 1}),
        None,
        f"refused (R1, {NET}): the gradient is not Lipschitz: the power is 1 and alpha is not 1",
    ),
    "degree 4096": (feed_forward([1] * 5, "1", [3], THIRD, EVEN, **CHAIN_4), None, ""),
    "degree 6561": (
        feed_forward(
            [1] * 9,
            "1",
            [7],
            {str(l): [["1"]] for l in (1, 2, 3, 4, 5, 6, 8)},
            {"alpha": "0", "power": 3},
            **CHAIN_4,
        ),
        None,
        "",
    ),
    "degree 19683": (
        feed_forward(
            [1] * 10,
            "1",
            [8],
            {str(l): [["1"]] for l in (1, 2, 3, 4, 5, 6, 7, 9)},
            {"alpha": "0", "power": 3},
            **CHAIN_4,
        ),
        None,
        f"refused (R1, {NET}): the output has a degree above 4096 in the sample",
    ),
    "order 1": (
        feed_forward([2, 1, 1], "1 1", [1], {"2": [["1"]]}, LINEAR),
        None,
        f"refused (R1, {NET}): the order of homogeneity is 1; 2 to 64 are checked",
    ),
    "only the last layer": (
        feed_forward([2, 1, 1], "1", [2], {"1": [["1", "1"]]}),
        None,
        f"refused (R1, {NET}): the order of homogeneity is 1; 2 to 64 are checked",
    ),
    "order 64": (FIRST, None, ""),
    "order 65": (
        changed(network(FIRST, trained=[1, 3], given={"2": [["1"]]}), "direction", to=["1", "1"]),
        None,
        f"refused (R1, {NET}): the order of homogeneity is 65; 2 to 64 are checked",
    ),
    "few signs": (
        one_layer(2, "1 0 0 1", signs=[-1]),
        None,
        f"malformed (R1, {NET}.signs): expected a list of length 2",
    ),
    "a sign of 2": (
        one_layer(2, "1 0 0 1", signs=[2, -1]),
        None,
        f"malformed (R1, {NET}.signs[0]): expected a whole number (-1 to 1)",
    ),
    "a sign of -2": (
        one_layer(2, "1 0 0 1", signs=[1, -2]),
        None,
        f"malformed (R1, {NET}.signs[1]): expected a whole number (-1 to 1)",
    ),
    "a sign of 0": (
        one_layer(2, "1 0 0 1", signs=[0, -1]),
        None,
        f"malformed (R1, {NET}.signs): signs are 1 or -1, and left out if all are 1",
    ),
    "signs that are all 1": (
        one_layer(2, "1 0 0 1", signs=[1, 1]),
        None,
        f"malformed (R1, {NET}.signs): signs are 1 or -1, and left out if all are 1",
    ),
    "signs that are all -1": (one_layer(2, "1 0 0 1", signs=[-1, -1]), None, ""),
    "trained without given": (
        feed_forward([2, 1, 1], "1", [1]),
        None,
        f"malformed (R1, {NET}): the key 'given' is missing",
    ),
    "given without trained": (
        feed_forward([2, 1, 1], "1", None, {"2": [["1"]]}),
        None,
        f"malformed (R1, {NET}): the key 'trained' is missing",
    ),
    "trained nothing": (
        network(DEEP, trained=[]),
        None,
        f"malformed (R1, {NET}.trained): expected a list of length 1 to 3",
    ),
    "trained layer 0": (
        network(DEEP, trained=[0]),
        None,
        f"malformed (R1, {NET}.trained[0]): expected a whole number (1 to 3)",
    ),
    "trained layer 4": (
        network(DEEP, trained=[4]),
        None,
        f"malformed (R1, {NET}.trained[0]): expected a whole number (1 to 3)",
    ),
    "trained in another order": (
        network(DEEP, trained=[2, 1]),
        None,
        f"malformed (R1, {NET}.trained): list the trained layers in order, and only if some are not trained",
    ),
    "trained twice": (
        network(DEEP, trained=[2, 2]),
        None,
        f"malformed (R1, {NET}.trained): list the trained layers in order, and only if some are not trained",
    ),
    "all trained": (
        network(DEEP, trained=[1, 2, 3], given={}),
        None,
        f"malformed (R1, {NET}.trained): list the trained layers in order, and only if some are not trained",
    ),
    "a given layer that is trained": (
        network(DEEP, given={**GIVEN, "2": [["1"] * 3] * 2}),
        None,
        f"malformed (R1, {NET}.given): the key '2' is unknown",
    ),
    "a given layer that is missing": (
        network(DEEP, given={"1": GIVEN["1"]}),
        None,
        f"malformed (R1, {NET}.given): the key '3' is missing",
    ),
    "few rows": (
        network(DEEP, given={**GIVEN, "1": [["1", "1"]] * 2}),
        None,
        f"malformed (R1, {NET}.given.1): expected a list of length 3",
    ),
    "short rows": (
        network(DEEP, given={**GIVEN, "1": [["1"]] * 3}),
        None,
        f"malformed (R1, {NET}.given.1[0]): expected a list of length 2",
    ),
    "no samples": (
        changed(one_layer(), "data", "X", to=[]),
        None,
        "malformed (R1, problem.data.X): expected a list of length 1 to 10000",
    ),
    "many samples": (
        changed(one_layer(), "data", "X", to=[["1", "1"]] * 10_001),
        None,
        "malformed (R1, problem.data.X): expected a list of length 1 to 10000",
    ),
    "a short sample": (
        changed(one_layer(), "data", "X", 1, to=["1"]),
        None,
        "malformed (R1, problem.data.X[1]): expected a list of length 2",
    ),
    "few labels": (
        changed(one_layer(), "data", "y", to=["1"]),
        None,
        "malformed (R1, problem.data.y): expected a list of length 2",
    ),
    "unknown data": (
        changed(one_layer(), "data", to={**DATA, "Z": []}),
        None,
        "malformed (R1, problem.data): the key 'Z' is unknown",
    ),
    "an unknown loss": (
        one_layer(kind="hinge"),
        None,
        "malformed (R1, problem.loss.kind): expected square or logistic",
    ),
    "an unknown reduction": (
        one_layer(reduction="max"),
        None,
        "malformed (R1, problem.loss.reduction): expected mean or sum",
    ),
    "a loss with a weight": (
        changed(one_layer(), "loss", to={"kind": "square", "reduction": "mean", "weight": "1"}),
        None,
        "malformed (R1, problem.loss): the key 'weight' is unknown",
    ),
    "a label of 1/2": (
        changed(LOGISTIC, "data", "y", 0, to="1/2"),
        None,
        "malformed (R1, problem.data.y): the logistic loss needs labels 1 and -1",
    ),
    "a label of 0": (
        changed(LOGISTIC, "data", "y", 1, to="0"),
        None,
        "malformed (R1, problem.data.y): the logistic loss needs labels 1 and -1",
    ),
    "a label of 2": (changed(one_layer(), "data", "y", 1, to="2"), None, ""),
    "a short direction": (
        one_layer(direction="1"),
        None,
        "malformed (R1, problem.direction): expected a list of length 2",
    ),
    "a direction of zeros": (
        one_layer(direction="0 0"),
        None,
        "malformed (R1, problem.direction): the direction is zero",
    ),
    "units of text": (one_layer(), "x", "malformed (R1, units): expected an object"),
    "units of a trained layer": (
        one_layer(),
        units(_1=0),
        "malformed (R1, units.given): the key '1' is unknown",
    ),
    "large units of a layer": (
        one_layer(),
        units(_2=20_001),
        "malformed (R1, units.given.2): expected a whole number (-20000 to 20000)",
    ),
    "units of logistic labels": (
        LOGISTIC,
        units(labels=1),
        "malformed (R1, units.labels): only the labels of the square loss have a unit",
    ),
    "zero units of logistic labels": (LOGISTIC, units(), ""),
    "units below the range": (
        one_layer(),
        units(-20_001),
        "malformed (R1, units.inputs): expected a whole number (-20000 to 20000)",
    ),
    "units at the upper end": (NOUGHT, units(20_000, 0, _3=-20_000), ""),
    "units at the lower end": (NOUGHT, units(-20_000, 0, _3=20_000), ""),
    "units of labels at the upper end": (NOUGHT, units(labels=20_000), ""),
    "units of labels at the lower end": (NOUGHT, units(labels=-20_000), ""),
    "units of labels above the range": (
        NOUGHT,
        units(labels=20_001),
        "malformed (R1, units.labels): expected a whole number (-20000 to 20000)",
    ),
    "units of outputs too large": (
        one_layer(),
        units(0, 2, _2=19_999),
        "malformed (R1, units): the units are too large or too small",
    ),
    "units of outputs too small": (
        one_layer(),
        units(0, 2, _2=-19_999),
        "malformed (R1, units): the units are too large or too small",
    ),
    "units of the largest outputs": (one_layer(), units(0, -1, _2=19_999), ""),
    "units that make long numbers": (
        one_layer(),
        units(19_999, 0, _2=-20_000),
        "refused (R1, problem.network): the numbers are too long",
    ),
}


@pytest.mark.parametrize("name", list(SAID))
def test_what_is_said_of_a_problem(name):
    source, scale, expected = SAID[name]
    assert said(source, scale) == expected


PART = two_layer(2)
SQUARES = {"X": [["256", "256", "256"], ["256", "256", "1/9"]], "y": ["1", "1"]}
TALL = feed_forward([2, 3, 1, 1], "1 1 1", [2], {"1": [["1", "1"]] * 3, "3": [["1"]]})
BITS = one_layer(data={"X": [["7", "1/3"]], "y": ["1"]})
FEATURE = feed_forward([1, 1, 1, 1], "1", [2], {"1": [["1"]], "3": [["1"]]}, data={"X": [["5"]], "y": ["1"]})

# Name -> the limit, its least value for which the problem is read, problem, units, what is said below that
# value.
EDGES = {
    "weights": (
        "MAX_WEIGHTS",
        6,
        PART,
        None,
        f"malformed (R1, {NET}): at most 5 weights, and 50000 with those that are not trained, are read",
    ),
    "weights with the given ones": (
        "MAX_ENTRIES",
        14,
        DEEP,
        None,
        f"malformed (R1, {NET}): at most 5000 weights, and 13 with those that are not trained, are read",
    ),
    "features": (
        "MAX_FEATURES",
        6,
        TALL,
        None,
        f"refused (R1, {NET}): more than 5 features of the samples would have to be computed",
    ),
    "weights of a part": (
        "MAX_PART",
        3,
        PART,
        None,
        f"malformed (R1, {NET}): at most 2 weights of one part, and 4000000 products of inputs, are checked",
    ),
    "weights of a deep part": (
        "MAX_PART",
        10,
        feed_forward([2, 2, 2, 1], "1 0 0 1 1 1 1 1 1 1"),
        None,
        f"malformed (R1, {NET}): at most 9 weights of one part, and 4000000 products of inputs, are checked",
    ),
    "products of inputs": (
        "MAX_PRODUCTS",
        8,
        PART,
        None,
        f"malformed (R1, {NET}): at most 400 weights of one part, and 7 products of inputs, are checked",
    ),
    # 7 and 1/3 are 4 and 3 bits.
    "bits of the samples": (
        "MAX_HELD",
        7,
        BITS,
        None,
        "refused (R1, problem.data): the numbers need too much memory",
    ),
    # Five numbers of 8 bits before the point, times three inputs; the samples themselves have fewer.
    "bits of the products": (
        "MAX_HELD",
        120,
        content({"kind": "one-layer", "inputs": 3, "width": 1, "activation": RELU2}, "1 0 0", SQUARES),
        None,
        f"refused (R1, {NET}): the products of inputs are numbers that need too much memory",
    ),
    "bits of the scaled samples": (
        "MAX_HELD",
        30,
        one_layer(data={"X": [["32", "32"]] * 3, "y": ["1"] * 3}),
        units(5),
        "refused (R1, units): in these units the numbers need too much memory",
    ),
    "bits of the samples scaled up": (
        "MAX_HELD",
        30,
        one_layer(data={"X": [["1/32", "1/32"]] * 3, "y": ["1"] * 3}),
        units(-5),
        "refused (R1, units): in these units the numbers need too much memory",
    ),
    "bits of a scaled layer": (
        "MAX_HELD",
        15,
        feed_forward([1, 3, 1], "1 1 1", [1], {"2": [["32"] * 3]}, data={"X": [["1"]], "y": ["1"]}),
        units(_2=5),
        "refused (R1, units): in these units the numbers need too much memory",
    ),
    "a numerator": (
        "MAX_BITS",
        7,
        one_layer(data={"X": [["65", "1"]], "y": ["1"]}),
        None,
        "refused (R1, problem.data): the numbers are too long",
    ),
    "a common denominator": (
        "MAX_BITS",
        4,
        one_layer(data={"X": [["1/2", "1/3"], ["1/4", "1"]], "y": ["1", "1"]}),
        None,
        "refused (R1, problem.data): the numbers are too long",
    ),
    "a label": (
        "MAX_BITS",
        4,
        one_layer(data={"X": [["1", "1"]], "y": ["1/9"]}),
        None,
        "refused (R1, problem.data): the numbers are too long",
    ),
    "a given layer": (
        "MAX_BITS",
        5,
        feed_forward([1, 1, 1], "1", [1], {"2": [["17"]]}, data={"X": [["1"]], "y": ["1"]}),
        None,
        "refused (R1, problem.network): the numbers are too long",
    ),
    "a direction": (
        "MAX_BITS",
        4,
        one_layer(direction="9 1"),
        None,
        "refused (R1, problem.direction): the numbers are too long",
    ),
    # 5 and 1 are 4 bits, of which 2 may be left out: 25 is below 2^(2 * 2 + 1).
    "a feature": ("MAX_BITS", 5, FEATURE, None, f"refused (R1, {NET}): the numbers are too long"),
}


@pytest.mark.parametrize("name", list(EDGES))
def test_limits_hold_at_their_edge(name, monkeypatch):
    limit, least, source, scale, sentence = EDGES[name]
    monkeypatch.setattr(module, limit, least)
    assert said(source, scale) == ""
    monkeypatch.setattr(module, limit, least - 1)
    assert said(source, scale) == sentence


@pytest.mark.parametrize(("value", "p", "least"), [("5", 2, 2), ("5/9", 3, 8), ("-5", 2, 1)])
def test_powers_of_long_numbers_are_not_computed(value, p, least, monkeypatch):
    # 5 has 4 bits and 5/9 has 7; two may be left out. max(z, 0) of -5 is 0 and has one.
    problem = Problem.__new__(Problem)
    problem.alpha, problem.p = F(0), p
    matrix, x, here = [[F(value), F(1)]], [F(1), F(0)], Node(None, "here")
    monkeypatch.setattr(module, "MAX_BITS", least)
    assert problem._passed(matrix, x, here, Clock(None)) == [max(F(value), F(0)) ** p]
    monkeypatch.setattr(module, "MAX_BITS", least - 1)
    if least > 1:
        with pytest.raises(Refused, match="^the numbers are too long$"):
            problem._passed(matrix, x, here, Clock(None))


def test_more_weights_are_read_where_neurons_are_checked_one_by_one(monkeypatch):
    monkeypatch.setattr(module, "MAX_WEIGHTS", 5)
    kinked = {"kind": "two-layer", "inputs": 2, "width": 2, "activation": {"alpha": "0", "power": 1}}
    problem = content(kinked, "1 0 0 1 1 1")
    assert Problem(problem, Clock(None), lipschitz=False).size == 6
    monkeypatch.setattr(module, "MAX_ENTRIES", 5)
    with pytest.raises(Malformed, match="at most 5 weights, and 5 with those"):
        Problem(problem, Clock(None), lipschitz=False)
