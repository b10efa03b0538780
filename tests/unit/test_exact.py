"""Text <-> exact numbers: nothing is rounded, nothing fills the memory, every refusal names its place."""

import contextlib
import importlib
import math
import warnings
from decimal import Decimal
from fractions import Fraction

import flint
import gmpy2
import mpmath
import numpy as np
import pytest
import sympy
from hypothesis import given
from hypothesis import strategies as st
from number_kinds import RATIONAL, REFUSED, WHOLE, Column, Frame, PolarsFrame, Tensor, Traced

from certflow.exact import (
    MAX_DELTA_EXPONENT,
    MAX_DIGITS,
    MAX_EXPONENT,
    dyadic_text,
    exact_matrix,
    exact_vector,
    format_dyadic,
    format_rational,
    initial_norm,
    number,
    short_number,
    shown,
    whole,
)
from certflow.outcome import BadInput


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("0.1", Fraction(1, 10)),
        ("3/7", Fraction(3, 7)),
        (" -6 / 4 ", Fraction(-3, 2)),
        ("1e-5", Fraction(1, 100_000)),
        ("+2.50E+1", Fraction(25)),
        (".5", Fraction(1, 2)),
        ("5.", Fraction(5)),
        ("5*2^-3", Fraction(5, 8)),
        ("-3*2^4", Fraction(-48)),
        ("-0", Fraction(0)),
        ("1e-1000", Fraction(1, 10**1000)),
    ],
)
def test_text_is_read_exactly(text, value):
    assert number(text) == value


@pytest.mark.parametrize(
    ("given", "value"),
    [
        (7, Fraction(7)),
        (0.1, Fraction(3602879701896397, 36028797018963968)),
        (np.float64(0.1), Fraction(0.1)),
        (np.float32(0.1), Fraction(13421773, 134217728)),
        (np.int8(-3), Fraction(-3)),
        (5e-324, Fraction(1, 2**1074)),
        (Fraction(2, 6), Fraction(1, 3)),
    ],
)
def test_numbers_stand_for_their_exact_value(given, value):
    result = number(given)
    assert result == value
    assert type(result.numerator) is int


@given(st.fractions())
def test_rationals_round_trip(value):
    assert number(format_rational(value)) == value


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_floats_round_trip_through_text_without_rounding(value):
    assert number(format_rational(number(value))) == Fraction(value)


@given(st.decimals(allow_nan=False, allow_infinity=False, min_value=-(10**50), max_value=10**50))
def test_decimal_text_agrees_with_the_decimal_module(value):
    assert number(str(value)) == Fraction(value)


@given(st.integers(-(2**200), 2**200), st.integers(-300, 300))
def test_dyadics_round_trip_in_lowest_terms(mantissa, exponent):
    text = format_dyadic(mantissa, exponent)
    assert number(text) == Fraction(mantissa) * Fraction(2) ** exponent
    assert mantissa == 0 or int(text.split("*")[0]) % 2 == 1
    assert dyadic_text(Fraction(mantissa) * Fraction(2) ** exponent) == text
    with pytest.raises(ValueError, match="power of two"):
        dyadic_text(Fraction(mantissa) + Fraction(1, 3))


def test_the_longest_numbers_round_trip():
    value = Fraction(10**3999 + 7, 3 * 10**3990 + 1)
    assert number(format_rational(value)) == value
    assert number(format_rational(-value)) == -value


@pytest.mark.parametrize("digits", [3999, 4000, 4001, 9001])
def test_long_integers_keep_the_zeros_inside(digits):
    assert format_rational(Fraction(10**digits)) == "1" + "0" * digits


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ("nan", "not a finite number"),
        ("-Infinity", "not a finite number"),
        (math.nan, "not a finite number"),
        (np.float64("inf"), "not a finite number"),
        ("1/0", "denominator zero"),
        ("", "is not a number"),
        (".", "is not a number"),
        ("1.2.3", "is not a number"),
        ("1_000", "is not a number"),
        ("0x10", "is not a number"),
        ("1e", "is not a number"),
        ("٣", "is not a number"),
        ("1/2/3", "is not a number"),
        ("1\n", None),
        ("__import__('os')", "is not a number"),
        (True, "boolean"),
        (np.bool_(False), "boolean"),
        (None, "expected a number"),
        ([1], "expected a number"),
        (1 + 0j, "expected a number"),
        ("1e3000000", "exponent"),
        ("1e-1001", "exponent"),
        ("1e" + "9" * 50, "exponent"),
        ("1*2^99999999", "exponent"),
        ("9" * (MAX_DIGITS + 1), "too long"),
        ("1/" + "9" * (MAX_DIGITS + 1), "too long"),
        ("9" * 10**6, "too long"),
    ],
)
def test_refusals_are_one_sentence_that_names_the_place(value, words):
    if words is None:
        assert number(value) == 1  # surrounding white space is not part of a number
        return
    with pytest.raises(BadInput) as refusal:
        number(value, "data.X[3][1]")
    message = str(refusal.value)
    assert message.startswith("data.X[3][1]: ")
    assert words in message
    assert message.endswith(".")
    assert len(message) < 250


