"""Problem files: exact round trip, and one clear sentence for every file that cannot be used."""

import os
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st
from problem_texts import DATA, LOSS, NETWORK, START, file_text, refusal_of
from strategies import problems

from certflow import problem_file
from certflow.networks.activation import Activation
from certflow.networks.feed_forward import FeedForward
from certflow.networks.one_hidden_layer import OneLayer, TwoLayer
from certflow.outcome import BadInput
from certflow.problem import Experiment, Problem, builtin_names, builtin_text

LAYERED = ("one-layer", "two-layer", "feed-forward", "partly-trained")

# -- reading and writing -------------------------------------------------------------------------------------


@given(problems(families=LAYERED))
def test_round_trip_is_exact(problem):
    again = Problem.from_toml_text(problem.to_toml())
    assert again == problem
    assert again.sha256 == problem.sha256
    assert again.to_toml() == problem.to_toml()
    assert again.experiment == problem.experiment


@pytest.mark.parametrize("name", builtin_names())
def test_builtin_problems_round_trip(name):
    problem = Problem.builtin(name)
    assert Problem.from_toml_text(problem.to_toml()) == problem


def test_the_pinned_example_is_read_as_documented():
    problem = Problem.from_toml_text(
        """
        [network]
        kind = "one-layer"
        width = 2
        activation = { alpha = "1/3", power = 2 }
        signs = [1, -1]
        [data]
        X = [["1", "0"], [0.6, 4]]
        y = ["5", 1.8e0]
        [loss]
        kind = "square"
        reduction = "sum"
        [initialization]
        seed = 1
        [experiment]
        deltas = ["1e-2", 1e-5, "1e-1000"]
        factor_squared = "4"
        radius = "1/100"
        time = 6
        epsilon = 0.01
        """
    )
    assert problem.network == OneLayer(2, 2, Activation("1/3", 2), [1, -1])
    assert list(problem.X.ravel()) == [1, 0, Fraction(3, 5), 4]  # 0.6 is 3/5, not a double
    assert list(problem.y) == [5, Fraction(9, 5)]
    assert (problem.loss.kind, problem.loss.reduction, problem.seed) == ("square", "sum", 1)
    assert problem.experiment == Experiment(("1e-2", "1e-5", "1e-1000"), Fraction(4), "1/100", 6, "0.01")


def test_defaults_are_those_of_the_constructor():
    problem = Problem.from_toml_text(file_text(loss=""))
    expected = Problem(
        OneLayer(2, 1, Activation(0, 2)), [[1, 0], ["3/5", "4/5"]], ["5", "9/5"], direction=[1, 2]
    )  # square, mean, default experiment
    assert problem == expected


def test_underscores_and_other_bases_are_those_of_toml():
    problem = Problem.from_toml_text(
        file_text(data="[data]\nX = [[1_000, 0x10], [1_0.2_5, 0]]\ny = [1, 0]\n")
    )
    assert list(problem.X.ravel()) == [1000, 16, Fraction(41, 4), 0]


def test_given_layers_are_read_and_written():
    network = FeedForward([2, 2, 1], Activation(0, 2), [1], {2: [["1/3", "-2"]]})
    problem = Problem(network, [[1, 2]], [1], seed=5)
    text = problem.to_toml()
    assert Problem.from_toml_text(text) == problem
    written = text.replace("given = { 2 = ", 'given."2" = ').replace("]] }", "]]")
    assert 'given."2"' in written
    assert Problem.from_toml_text(written) == problem


def test_two_layer_files_take_the_inputs_from_the_data():
    network = '[network]\nkind = "two-layer"\nwidth = 1\nactivation = { power = 2 }\n'
    problem = Problem.from_toml_text(file_text(network=network, start="[initialization]\nseed = 2\n"))
    assert problem.network == TwoLayer(2, 1, Activation(0, 2))


def test_written_files_are_readable_by_people():
    lines = Problem.figure1().to_toml().splitlines()
    assert 'activation = { alpha = "0", power = 2 }' in lines
    assert '  ["206919/317369", "240640/317369"],' in lines
    assert len(lines) < 100


def test_saving_is_atomic_and_reading_gives_the_name(tmp_path):
    path = tmp_path / "mine.toml"
    Problem.figure1().save(path)
    problem = Problem.from_toml(path)
    assert problem == Problem.figure1()
    assert problem.name == "mine"
    custom = path.read_bytes()
    with pytest.raises(BadInput):
        Problem.figure1().save(tmp_path / "missing" / "mine.toml")
    assert path.read_bytes() == custom


