"""The text of an expression: its steps, every limit at its edge, and what is refused of it."""

from fractions import Fraction as F

import pytest

from certflow.checker.expressions import text as module
from certflow.checker.expressions.text import Operation, Reader, Sum, is_name
from certflow.checker.kernel.reading import Node
from certflow.checker.kernel.verdicts import Clock, Malformed, Refused

INPUTS = {"x": [F(2), F(-3)], "y": [F(0), F(1, 2)]}


def read(text, weights="a b c", inputs=INPUTS):
    return Reader(Node(text, "H"), weights.split(), inputs, 2, Clock(None))


def refused(text, **more):
    with pytest.raises(Refused) as error:
        read(text, **more)
    assert not isinstance(error.value, Malformed) and (error.value.rule, error.value.where) == ("R15", "H")
    return error.value.reason


def malformed(text, **more):
    with pytest.raises(Malformed) as error:
        read(text, **more)
    assert error.value.where == "H"
    return error.value.reason


def numbers(text):
    """What a text without weights is for the two samples."""
    ((found, k),) = read(f"({text})*a").output.terms
    assert k == 0
    return found


ONES = [F(1), F(1)]
WEIGHTS = [Operation(1, 1), Operation(1, 2), Operation(1, 4)]


def test_weights_are_the_first_steps():
    found = read("a*b")
    a, b = (Sum(1, [(ONES, k)]) for k in (0, 1))
    assert found.steps == [*WEIGHTS, Operation(2, 3, (a, b))]
    assert found.output == Sum(2, [(ONES, 3)])


def test_sums_are_opened_behind_numbers():
    found = read("x*(a - y*(b + 2*c)/4) - a")
    assert found.steps == WEIGHTS
    expected = [([F(2), F(-3)], 0), ([F(0), F(3, 8)], 1), ([F(0), F(3, 4)], 2), ([F(-1), F(-1)], 0)]
    assert found.output == Sum(1, expected)


def test_products_are_taken_from_the_left_and_factors_keep_their_sums():
    found = read("(a + x*b)*c*(2*a)")
    left, c = Sum(1, [(ONES, 0), ([F(2), F(-3)], 1)]), Sum(1, [(ONES, 2)])
    assert found.steps[3:] == [
        Operation(2, 7, (left, c)),
        Operation(3, 7, (Sum(2, [(ONES, 3)]), Sum(1, [([F(2), F(2)], 0)]))),
    ]
    assert found.output == Sum(3, [(ONES, 4)])


@pytest.mark.parametrize(
    ("text", "power", "left", "right"),
    [
        ("b**2", 2, 1, 1),
        ("abs(b)**3", 3, -1, 1),
        ("abs(b)**2", 2, 1, 1),
        ("max(b, 0)**2", 2, 0, 1),
        ("max(0, b)**5", 5, 0, 1),
        ("min(b, 0)**2", 2, 1, 0),
        ("min(x - x, b)**3", 3, 1, 0),
    ],
)
def test_steps_with_kinks(text, power, left, right):
    found = read(text)
    assert found.steps[3:] == [Operation(power, 2, (Sum(1, [(ONES, 1)]),), power, left, right)]
    assert found.output == Sum(power, [(ONES, 3)])


def test_numbers_in_front_of_a_kink_are_taken_out_of_its_power():
    found = read("(x*max(b, 0)/2)**3")
    assert found.output == Sum(3, [([F(1), F(-27, 8)], 3)])
    assert found.steps[3] == Operation(3, 2, (Sum(1, [(ONES, 1)]),), 3, 0, 1)


def test_the_first_power_is_the_base():
    assert read("(a + b)**1*c").output.degree == 2
    assert read("(a + b)**1").steps == WEIGHTS


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("1/3", [F(1, 3), F(1, 3)]),
        ("x", [F(2), F(-3)]),
        ("-x + y - 1", [F(-3), F(5, 2)]),
        ("-x**2", [F(-4), F(-9)]),
        ("2*x**3/(y + 1)/4", [F(4), F(-9)]),
        ("x**0", ONES),
        ("abs(x)", [F(2), F(3)]),
        ("max(x, y)", [F(2), F(1, 2)]),
        ("min(x, max(y, 1))", [F(1), F(-3)]),
        ("abs(x)**1", [F(2), F(3)]),
    ],
)
def test_what_holds_no_weight_is_a_number_for_each_sample(text, found):
    assert numbers(text) == found


