"""Problems: exact, immutable, validated; derived quantities; seeds that never change."""

import hashlib
import json
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from strategies import planar_problems, problems

import certflow
from certflow.losses import Loss
from certflow.networks.activation import Activation
from certflow.networks.feed_forward import FeedForward
from certflow.networks.one_hidden_layer import OneLayer, TwoLayer
from certflow.outcome import BadInput, ExitCode
from certflow.problem import (
    DEFAULT_DELTAS,
    MAX_ORDER,
    Experiment,
    Problem,
    builtin_names,
    builtin_text,
    seeded_direction,
)

SQUARED = Activation(0, 2)


def small(**changes):
    """A valid problem with one neuron, changed as asked."""
    parts = {
        "network": OneLayer(2, 1, SQUARED),
        "X": [[1, 0], ["3/5", 0.5]],
        "y": ["5", 1],
        "direction": [1, "-1/3"],
    }
    return Problem(**(parts | changes))


def test_everything_is_exact_whatever_it_is_given_as():
    problem = small(X=np.array([[0.1, 1.0], [2.0, 3.0]]), y=["0.1", 0.1], direction=(np.float32(0.5), "1e-5"))
    assert problem.X[0, 0] == Fraction(0.1) != Fraction(1, 10)
    assert list(problem.y) == [Fraction(1, 10), Fraction(0.1)]
    assert list(problem.direction) == [Fraction(1, 2), Fraction(1, 100_000)]
    assert {type(v) for v in (*problem.X.ravel(), *problem.y, *problem.direction, *problem.z)} == {Fraction}


def test_derived_quantities():
    problem = small(reduction="mean")
    assert (problem.n, problem.inputs, problem.order, problem.blocks) == (2, 2, 2, ((0, 1),))
    assert list(problem.z) == [Fraction(5, 2), Fraction(1, 2)]
    assert list(small(loss=Loss("square", "sum")).z) == [5, 1]
    assert small(loss="logistic", y=[1, -1]).loss == Loss("logistic", "mean")


@pytest.mark.parametrize(
    ("network", "order"),
    [
        (OneLayer(2, 3, Activation(0, 3)), 3),
        (TwoLayer(2, 3, Activation(0, 1)), 2),
        (TwoLayer(2, 3, SQUARED), 3),
        (FeedForward([2, 4, 4, 1], SQUARED), 7),
        (FeedForward([2, 2, 2, 1], SQUARED, [1], {2: [[1, 2], [3, 4]], 3: [[1, 1]]}), 4),
        (FeedForward([2, 2, 2, 1], SQUARED, [1, 3], {2: [[1, 2], [3, 4]]}), 5),
    ],
)
def test_order_counts_the_trained_layers(network, order):
    assert small(network=network, direction=None, seed=1).order == order


def test_problems_are_immutable():
    problem = small()
    with pytest.raises(AttributeError, match="immutable"):
        problem.name = "other"
    with pytest.raises((AttributeError, TypeError)):
        del problem.y
    for array in (problem.X, problem.y, problem.direction, problem.z):
        with pytest.raises(ValueError, match="read-only"):
            array[0] = Fraction(1)


def test_the_constructor_copies_its_arrays():
    X = np.array([[Fraction(1), Fraction(2)]], dtype=object)
    problem = small(X=X, y=[1])
    X[0, 0] = Fraction(7)
    assert problem.X[0, 0] == 1


def test_equality_sees_every_part_but_the_name():
    assert small() == small(name="other")
    assert hash(small()) == hash(small(name="other"))
    assert small() != "a problem"
    for changes in (
        {"X": [[1, 0], ["3/5", 0.25]]},
        {"y": [5, 2]},
        {"reduction": "sum"},
        {"loss": "logistic", "y": [1, 1]},
        {"direction": [2, "-2/3"]},
        {"direction": None, "seed": 1},
        {"experiment": Experiment(time=7)},
        {"network": OneLayer(2, 1, SQUARED, [-1])},
    ):
        assert small(**changes) != small(), changes
    by_seed, by_direction = small(direction=None, seed=1), small(direction=seeded_direction(1, 2))
    assert by_seed != by_direction
    assert by_seed.sha256 == by_direction.sha256