def test_a_byte_order_mark_is_not_content(tmp_path):
    path = tmp_path / "p.toml"
    path.write_bytes(b"\xef\xbb\xbf" + builtin_text("figure1").encode())
    assert Problem.from_toml(path) == Problem.figure1()


# -- files that cannot be used -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("parts", "message"),
    [
        ({"network": ""}, "network: the table [network] is missing"),
        ({"data": ""}, "data: the table [data] is missing"),
        ({"start": ""}, "initialization: give either seed = 1 or direction"),
        ({"start": START + "seed = 1\n"}, "initialization: give either seed = 1 or direction"),
        ({"experiment": "[experiments]\n"}, "experiments: unknown table; did you mean experiment?"),
        ({"experiment": "[weird]\n"}, "weird: unknown table; known are network, data, loss, initialization, "
                                      "experiment."),
        ({"network": "network = 3\n"}, "network: expected a table [network], got 3."),
        ({"network": NETWORK.replace("width", "widht")}, "network.widht: unknown key; did you mean width?"),
        ({"network": NETWORK.replace("alpha", "alfa")}, "network.activation.alfa: unknown key; did you mean "
                                                        "alpha?"),
        ({"network": NETWORK + 'bias = ["1"]\n'}, "network.bias: unknown key"),
        ({"loss": LOSS + "weight = 1\n"}, "loss.weight: unknown key"),
        ({"experiment": "[experiment]\ndelta = 1\n"}, "experiment.delta: unknown key; did you mean deltas?"),
        ({"network": NETWORK.replace("one-layer", "one-laier")}, "network.kind: 'one-laier' is not a kind "
                                                                 "of network; did"),
        ({"network": NETWORK.replace('"one-layer"', "1.5")}, "network.kind: 1.5 is not a kind of network; "
                                                             "known are"),
        ({"network": NETWORK.replace("one-layer", "two-layer") + "signs = [1]\n"}, "network.signs: is not a "
                                                                                   "key of a network of"),
        ({"network": NETWORK.replace("width = 1", "")}, "network.width: is missing"),
        ({"network": NETWORK.replace("= 1\n", "= 0\n")}, "network.width: 0 is outside the range"),
        ({"network": NETWORK.replace("= 1\n", "= 1.0\n")}, "network.width: expected a whole number without "
                                                           "quotes, got 1.0"),
        ({"network": NETWORK.replace("= 1\n", "= true\n")}, "network.width: expected a whole number without "
                                                            "quotes, got True"),
        ({"network": NETWORK.replace("= 1\n", "= 100000\n")}, "network.width: 100000 × 2 weights are too "
                                                              "many"),
        (
            {"network": NETWORK.replace("= 1\n", f"= {10**18}\n")},
            "network.width: 1000000000000000000 is outside",
        ),
        ({"network": NETWORK.replace('{ alpha = "0", power = 2 }', "2")}, "network.activation: expected {"),
        ({"network": NETWORK.replace('"0"', '"2"')}, "activation.alpha: 2 is outside [-1, 1]"),
        ({"network": NETWORK.replace('"0"', '"zero"')}, "network.activation.alpha: 'zero' is not a number"),
        ({"network": NETWORK.replace("power = 2", 'power = "2"')}, "activation.power: '2' is not a whole "
                                                                   "number"),
        ({"network": NETWORK.replace("power = 2", "power = 1")}, "network: its output is homogeneous of "
                                                                 "order 1, but order 2"),
        ({"network": NETWORK + "signs = [1, 1]\n"}, "network.signs: 2 signs for 1 neurons"),
        ({"network": NETWORK + "signs = [0.5]\n"}, "network.signs: each sign is 1 or -1"),
        ({"network": NETWORK + "signs = 1\n"}, "network.signs: expected a list of numbers, got 1"),
        ({"data": '[data]\nX = [["1", "0"]]\n'}, "data.y: is missing"),
        ({"data": "[data]\nX = []\ny = []\n"}, "data.X: there are no samples"),
        ({"data": "[data]\nX = [[], []]\ny = [1, 2]\n"}, "data.X: there are no samples"),
        ({"data": DATA.replace('"4/5"', '"4/5", "1"')}, "data.X[1]: the row has 3 entries, but data.X[0] "
                                                        "has 2"),
        ({"data": DATA.replace('"4/5"', "nan")}, "data.X[1][1]: nan is not a finite number"),
        ({"data": DATA.replace('"4/5"', "-inf")}, "data.X[1][1]: -inf is not a finite number"),
        ({"data": DATA.replace('"4/5"', '"four"')}, "data.X[1][1]: 'four' is not a number"),
        ({"data": DATA.replace('"4/5"', "1979-05-27")}, "data.X[1][1]: expected a number"),
        ({"data": DATA.replace('"4/5"', "{ a = 1 }")}, "data.X[1][1]: expected a number"),
        ({"data": DATA.replace('"4/5"', '"1e3000000"')}, "data.X[1][1]: the exponent '3000000' is out of "
                                                         "range"),
        ({"data": DATA.replace('"4/5"', "1e3000000")}, "data.X[1][1]: the exponent '3000000' is out of "
                                                       "range"),
        ({"data": DATA.replace('"4/5"', f'"{"9" * 6000}"')}, "data.X[1][1]: a number of 6000 digits is too "
                                                             "long"),
        ({"data": DATA.replace('"4/5"', "9" * 6000)}, "contains a number that is too long"),
        ({"data": DATA.replace('"4/5"', "0x" + "f" * 6000)}, "data.X[1][1]: the number has more than 4000 "
                                                             "digits"),
        ({"data": DATA.replace('"4/5"', f'"1.{"0" * 3500}1e-1000"')}, "data.X[1][1]: the number has more "
                                                                      "than 4000 digits"),
        ({"data": DATA.replace('"9/5"', '"9/5", "1"')}, "data.y: 3 labels for 2 samples"),
        ({"data": DATA.replace('y = ["5", "9/5"]', 'y = "5"')}, "data.y: expected a list of numbers, got "
                                                                "'5'"),
        ({"loss": LOSS.replace("square", "logistic")}, "data.y[0]: the label 5 is not 1 or -1"),
        ({"loss": LOSS.replace("square", "custom")}, "loss.kind: 'custom' is not one of square, logistic"),
        ({"loss": LOSS.replace("mean", "median")}, "loss.reduction: 'median' is not one of mean, sum"),
        ({"loss": LOSS.replace('"mean"', "1.5")}, "loss.reduction: expected text in quotes, got 1.5"),
        ({"start": '[initialization]\ndirection = ["0", 0.0]\n'}, "initialization.direction: all entries "
                                                                  "are zero"),
        ({"start": '[initialization]\ndirection = ["1"]\n'}, "initialization.direction: 1 entries for 2 "
                                                             "weights"),
        ({"start": "[initialization]\nseed = -1\n"}, "initialization.seed: -1 is not a whole number"),
        ({"start": "[initialization]\nseed = 1.5\n"}, "initialization.seed: 1.5 is not a whole number"),
        ({"start": '[initialization]\nseed = "1"\n'}, "initialization.seed: '1' is not a whole number"),
        ({"experiment": '[experiment]\ndeltas = ["1e-100001"]\n'}, "experiment.deltas[0]: the exponent"),
        ({"experiment": '[experiment]\ndeltas = "1e-2"\n'}, "experiment.deltas: expected a list of numbers"),
        ({"experiment": "[experiment]\ndeltas = []\n"}, "experiment.deltas: give a list of 1 to"),
        ({"experiment": '[experiment]\ndeltas = ["-1"]\n'}, "experiment.deltas[0]: '-1' is not positive"),
        ({"experiment": "[experiment]\ntime = [6]\n"}, "experiment.time: expected a number"),
    ],
)  # fmt: skip
def test_bad_content_is_refused_with_the_place(parts, message):
    assert refusal_of(file_text(**parts)).startswith(message)