@pytest.mark.parametrize("kind", RATIONAL)
@pytest.mark.parametrize("value", [Fraction(-3, 8), Fraction(0), Fraction(5, 4), Fraction(7)])
def test_every_kind_of_number_is_its_exact_value(kind, value):
    result = number(RATIONAL[kind](value))
    assert result == value
    assert (type(result), type(result.numerator)) == (Fraction, int)


@pytest.mark.parametrize("kind", WHOLE)
def test_every_kind_of_integer_is_a_number_and_a_whole_one(kind):
    assert number(WHOLE[kind](7)) == 7
    found = whole(WHOLE[kind](7), "digits", 5, 10)
    assert (found, type(found)) == (7, int)
    for least, most, span in ((8, 9, "8 to 9"), (1, 6, "1 to 6"), (8, None, "8 on")):
        with pytest.raises(BadInput, match=f"^digits: .* is not a whole number from {span}.$"):
            whole(WHOLE[kind](7), "digits", least, most)


@pytest.mark.parametrize("value", [7.0, "7", Fraction(7), Decimal(7), np.float64(7), mpmath.mpf(7), None])
def test_whole_numbers_are_integers_and_nothing_else(value):
    with pytest.raises(BadInput, match="is not a whole number from 0 on"):
        whole(value, "seed", 0)


@pytest.mark.parametrize("kind", REFUSED)
def test_what_is_no_number_is_refused_in_a_sentence(kind):
    for read in (number, short_number, lambda value, where: whole(value, where, 0)):
        with pytest.raises(BadInput) as refusal:
            read(REFUSED[kind], "data.X[3][1]")
        message = str(refusal.value)
        assert message.startswith("data.X[3][1]: ")
        assert message.endswith(".")
        assert "\n" not in message
        assert len(message) < 250


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (sympy.Symbol("x") + 1, "evalf"),
        (flint.arb(1, 0.1), "is a ball, not one number; give its middle"),
        (np.array([[1.0]]), "flattening"),
        (1j, "give a real one"),
        (sympy.oo, "oo is not a finite number"),
        (Decimal("NaN"), "NaN is not a finite number"),
        (np.datetime64("2020-01-01"), "dates or durations"),
        (Traced(), "the values of this Traced cannot be read"),
    ],
)
def test_refusals_say_what_to_do(value, words):
    with pytest.raises(BadInput, match=words):
        number(value)


def test_long_floats_keep_all_their_digits():
    third = Fraction(1, 3)
    for long, unit in ((mpmath.mp.clone(), 300), (mpmath.mp.clone(), 15_000)):
        long.prec = unit
        value = number(long.mpf(1) / 3)
        assert value != third
        assert abs(value - third) < Fraction(1, 2**unit)
    assert abs(number(sympy.Float("0.1", 50)) - Fraction(1, 10)) < Fraction(1, 10**50)
    assert abs(number(gmpy2.mpfr("-0.1", 200)) + Fraction(1, 10)) < Fraction(1, 2**200)
    assert abs(number(np.longdouble(1) / 3) - third) < Fraction(1, 2**50)
    assert number(np.longdouble(2) ** -60 + 1) in (1 + Fraction(1, 2**60), 1)
    assert number(Decimal("0.1")) == Fraction(1, 10) != number(0.1)


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        (sympy.Float, "-1e-1000000"),
        *(
            (kind, text)
            for kind in (mpmath.mpf, gmpy2.mpfr, Decimal)
            for text in ("1e-1000000", "-1e1000000")
        ),
    ],
)
def test_short_numbers_of_absurd_size_do_not_fill_the_memory(kind, text):
    with pytest.raises(BadInput, match="too large or too small|exponent"):
        number(kind(text), "delta", MAX_DELTA_EXPONENT)


def test_initial_norms_may_be_tiny_and_are_positive():
    for tiny in (
        "1e-1000",
        "1e-100000",
        mpmath.mpf("1e-30000"),
        Decimal("1e-30000"),
        sympy.Float("1e-30000"),
    ):
        assert 0 < initial_norm(tiny) < Fraction(1, 10**999)
    for value in (0, "0", -1.0):
        with pytest.raises(
            BadInput, match=r"delta: .* is not positive; delta is the norm of the initial weights."
        ):
            initial_norm(value)


# -- vectors and matrices ------------------------------------------------------------------------------------

VECTORS = {
    "list": lambda row: list(row),
    "tuple": tuple,
    "iterator": iter,
    "array": np.array,
    "array of halves": lambda row: np.array(row, dtype=np.float16),
    "array of long doubles": lambda row: np.array(row, dtype=np.longdouble),
    "array of objects": lambda row: np.array([Fraction(v) for v in row], dtype=object),
    "masked array, nothing masked": np.ma.array,
    "tensor": Tensor,
    "list of tensors": lambda row: [Tensor(v) for v in row],
    "column": Column,
    "range of text": lambda row: [str(Fraction(v)) for v in row],
    "mpmath": lambda row: [mpmath.mpf(v) for v in row],
}