@given(problems(families=("one-layer", "two-layer", "feed-forward", "partly-trained")))
def test_the_digest_is_of_the_mathematics_alone(problem):
    same = Problem(
        problem.network,
        problem.X,
        problem.y,
        problem.loss,
        direction=problem.direction,
        experiment=Experiment(time=9),
        name="x",
    )
    assert same.sha256 == problem.sha256
    doubled = Problem(problem.network, problem.X, problem.y, problem.loss, direction=2 * problem.direction)
    assert doubled.sha256 != problem.sha256
    other = Problem(problem.network, problem.X + 1, problem.y, problem.loss, direction=problem.direction)
    assert other.sha256 != problem.sha256


def test_the_digest_of_figure1_never_changes():
    assert Problem.figure1().sha256 == "18bfd9446a347c5a10f0766033dfa8cd0e9e7f530358fb8585048c76a491edcd"


def test_seeds_stand_for_fixed_vectors():
    assert [str(v) for v in seeded_direction(1, 4)] == SEED_1
    assert seeded_direction(1, 2) == seeded_direction(1, 4)[:2]
    assert seeded_direction(2, 4) != seeded_direction(1, 4)
    assert small(direction=None, seed=1).seed == 1
    assert list(small(direction=None, seed=1).direction) == seeded_direction(1, 2)


SEED_1 = ["4/125", "59/250", "34/25", "41/100"]


def test_seeded_numbers_follow_the_documented_recipe():
    digest = hashlib.sha256(b"certflow direction 7 3 0").digest()
    total = sum(digest[2 * i] * 256 + digest[2 * i + 1] for i in range(12))
    exact = (Fraction(total) - Fraction(12 * 65535, 2)) / 65536
    value = seeded_direction(7, 4)[3]
    assert abs(value - exact) <= Fraction(1, 2000)
    assert 1000 % value.denominator == 0


def test_seeded_numbers_are_about_standard_normal():
    sample = np.array([float(v) for v in seeded_direction(3, 4000)])
    assert abs(sample.mean()) < 0.06
    assert abs(sample.std() - 1) < 0.05
    assert abs((np.abs(sample) < 1).mean() - 0.6827) < 0.03


