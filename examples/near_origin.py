"""How long do the weights stay near the origin, for every initial norm at once?

Theorem (L2 in proofs_notes/). Let H be homogeneous of order L, the loss convex, and M >= max(0, max N) on the
unit sphere. Every gradient flow with ‖w(0)‖ = delta > 0 satisfies ‖w(t)‖ <= B delta as long as
    t <= ln(B) / (2 M)                                        if L = 2,
    t delta^(L-2) <= (1 - B^(2-L)) / (L (L-2) M)              if L > 2.

    python examples/near_origin.py
"""

import certflow

for name in ("figure1", "l3-k20-s0"):
    bounds = certflow.near_origin(name)
    print(f"{name}, order {bounds.order}: {bounds.statement(factor_squared=4)}\n")