FEED_FORWARD = '[network]\nkind = "feed-forward"\nwidths = [2, 1, 1]\nactivation = { power = 2 }\n'


@pytest.mark.parametrize(
    ("network", "message"),
    [
        (
            FEED_FORWARD.replace("[2, 1, 1]", "[3, 1, 1]"),
            "data.X: the samples have 2 entries, but the network has 3 inputs",
        ),
        (
            FEED_FORWARD.replace("[2, 1, 1]", "[2, 1.5, 1]"),
            "network.widths[1]: expected a whole number without quotes, got 1.5",
        ),
        (FEED_FORWARD.replace("[2, 1, 1]", "[2, 1]"), "network: its output is homogeneous of order 1"),
        (FEED_FORWARD.replace("[2, 1, 1]", "3"), "network.widths: expected a list of whole numbers"),
        (
            FEED_FORWARD.replace("[2, 1, 1]", "[2" + ", 1" * 100 + "]"),
            "network.widths: 100 layers are too many",
        ),
        (FEED_FORWARD + "trained = [3]\n", "network.trained: give increasing layer numbers"),
        (FEED_FORWARD + "trained = [1.0]\n", "network.trained[0]: expected a whole number"),
        (
            FEED_FORWARD + "trained = [1]\n",
            'network.given: layer 2 is not trained, so its matrix must be given as given."2"',
        ),
        (FEED_FORWARD + "trained = [1]\ngiven = 5\n", "network.given: expected a table"),
        (
            FEED_FORWARD + 'trained = [1]\ngiven.last = [["1"]]\n',
            "network.given: 'last' is not the number of a layer",
        ),
        (
            FEED_FORWARD + 'trained = [1]\ngiven."2" = [["1", "1"]]\n',
            'network.given."2": expected a 1 × 1 matrix',
        ),
        (
            FEED_FORWARD + 'trained = [1]\ngiven."2" = [["x"]]\n',
            "network.given.\"2\"[0][0]: 'x' is not a number",
        ),
        (FEED_FORWARD + 'given."2" = [["1"]]\n', "network.given: layer 2 is trained or does not exist"),
    ],
)
def test_bad_feed_forward_networks_are_refused_with_the_place(network, message):
    assert refusal_of(file_text(network=network)).startswith(message)


