"""KKT points that are not points: a whole arc of directions on which a neuron is dead.

Theorem (L6 in the docstring of certflow.kkt.neuron.circle). Between neighbouring critical lines the NCF of
one squared planar neuron is a sinusoid of the double angle, so the exact signs of its derivative at the ends
decide whether there is one KKT point between them, none, or only KKT points. The list below is therefore
complete.

    python examples/dead_arc.py
"""

import certflow

# All samples in the right half plane: whoever points to the left sees none of them.
problem = certflow.Problem(
    certflow.OneLayer(inputs=2, width=1, power=2),
    X=[["1", "0"], ["4/5", "3/5"], ["4/5", "-3/5"]],
    y=["1", "-1/2", "2"],
    reduction="sum",
    seed=1,
)
kkt = certflow.kkt_points(problem)
for point in kkt:
    if point.kind == "arc":
        print(
            f"{point.kind:8} from {point.start_deg.text(12)} to {point.end_deg.text(12)} degrees, N = "
            f"{point.value.text(12)}"
        )
    else:
        print(
            f"{point.kind:8} at {point.angle_deg.text(12)} degrees, N = {point.value.text(12)}, gap "
            f"{point.gap.text(6)}"
        )
print(f"complete: {kkt.complete}")
