"""The directions forget the initial norm: distance to the limit flow at a fixed time, for delta down to
1e-300.

Theorem (L1 in proofs_notes/, and the papers for the consequences). In the coordinates w = rho theta the
direction theta obeys an equation in which delta appears only through a = rho^L, and that is smooth up to a =
0. So at a fixed time the directions differ from those of the limit flow by O(delta^L): each line below should
shrink by L times as many orders of magnitude as delta does.

    python examples/every_delta.py
"""

from fractions import Fraction

import certflow

problem = certflow.Problem(
    certflow.OneLayer(inputs=2, width=2, activation=certflow.Activation(power=2)),
    X=[["1", "0"], ["3/5", "4/5"], ["-1", "1/2"]],
    y=["5", "9/5", "1"],
    direction=["1", "1/2", "-1", "1"],
)
time = Fraction(1, 2)
# Differences of size delta^2 need twice as many digits as delta has zeros.
for exponent in (3, 10, 30, 100, 300):
    digits = 2 * exponent + 20
    limit = certflow.limit_flow(problem, time=time, digits=digits, check=False)
    flow = certflow.reference_flow(problem, Fraction(1, 10**exponent), time=time, digits=digits, check=False)
    errors = [
        flow.context.norm(list(flow.block_direction(j, time) - limit.block_direction(j, time)))
        for j in range(2)
    ]
    shown = [flow.context.nstr(error, 3) for error in errors]
    print(f"delta = 1e-{exponent:<4} neuron 1: {shown[0]:>10}   neuron 2: {shown[1]:>10}")