def test_a_seed_never_gives_the_zero_vector():
    singles = [seeded_direction(seed, 1)[0] for seed in range(6000)]
    assert all(singles)
    # The recipe's first attempt is zero for some of these seeds, so the second one was needed.
    from certflow.problem import _seeded_entry

    assert any(_seeded_entry(f"certflow direction {seed} 0 0") == 0 for seed in range(6000))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"network": "one-layer"}, "network: expected a network"),
        ({"X": []}, "data.X: there are no samples"),
        ({"X": [[], []]}, "data.X: there are no samples"),
        ({"X": [1, 2]}, "data.X[0]: expected a row of numbers"),
        ({"X": "1 2"}, "data.X: expected a list of rows"),
        ({"X": np.array(1.0)}, "data.X: expected a list of rows"),
        ({"X": [[1, 0], [1]]}, "data.X[1]: the row has 1 entries, but data.X[0] has 2"),
        ({"X": [[1, 0, 0], [1, 1, 1]]}, "data.X: the samples have 3 entries, but the network has 2 inputs"),
        ({"X": [[1, 0], [1, float("nan")]]}, "data.X[1][1]: nan is not a finite number"),
        ({"X": np.array([[1, np.inf], [0, 0]])}, "data.X[0][1]: inf is not a finite number"),
        ({"X": [[1, 0], [1, [2]]]}, "data.X[1][1]: expected a number"),
        ({"y": [1]}, "data.y: 1 labels for 2 samples"),
        ({"y": [1, "1/0"]}, "data.y[1]: '1/0' has denominator zero"),
        ({"y": [1, 2], "loss": "logistic"}, "data.y[1]: the label 2 is not 1 or -1"),
        ({"loss": "hinge"}, "loss.kind: 'hinge' is not one of"),
        ({"reduction": "max"}, "loss.reduction: 'max' is not one of"),
        ({"direction": None}, "initialization: give either a seed or a direction"),
        ({"seed": 1}, "initialization: give either a seed or a direction"),
        ({"direction": [0, "0/5"]}, "initialization.direction: all entries are zero"),
        ({"direction": [1, 2, 3]}, "initialization.direction: 3 entries for 2 weights"),
        ({"direction": None, "seed": -1}, "initialization.seed: -1 is not a whole number"),
        ({"direction": None, "seed": True}, "initialization.seed: True is not a whole number"),
        ({"direction": None, "seed": 1.0}, "initialization.seed: 1.0 is not a whole number"),
        (
            {"direction": None, "seed": 2**63},
            "initialization.seed: 9223372036854775808 is not a whole number",
        ),
        (
            {"network": OneLayer(2, 1, Activation(0, 1))},
            "network: its output is homogeneous of order 1, but order 2 or more",
        ),
        ({"network": FeedForward([2, 1], SQUARED)}, "network: its output is homogeneous of order 1"),
        (
            {"network": FeedForward([2, *[1] * 13], SQUARED), "direction": None, "seed": 1},
            f"network: its output is homogeneous of order 8191; at most {MAX_ORDER}",
        ),
        (
            {"direction": [Fraction(1, 10**6000), 1]},
            "initialization.direction[0]: the number has more than 4000 digits",
        ),
    ],
)
def test_unusable_problems_are_refused_with_the_place(changes, message):
    with pytest.raises(BadInput) as refusal:
        small(**changes)
    assert str(refusal.value).startswith(message)
    assert str(refusal.value).endswith(".")
    assert refusal.value.exit_code == ExitCode.BAD_INPUT == 2


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"deltas": ()}, "experiment.deltas: give a list"),
        ({"deltas": "1e-2"}, "experiment.deltas: give a list"),
        ({"deltas": ("1e-2", "0")}, "experiment.deltas[1]: '0' is not positive"),
        ({"deltas": ("nan",)}, "experiment.deltas[0]: nan is not a finite number"),
        ({"deltas": ("1e-100001",)}, "experiment.deltas[0]: the exponent"),
        ({"factor_squared": 1}, "experiment.factor_squared: 1 is too small"),
        ({"radius": "0"}, "experiment.radius: '0' is too small"),
        ({"time": "-1"}, "experiment.time: '-1' is too small"),
        ({"epsilon": float("inf")}, "experiment.epsilon: inf is not a finite number"),
    ],
)
def test_unusable_experiments_are_refused_with_the_place(changes, message):
    with pytest.raises(BadInput) as refusal:
        Experiment(**changes)
    assert str(refusal.value).startswith(message)


def test_experiments_keep_deltas_as_written():
    experiment = Experiment(deltas=("1e-2", " 1/3", Fraction(1, 7), 0.5, "1e-10000"))
    assert experiment.deltas == ("1e-2", "1/3", "1/7", "1/2", "1e-10000")
    assert experiment.delta_values() == [
        Fraction(1, 100),
        Fraction(1, 3),
        Fraction(1, 7),
        Fraction(1, 2),
        Fraction(1, 10**10000),
    ]
    assert Experiment().deltas == DEFAULT_DELTAS
    assert Experiment().delta_values()[-1] == Fraction(1, 10**1000)


def test_custom_losses_work_in_python_and_are_refused_in_files():
    loss = Loss(
        "custom",
        residual=lambda ar, outputs, y: y * 3 - outputs,
        curvature=Fraction(1),
        at_zero=lambda label: label * 3,
    )
    problem = small(loss=loss)
    assert list(problem.z) == [Fraction(15, 2), Fraction(3, 2)]
    for use in (problem.to_toml, lambda: problem.sha256):
        with pytest.raises(BadInput, match="custom loss cannot be written"):
            use()


def test_builtin_problems():
    assert builtin_names() == (
        "figure1", "l3-k20-s0", "l3-k20-s1", "l3-k20-s2", "l3-k220-s0", "l3-k220-s1", "l3-k220-s2", "l7-k32",
    )  # fmt: skip
    sizes = [(Problem.builtin(name).network.size, Problem.builtin(name).order) for name in builtin_names()]
    assert sizes == [(40, 2), (20, 3), (20, 3), (20, 3), (220, 3), (220, 3), (220, 3), (32, 7)]
    assert Problem.builtin("figure1") == Problem.figure1() == certflow.Problem.figure1()
    assert Problem.figure1().name == "figure1"


def test_the_bundled_figure1_is_pinned_byte_for_byte():
    digest = hashlib.sha256(builtin_text("figure1").encode()).hexdigest()
    assert digest == FIGURE1_BYTES


