"""Both passes through layers in whole numbers, against sums and a derivative that are worked out by hand."""

from certflow.checker.kernel.passes import Passes, passes


def product(left, right):
    return sum(a * b for a, b in zip(left, right, strict=True))


def square(v):
    return v * v, 2 * v, "more"


def test_three_layers():
    # x -> (1, 2; 3, 4; 5, 6) x = (5, 11, 17) -> squares (25, 121, 289) -> (1, 0, -1; 2, 1, 0) -> (-264, 171)
    # -> squares (69696, 29241) -> 3 a - 2 b, times 7.
    first, second, third = [[1, 2], [3, 4], [5, 6]], [[1, 0, -1], [2, 1, 0]], [[3, -2]]
    run = passes([first, second, third], [1, 2], [5, 11, 17], [7], product, square)
    # By the activations 7 * (3, -2), by the outputs of the second layer 2 * (-264, 171) times that; and so
    # on.
    middle = [21 * -528, -14 * 342]
    lowest = [middle[0] + 2 * middle[1], middle[1], -middle[0]]
    assert run == Passes(
        [first, second, third],
        [[[1, 3, 5], [2, 4, 6]], [[1, 2], [0, 1], [-1, 0]], [[3], [-2]]],
        [[1, 2], [25, 121, 289], [69696, 29241]],
        [
            [(25, 10, "more"), (121, 22, "more"), (289, 34, "more")],
            [(69696, -528, "more"), (29241, 342, "more")],
        ],
        [lowest, [21, -14]],
        [[10 * lowest[0], 22 * lowest[1], 34 * lowest[2]], middle, [7]],
    )


def test_the_kink_arguments_of_the_first_layer_are_given():
    run = passes([[[1, 1]], [[2]]], [5, 5], [-3], [1], product, square)
    assert (run.values, run.signals) == ([[5, 5], [9]], [[-12], [1]])


def test_one_layer_has_no_activation():
    run = passes([[[4, 5]]], [1, 2], [], [3], product, square)
    assert run == Passes([[[4, 5]]], [[[4], [5]]], [[1, 2]], [], [], [[3]])


def test_every_layer_takes_the_values_of_the_one_before():
    run = passes([[[2]], [[3]], [[5]], [[7]]], [1], [2], [1], product, square)
    assert run.values == [[1], [4], [144], [518_400]]
    assert run.signals == [[4 * 3 * 24 * 5 * 1440 * 7], [24 * 5 * 1440 * 7], [1440 * 7], [1]]