EXPRESSION = (
    '[network]\nkind = "expression"\nweights = ["u1", "u2"]\ninputs = ["x1", "x2"]\noutput = '
    '"u1*abs(u2)*x1"\n'
)


def test_expressions_are_read_and_written():
    problem = Problem.from_toml_text(file_text(network=EXPRESSION))
    assert (problem.order, problem.network.size, problem.inputs) == (2, 2, 2)
    assert Problem.from_toml_text(problem.to_toml()) == problem
    assert Problem.from_toml_text(problem.to_toml()).sha256 == problem.sha256


@given(problems(families=("expression",)))
def test_round_trip_of_expressions_is_exact(problem):
    assert Problem.from_toml_text(problem.to_toml()) == problem


@pytest.mark.parametrize(
    ("network", "words"),
    [
        (
            EXPRESSION.replace('["u1", "u2"]', '["u1", 2]'),
            "network.weights[1]: expected a name in quotes, got 2",
        ),
        (EXPRESSION.replace('["u1", "u2"]', '"u1"'), "network.weights: expected a list of names"),
        (EXPRESSION.replace('["u1", "u2"]', "[]"), "network.weights: "),
        (EXPRESSION.replace("output", "outputs"), "network.outputs: unknown key; did you mean output?"),
        (EXPRESSION.replace('output = "u1*abs(u2)*x1"', ""), "network.output: is missing"),
        (EXPRESSION.replace('"u1*abs(u2)*x1"', "3"), "network.output: expected text in quotes, got 3"),
        (EXPRESSION + "width = 1\n", "network.width: is not a key of a network of kind expression"),
        (
            EXPRESSION.replace('"x1", "x2"', '"x1"'),
            "data.X: the samples have 2 entries, but the network has 1 inputs",
        ),
        (EXPRESSION.replace("u1*abs(u2)*x1", "u1*abs(u2)*x1 + u1"), "network.output: "),
        (EXPRESSION.replace("u1*abs(u2)*x1", "u1*u2 + 1"), "network.output: "),
        (EXPRESSION.replace("u1*abs(u2)*x1", "u1*x1"), "network: its output is homogeneous of order 1"),
        (EXPRESSION.replace("u1*abs(u2)*x1", "abs(u1)**(5/2)"), "network: the order of homogeneity is 5/2"),
        (EXPRESSION.replace("u1*abs(u2)*x1", "__import__('os').getcwd()"), "network.output"),
        (EXPRESSION.replace("u1*abs(u2)*x1", "u1*u9"), "network.output"),
        (EXPRESSION.replace("u1*abs(u2)*x1", "(" * 5000 + "u1" + ")" * 5000), "network.output"),
        (EXPRESSION.replace("u1*abs(u2)*x1", "u1**" * 5000 + "2"), "network.output"),
        (EXPRESSION.replace("u1*abs(u2)*x1", "u1**999999999999999999"), "network.output"),
        (EXPRESSION.replace("u1*abs(u2)*x1", "u1*u2*9**9**9**9"), "network.output"),
    ],
)
def test_bad_expressions_are_refused_with_the_place(network, words):
    assert refusal_of(file_text(network=network)).startswith(words)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("this is not TOML", "is not valid TOML: "),
        ("a = 1\na = 2", "is not valid TOML: "),
        ("\0", "is not valid TOML: "),
        ("a = " + "[" * 100_000, "is nested too deeply"),
        ("a = " + "{a = " * 100_000, "is nested too deeply"),
        (".".join(["a"] * 100_000) + " = 1", "a key has more than 64 dotted parts"),
        ("[" + " . ".join(['"a"'] * 100_000) + "]", "a key has more than 64 dotted parts"),
        ("network." + ".".join(["a"] * 60) + " = 1", "network.a: unknown key"),
    ],
)
def test_text_that_is_not_a_problem_is_refused_quickly(text, words):
    assert refusal_of(text).startswith(words)


