"""On which sides of hyperplanes the eigenvectors of many symmetric matrices lie: proved, in whole arrays of
doubles.

Floating-point eigenpairs (w_j, v_j), w ascending, only propose. With V = (v_1, ..., v_d), `F = V^T M V -
diag(w)` and `E = V^T V - I`, enclosed entry by entry, let `|F| <= phi` and `|E| <= eps < 1` in the spectral
norm. Then V is invertible, and for x = V y, with a = y.diag(w) y/|y|² in [min w, max w],

    |x.M x/x.x - a| = |(a + f)/(1 + e) - a| <= eta = (phi + eps max |w|)/(1 - eps)      (|f| <= phi, |e| <=
      eps),

so by Courant and Fischer `|lambda_j - w_j| <= eta` for every j: the eigenvalues of M in ascending order, with
multiplicity. If w_j has a distance g > 2 eta from the other w_k, lambda_j is simple, and every other
eigenvalue is at least delta = g - eta away from w_j. Write v_j = s + t with s in the eigenspace of lambda_j
and t orthogonal to it, which is invariant: then `r = M v_j - w_j v_j` has the part `(M - w_j) t` there, of
length at least delta |t|. So `|t| <= |r|/delta`, and for every normal h the eigenvector s has `|h.s - h.v_j|
<= |h| |r|/delta`, which proves the sign of h.s unless it is too close to zero. Nothing is reported if
`|r|/delta >= 1/2`; otherwise s != 0, because `|v_j|² >= 1 - eps > 1/4`.
"""

from __future__ import annotations

import numpy as np

from certflow.arithmetic.base import UNKNOWN
from certflow.arithmetic.directed import sum_down, up
from certflow.arithmetic.eigenvalues import symmetric_norm_upper
from certflow.arithmetic.midpoint_radius import MIDRAD, MidRad

_MOST_SKEW = 2.0**-10
"""Eigenvectors that are less orthonormal than this are not used."""

_FAR = 2.0**1010


def eigenvector_signs(matrices: MidRad, normals: MidRad) -> tuple[np.ndarray, np.ndarray]:
    """The signs of normal_h . s_j for an eigenvector s_j of the j-th smallest eigenvalue, and which of these
    are proved simple (L6.12).

    `matrices` (m × d × d) enclose symmetric matrices, `normals` is n × d. Returns int8 (m × d × n), `UNKNOWN`
    where nothing is proved, and booleans (m × d); all signs of an eigenvector that is not proved simple are
    `UNKNOWN`. The other eigenvector, -s_j, has the opposite signs. Raises `Inconclusive` for numbers beyond
    the range of doubles.
    """
    m, d, n = len(matrices), matrices.shape[-1], len(normals)
    try:
        w, v = np.linalg.eigh(0.5 * (matrices.mid + matrices.mid.transpose(0, 2, 1)))
    except np.linalg.LinAlgError:
        w, v = np.zeros((m, d)), np.zeros((m, d, d))
    usable = np.isfinite(w).all(axis=1) & np.isfinite(v).all(axis=(1, 2))
    w, v = np.where(usable[:, None], w, 0.0), np.where(usable[:, None, None], v, 0.0)
    V, identity = MidRad.exact(v), np.eye(d)
    turned = V.transpose(0, 2, 1)
    MV = matrices @ V
    phi = symmetric_norm_upper((turned @ MV - MidRad.exact(w[:, :, None] * identity)).magnitude())
    eps = symmetric_norm_upper((turned @ V - MidRad.exact(np.broadcast_to(identity, v.shape))).magnitude())
    usable &= (eps <= _MOST_SKEW) & (np.diff(w, axis=1) >= 0.0).all(axis=1)
    # 1/(1 - eps) <= 1 + 2 eps for eps <= 1/2.
    eta = up((phi + eps * np.max(np.abs(w), axis=1, initial=0.0)) * (1.0 + 2.0 * eps))[:, None]
    # Beyond the first and the last there is no eigenvalue to keep away from.
    edges = np.concatenate([np.full((m, 1), -_FAR), w, np.full((m, 1), _FAR)], axis=1)
    with np.errstate(all="ignore"):
        delta = np.minimum(sum_down(w, -edges[:, :-2], -eta), sum_down(edges[:, 2:], -w, -eta))
    simple = usable[:, None] & (delta > eta)
    residual = (MV - V * MidRad.exact(w)[:, None, :]).norm_upper(axis=1)
    with np.errstate(all="ignore"):
        error = np.where(simple, up(residual / np.where(simple, delta, 1.0)), 0.0)
    simple &= error < 0.5
    lengths = normals.norm_upper(axis=1) if n else np.zeros(0)
    dots = (normals @ V).widened(up(lengths[None, :, None] * error[:, None, :]))
    signs = np.where(simple[:, :, None], MIDRAD.sign(dots).transpose(0, 2, 1), np.int8(UNKNOWN))
    return signs, simple