FIGURE1_BYTES = "4c6c131366b1380577e6ea6813e4286029909bf09f27a3ae5b935be8eeac60ab"


@pytest.mark.parametrize("name", ["../figure1", "/etc/passwd", "", "figure1.toml"])
def test_only_builtin_names_are_builtin(name):
    with pytest.raises(BadInput, match="no built-in problem"):
        builtin_text(name)


def test_a_mistyped_builtin_name_gets_a_suggestion():
    with pytest.raises(BadInput, match="did you mean figure1"):
        Problem.builtin("figur1")


NAMED = ", ".join(builtin_names())

# -- by path or by name --------------------------------------------------------------------------------------


def test_a_problem_is_loaded_from_itself_a_path_or_a_name(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    problem = small()
    for name in ("mine.toml", "mine", "figure1"):
        problem.save(name)
    assert Problem.load(problem) is problem
    for source in ("mine.toml", "mine", tmp_path / "mine.toml", tmp_path / "figure1", "./figure1"):
        assert Problem.load(source) == problem
    assert Problem.load("figure1") == Problem.figure1()
    assert Problem.load("figure1").name == "figure1"


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("figur1", f"'figur1': no built-in problem has this name, only {NAMED}; did you mean figure1?"),
        ("problem", f"'problem': no built-in problem has this name, only {NAMED}; or give the path of a "),
        ("no/figure1", "no/figure1: cannot be read"),
        ("figur1.toml", "figur1.toml: cannot be read"),
        ("", "'': no built-in problem has this name"),
        ("a\0b", "'a\\x00b': no built-in problem has this name"),
        (".", ".: is not a plain file"),
        (Path("figur1"), "figur1: cannot be read"),
        (None, "problem: expected a problem, a path or the name of a built-in problem, got None."),
        ([1], "problem: expected a problem, a path or the name of a built-in problem, got [1]."),
    ],
)
def test_what_is_no_problem_is_refused(source, message):
    with pytest.raises(BadInput) as refusal:
        Problem.load(source)
    assert str(refusal.value).startswith(message)


# -- with other parts ----------------------------------------------------------------------------------------


def test_parts_are_replaced_and_the_rest_stays():
    problem = small(name="mine", reduction="sum")
    assert problem.replace() == problem
    assert problem.replace(y=[1, 2]) == small(y=[1, 2], reduction="sum")
    assert problem.replace(X=np.ones((2, 2))) == small(X=[[1, 1], [1, 1]], reduction="sum")
    assert problem.replace(X=[[1, 1]], y=[1]) == small(X=[[1, 1]], y=[1], reduction="sum")
    assert problem.replace(loss="logistic", y=[1, -1]) == small(loss="logistic", y=[1, -1], reduction="sum")
    assert problem.replace(reduction="mean") == small()
    assert problem.replace(loss=Loss("square", "mean")) == small()
    assert problem.replace(direction=[0, 1]) == small(direction=[0, 1], reduction="sum")
    wider = problem.replace(network=OneLayer(2, 2, SQUARED), seed=1)
    assert wider == small(network=OneLayer(2, 2, SQUARED), direction=None, seed=1, reduction="sum")


def test_a_seed_takes_the_place_of_a_direction_and_the_other_way_round():
    problem = small().replace(seed=3)
    assert problem == small(direction=None, seed=3)
    assert problem.replace(seed=4) == small(direction=None, seed=4)
    assert problem.replace(y=[1, 2]) == small(direction=None, seed=3, y=[1, 2])
    assert problem.replace(network=OneLayer(2, 3, SQUARED)).direction.tolist() == seeded_direction(3, 6)
    assert problem.replace(direction=[1, "-1/3"]) == small()


def test_what_the_experiment_asks_for_is_replaced_one_by_one():
    problem = small(experiment=Experiment(("1e-2", "1e-3"), time=7))
    changed = problem.replace(delta="1e-1000", epsilon=0.125)
    assert changed.experiment == Experiment(("1e-1000",), time=7, epsilon=Fraction(1, 8))
    assert changed.sha256 == problem.sha256
    assert problem.replace(deltas=["1e-4", "1e-5"], radius="1/7").experiment == Experiment(
        ("1e-4", "1e-5"), radius="1/7", time=7
    )
    assert problem.replace(experiment=Experiment(), time=8).experiment == Experiment(time=8)


