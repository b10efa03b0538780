"""All KKT points of a neuron in space, with proof, and in the plane also which start flows to which of them.

Theorem (L6 in the docstrings of certflow.kkt). Let n(u) = sum_i z_i max(u.x_i, 0)^2. On each closed cell of
the arrangement of the planes u.x_i = 0 it is a quadratic form u.M u, and u is a KKT point of n on the sphere
if and only if M u = n(u) u. There are finitely many cells, all of them are visited, and every sign on which
the list depends is decided exactly: what is printed as complete is complete. In the plane the exact signs of
dN/dθ between KKT points say where every other direction flows.

    python examples/kkt_points.py
"""

from collections import Counter

import certflow

squared_relu = certflow.Activation(power=2)
problem = certflow.Problem(
    certflow.OneLayer(inputs=3, width=1, activation=squared_relu),
    X=[
        ["1", "0", "2"],
        ["0", "1", "-1"],
        ["1/3", "-2", "0"],
        ["-1", "-1", "1"],
        ["-2", "1/2", "1"],
        ["1/2", "3/2", "1"],
    ],
    y=["1", "2", "-1", "3", "1", "-2"],
    seed=1,
)
kkt = certflow.kkt_points(problem)
for point in kkt:
    place = ", ".join(c.text(8) for c in point.point)
    print(f"{point.kind:8} N = {point.value.text(8)} at {place}")
kinds = Counter(point.kind for point in kkt)
print(f"complete: {kkt.complete}, after {kkt.counts['cells']} cells")
# Not needed for the proof: on a sphere, maxima - saddles + minima is 2 if all are nondegenerate.
print(f"maxima - saddles + minima = {kinds['maximum'] - kinds['saddle'] + kinds['minimum']}")

plane = certflow.Problem(
    certflow.OneLayer(inputs=2, width=1, activation=squared_relu),
    X=[["1", "0"], ["3/5", "4/5"], ["-1", "1/2"]],
    y=["5", "9/5", "1"],
    seed=1,
)
planar = certflow.kkt_points(plane)
for point, basin in zip(planar, planar.basins(), strict=True):
    print(
        f"{point.kind:8} at {point.angle_deg.text(8)} degrees: fraction {basin.fraction.text(8)} of the "
        f"starts"
    )