def _numpy_matrix(rows):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", PendingDeprecationWarning)
        return np.asmatrix(rows)


ROWS = [[0.5, -0.25], [3.0, 0.0], [1.0, 8.0]]
MATRICES = {
    **{
        f"{name} of lists": lambda rows, kind=kind: kind(rows)
        for name, kind in (("list", list), ("tuple", tuple), ("iterator", iter))
    },
    **{
        f"list of {name}s": lambda rows, kind=kind: [kind(row) for row in rows]
        for name, kind in VECTORS.items()
    },
    "array": np.array,
    "numpy.matrix": _numpy_matrix,
    "transposed array": lambda rows: np.array(rows).T.copy().T,
    "tensor": Tensor,
    "frame": Frame,
    "frame of polars": PolarsFrame,
    "sympy.Matrix": sympy.Matrix,
    "mpmath.matrix": mpmath.matrix,
    "fmpq_mat": lambda rows: flint.fmpq_mat(3, 2, [flint.fmpq(int(4 * v), 4) for row in rows for v in row]),
}


@pytest.mark.parametrize("kind", VECTORS)
def test_vectors_of_every_kind(kind):
    assert exact_vector(VECTORS[kind](ROWS[0]), "y") == [Fraction(1, 2), Fraction(-1, 4)]


@pytest.mark.parametrize("kind", MATRICES)
def test_matrices_of_every_kind(kind):
    assert exact_matrix(MATRICES[kind](ROWS), "X") == [[Fraction(v) for v in row] for row in ROWS]


def test_tables_are_read_row_by_row_without_rounding_a_column():
    long = 2**53 + 1
    assert exact_matrix(Frame([[long, 0.5], [1, 2.0]]), "X") == [[long, Fraction(1, 2)], [1, 2]]
    assert exact_matrix(PolarsFrame([[1, 2], [3, 4]]), "X") == [[1, 2], [3, 4]]


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (5, "y: expected a list of numbers, got 5."),
        ("12", "y: expected a list of numbers, got '12'."),
        ({1, 2}, "y: expected a list of numbers, got {1, 2}."),
        ({1: 2}, "y: expected a list of numbers, got {1: 2}."),
        (np.array(1.0), "y: expected a list of numbers, got array(1.)."),
        (Tensor(1.0), "y: expected a list of numbers, got tensor(1.0, requires_grad=True)."),
        (np.ones((2, 1)), "y[0]: expected a number, got [1.0]; give one number in this place"),
        (Frame([[1.0]]), "y[0]: expected a number, got (1.0,); give one number in this place"),
        ([1, True], "y[1]: expected a number, got the boolean True"),
        (np.ma.array([1.0, 2.0], mask=[False, True]), "y[1]: expected a number, got None"),
        (np.array([1, 2], dtype="datetime64[ns]"), "y: expected numbers, got dates or durations"),
        ([np.timedelta64(1, "ns")], "y[0]: expected numbers, got dates or durations"),
        (Column([1.0, None]), "y[1]: expected a number, got None"),
    ],
)
def test_other_vectors_are_refused_with_the_place(values, message):
    with pytest.raises(BadInput) as refusal:
        exact_vector(values, "y")
    assert str(refusal.value).startswith(message)


def test_arrays_and_tables_of_installed_libraries():
    """The stand-ins quack like the real ones, where these are there."""
    expected = [[Fraction(v) for v in row] for row in ROWS]
    found = 0
    for name, make in (
        (
            "torch",
            lambda torch: [
                torch.tensor(ROWS),
                torch.tensor(ROWS, requires_grad=True),
                torch.tensor(ROWS).bfloat16(),
            ],
        ),
        ("jax.numpy", lambda jax: [jax.array(ROWS), jax.array(ROWS, dtype="bfloat16")]),
        (
            "pandas",
            lambda pandas: [
                pandas.DataFrame(ROWS),
                pandas.DataFrame(ROWS, index=[3, 1, 2], columns=["b", "a"]),
            ],
        ),
        ("polars", lambda polars: [polars.DataFrame(ROWS, orient="row")]),
        ("numpy", lambda numpy: [numpy.array(ROWS)]),
    ):
        with contextlib.suppress(ImportError):
            for matrix in make(importlib.import_module(name)):
                found += 1
                assert exact_matrix(matrix, "X") == expected
                assert [number(value) for value in exact_matrix(matrix, "X")[0]] == expected[0]
    assert found


def test_the_exponent_bound_is_inclusive_and_adjustable():
    assert number(f"1e{MAX_EXPONENT}") == 10**MAX_EXPONENT
    assert number("1e-10000", max_exponent=10_000) == Fraction(1, 10**10_000)


def test_values_in_messages_are_short():
    assert len(shown("x" * 1000)) == 60
    assert shown(10**10_000) == "a very long int"
    assert shown(Fraction(10**10_000, 3)) == f"{'1'.ljust(57, '0')}..."
    assert shown(Fraction(-1, 3)) == "-1/3"
