"""Rotations of the neurons of linear hidden layers, which leave N as it is: the form that lifts eigenvalues
along them, and regions whose eigenvalue bounds are about all other directions only (L12.1).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

import numpy as np

from certflow.arithmetic.directed import up
from certflow.arithmetic.eigenvalues import symmetric_norm_upper
from certflow.arithmetic.midpoint_radius import MidRad
from certflow.flow.enclose.region import Regions


def rotation_form(weights: MidRad, layers: Iterable[np.ndarray]) -> MidRad:
    """`sum_(a<b) (E_ab X)(E_ab X)^T` over hidden layers: X_a are the weights that enter and leave neuron a,
    which are those at `layer[a]`, and E_ab turns neurons a and b into each other. At most |v|^2 |X|^2
    (L12.1).
    """
    size = len(weights)
    total = MidRad.exact(np.zeros((size, size)))
    for neurons in layers:
        X = weights[neurons]
        count, m = neurons.shape
        gram = (X[:, :, None] * X[:, None, :]).sum(axis=0)
        unit = MidRad.exact(np.eye(count)[:, None, :, None])
        form = unit * gram[None, :, None, :] - X.T[None, :, :, None] * X[:, None, None, :]
        dense = MidRad.exact(np.zeros((size, size)))
        places = np.ix_(neurons.reshape(-1), neurons.reshape(-1))
        dense[places] = form.reshape(count * m, count * m)
        total = total + dense
    return total


def lifted(regions: Regions, form: MidRad, each: float, sigma: np.ndarray) -> Regions:
    """The same regions with `sigma` (one per place) times a form subtracted from the Hessians of their one
    part, and what that may change away from the point of the form, which there is at most `each` (L12.1).
    """
    weight = MidRad.exact(sigma[:, None, None, None])
    lifts = MidRad.exact(regions.A.mid) - form[None, None] * weight
    cost = up(up(each * sigma) * up(np.square(regions.offset)))
    return replace(
        regions,
        A=MidRad(lifts.mid, up(lifts.rad + regions.A.rad)),
        A_rad=up(regions.A_rad + symmetric_norm_upper(lifts.rad) + cost[:, None]),
    )