@pytest.mark.parametrize(
    "text", ["a" * 3_000_000, "a." * 60 * 20_000, '"' * 3_000_001, " ." * 1_000_000, "'a'" * 1_000_000]
)
def test_the_check_for_endless_keys_takes_linear_time(text):
    # Quadratic time would be hours here; the answer itself does not matter.
    problem_file._ENDLESS_KEY.search(text)


def test_files_that_cannot_be_read_are_named(tmp_path):
    big, binary, missing, pipe = (
        tmp_path / name for name in ("big.toml", "binary.toml", "missing.toml", "pipe.toml")
    )
    with big.open("wb") as stream:
        stream.truncate(problem_file.MAX_FILE_BYTES + 1)
    binary.write_bytes(b"[network]\nkind = \xff")
    os.mkfifo(pipe)
    for path, words in (
        (big, "larger than 64 MiB"),
        (binary, "is not UTF-8 text (byte 17)"),
        (missing, "cannot be read (No such file or directory)"),
        (pipe, "is not a plain file"),
        (tmp_path, "is not a plain file"),
        (tmp_path / ("n" * 300), "cannot be read"),
        ("a\0b", "is not a file name"),
    ):
        with pytest.raises(BadInput) as refusal:
            Problem.from_toml(path)
        assert words in str(refusal.value)
        assert path == "a\0b" or str(refusal.value).startswith(f"{path}: ")


def test_text_longer_than_a_file_may_be_is_refused(monkeypatch):
    monkeypatch.setattr(problem_file, "MAX_FILE_BYTES", 100)
    assert "is longer than" in refusal_of(file_text())


@pytest.mark.skipif(os.geteuid() == 0, reason="the superuser may read everything")
def test_files_without_permission_are_named(tmp_path):
    path = tmp_path / "p.toml"
    path.write_text(file_text())
    path.chmod(0)
    with pytest.raises(BadInput, match="Permission denied"):
        Problem.from_toml(path)


def test_errors_in_files_name_the_file_and_the_place(tmp_path):
    path = tmp_path / "p.toml"
    path.write_text(file_text(data=DATA.replace('"4/5"', "nan")))
    with pytest.raises(BadInput) as refusal:
        Problem.from_toml(path)
    assert str(refusal.value).startswith(f"{path}: data.X[1][1]: nan is not a finite number")


TOML_PIECES = [
    "[network]",
    "[data]",
    "kind",
    "=",
    '"one-layer"',
    "X",
    "[[1]]",
    "y",
    "[1]",
    "\n",
    "seed",
    "{",
    "}",
    "nan",
    ".",
]
DAMAGE = ["", '"', "]", "nan", "-", "9" * 30, "[", "{}", "1e400000", "true", "'x'", "\t", "=", "\ud7ff"]


@given(st.lists(st.sampled_from(TOML_PIECES), max_size=25).map(" ".join) | st.text(max_size=40))
def test_any_text_is_read_or_refused_and_nothing_else(text):
    try:
        Problem.from_toml_text(text)
    except BadInput as error:
        assert str(error)


@given(st.data())
def test_a_file_with_one_damaged_place_is_read_or_refused(data):
    text = file_text(experiment='[experiment]\ndeltas = ["1e-2"]\n')
    start = data.draw(st.integers(0, len(text)))
    end = data.draw(st.integers(start, min(start + 10, len(text))))
    piece = data.draw(st.sampled_from(DAMAGE))
    try:
        Problem.from_toml_text(text[:start] + piece + text[end:])
    except BadInput as error:
        assert str(error).endswith((".", "?"))