def test_terms_that_are_zero_have_every_degree():
    assert read("a*b + (x - x)").output == read("a*b").output
    assert read("0 + a").output == Sum(1, [(ONES, 0)])
    # Zero at one sample is not enough.
    assert "different degrees" in refused("a + y")
    assert "different degrees" in refused("a*b + c")


JUMPS = "the gradient is not Lipschitz: {} of weights without a power of 2 or more"


@pytest.mark.parametrize("text", ["a*{}", "{}*a", "{} + a", "a - {}", "{}*{}", "{}", "({})**1", "abs({})**2"])
@pytest.mark.parametrize("kink", ["abs(b)", "max(b, 0)", "min(0, b)", "2*abs(b)"])
def test_kinks_of_power_1_are_refused(text, kink):
    name = kink.removeprefix("2*")[:3]
    assert refused(text.format(kink, kink)).startswith(JUMPS.format(name))


@pytest.mark.parametrize(
    "text", ["max(a, b)**2", "max(a, x)**2", "min(a, y)**2", "max(a, -a)**2", "min(a, 1)**2"]
)
def test_extremes_are_read_of_weights_and_zero_only(text):
    assert f"{text[:3]} is read of numbers, or of weights and 0" in refused(text)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("1/a", "weights in a divisor are not checked"),
        ("a*b/abs(c)", "weights in a divisor are not checked"),
        ("a/y", "a division by zero"),
        ("a**0", "a power of weights is not at least 1"),
        ("abs(a)**0", "a power of weights is not at least 1"),
        ("x + 1", "the output has no weights"),
        ("a**65", "a degree in the weights is above 64"),
        ("a**32*a**33", "a degree in the weights is above 64"),
        ("max(a**33, 0)**2", "a degree in the weights is above 64"),
    ],
)
def test_what_is_refused(text, reason):
    assert refused(text).startswith(reason)


def test_the_largest_degree_is_read():
    assert read("a**64").output.degree == read("max(a**32, 0)**2").output.degree == 64


def test_places_in_the_text_are_those_before_which_it_went_wrong():
    assert refused("a**2 + b + c").endswith("(before column 10 of the text)")
    assert malformed("a + ") == "expected a number, a name or ( at column 5 of the text"
    assert malformed("a + b c") == "expected an operator or the end at column 7 of the text"
    assert malformed("a $ b") == "column 2 of the text is not in the grammar"
    assert malformed("a + bb") == "bb before column 7 of the text is no weight and no input"
    assert malformed("max a") == "expected ( after a function at column 5 of the text"
    assert malformed("max(a)") == "expected 2 arguments of max, not 1, at column 7 of the text"
    assert malformed("(a") == "expected ) at column 3 of the text"
    assert malformed("a**b") == "expected a whole exponent at column 4 of the text"


@pytest.mark.parametrize(
    "text", ["a**-2", "a**(2)", "a**100000", "a**2**2", "+a", "a--b", "a*-b", "1.5*a", "01*a", "a²"]
)
def test_what_is_not_in_the_grammar(text):
    malformed(text)


def test_long_texts_and_numbers(monkeypatch):
    assert len(read("a" + " " * 19_999).output.terms) == 1
    assert "short text" in malformed("a" + " " * 20_000)
    assert numbers("9" * 4_000)[0] == F("9" * 4_000)
    assert "a number is too long" in refused("9" * 4_001 + "*a")
    # 2^20000 has 20001 bits, and 1 is the denominator.
    assert numbers("2**39998")[0] == F(2) ** 39_998
    assert "too long" in refused("2**39999*a")
    monkeypatch.setattr(module, "MAX_HELD", 300)
    assert "too long" in refused(" + ".join(["2**64*a"] * 9))
    monkeypatch.setattr(module, "MAX_NUMBERS", 8)
    assert read("a*b").output.degree == 2
    assert "more than 8 numbers" in refused("a*b*c")


def test_nesting():
    assert read("(" * 60 + "a" + ")" * 60).output.degree == 1
    for text in ("(" * 61 + "a" + ")" * 61, "abs(" * 61 + "a" + ")" * 61):
        assert malformed(text) == "the text is nested more than 60 levels deep"
    # Beside each other they are not inside each other.
    assert read(" + ".join(["((a))"] * 100)).output.degree == 1


def test_names():
    good = ["a", "_", "A1", "x_2", "exp", "a" * 64]
    bad = ["", "1a", "a-b", "a b", "abs", "max", "min", "a" * 65, "a\n", "ä"]
    assert [is_name(text) for text in good + bad] == [True] * len(good) + [False] * len(bad)