def test_the_name_stays_with_the_mathematics():
    problem = small(name="mine")
    for changes in ({}, {"delta": 1}, {"epsilon": "1/8"}, {"experiment": Experiment()}):
        assert problem.replace(**changes).name == "mine"
    for changes in ({"seed": 1}, {"y": [1, 2]}, {"reduction": "sum"}, {"seed": 1, "delta": 1}):
        assert problem.replace(**changes).name == ""
    assert problem.replace(seed=1, name="other").name == "other"


def test_a_custom_loss_keeps_its_functions():
    loss = Loss(
        "custom", residual=lambda ar, outputs, y: y - outputs, curvature=1, at_zero=lambda label: label
    )
    summed = small(loss=loss).replace(reduction="sum")
    assert summed.loss == Loss("custom", "sum", loss.residual, Fraction(1), loss.at_zero)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"sed": 1}, "problem.sed: unknown key; did you mean seed?"),
        ({"factor": 1}, "problem.factor: unknown key; did you mean factor_squared?"),
        ({"seed": 1, "direction": [1, 2]}, "initialization: give either a seed or a direction"),
        ({"y": [1]}, "data.y: 1 labels for 2 samples"),
        ({"delta": 0}, "experiment.deltas[0]: 0 is not positive"),
        ({"epsilon": -1}, "experiment.epsilon: -1 is too small"),
        ({"network": OneLayer(3, 1, SQUARED)}, "data.X: the samples have 2 entries"),
    ],
)
def test_parts_that_do_not_fit_are_refused(changes, message):
    with pytest.raises(BadInput) as refusal:
        small().replace(**changes)
    assert str(refusal.value).startswith(message)


@given(planar_problems())
def test_repr_is_short_and_names_the_essentials(problem):
    text = repr(problem)
    assert "n=" in text
    assert "order=2" in text
    assert len(text) < 250


# -- from exact content, as certificates hold it -------------------------------------------------------------


@given(problem=problems())
def test_a_problem_comes_back_from_its_exact_content(problem):
    found = Problem.from_exact_content(json.loads(json.dumps(problem.exact_content())), epsilon="1/7")
    assert found.sha256 == problem.sha256
    assert (found.network, found.loss, found.seed) == (problem.network, problem.loss, None)
    assert found.experiment == Experiment(epsilon=Fraction(1, 7))


ODD = {
    "a key too many": lambda c: c.update(name="x"),
    "a key too few": lambda c: c.pop("loss"),
    "a file": lambda c: c.update(data={"file": "/etc/passwd"}),
    "a seed": lambda c: c.update(direction=1),
    "a number that is none": lambda c: c["data"]["y"].__setitem__(0, None),
    "a number in decimals": lambda c: c["data"]["y"].__setitem__(0, "0.5"),
    "a number that is not in lowest terms": lambda c: c["data"]["y"].__setitem__(0, "2/4"),
    "a number without quotes": lambda c: c["data"]["y"].__setitem__(0, 5),
    "no list": lambda c: c.update(direction={}),
    "no table": lambda c: c.update(network=[]),
    "a loss that is none": lambda c: c["loss"].update(kind="hinge"),
    "an empty table": lambda c: c.update(loss={}),
    "another number of inputs": lambda c: c["network"].update(inputs=3),
    "an unknown key": lambda c: c["network"].update({"a]b": 1}),
    "true for one": lambda c: c["network"].update(width=True),
    "no direction": lambda c: c.update(direction=[]),
}


@pytest.mark.parametrize("name", list(ODD))
def test_content_that_no_problem_has_is_refused(name):
    content = json.loads(json.dumps(small().exact_content()))
    assert Problem.from_exact_content(content).sha256 == small().sha256
    ODD[name](content)
    with pytest.raises(BadInput) as refusal:
        Problem.from_exact_content(content)
    assert "\n" not in str(refusal.value) and str(refusal.value).endswith((".", "?"))


@pytest.mark.parametrize("content", [None, [], "problem", 1])
def test_content_that_is_no_table_is_refused(content):
    with pytest.raises(BadInput, match="expected network, data, loss, direction"):
        Problem.from_exact_content(content)
