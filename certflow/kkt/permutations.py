"""One representative of weights that differ by the order of hidden neurons only; N does not see that
order.
"""

from __future__ import annotations

import numpy as np

from certflow.arithmetic.base import FLOAT
from certflow.networks.base import Network
from certflow.networks.feed_forward import FeedForward

_DIGITS = 6


def in_order(network: Network, w: np.ndarray) -> np.ndarray:
    """The weights `w` (size doubles) with the neurons of each hidden layer between trained ones in a fixed
    order.

    An exact permutation, so KKT points go to KKT points. Weights that differ by such a permutation usually,
    not always, give the same result: neurons are compared by their incoming weights and the size of the
    outgoing ones, rounded.
    """
    if not isinstance(network, FeedForward):
        return w
    matrices = [matrix.copy() for matrix in network.matrices(FLOAT, np.asarray(w, dtype=float))]
    for layer in range(1, network.depth):
        if not {layer, layer + 1} <= set(network.trained):
            continue
        rows, outgoing = matrices[layer - 1], matrices[layer]
        largest = max(float(np.max(np.abs(rows))), float(np.max(np.abs(outgoing))), 1e-300)
        keys = np.column_stack([np.linalg.norm(rows, axis=1), rows, np.linalg.norm(outgoing, axis=0)])
        # lexsort takes the last key first; longer neurons come first.
        order = np.lexsort(-np.round(keys / largest, _DIGITS).T[::-1])
        matrices[layer - 1], matrices[layer] = rows[order], outgoing[:, order]
    return np.concatenate([matrices[layer - 1].reshape(-1) for layer in network.trained])
