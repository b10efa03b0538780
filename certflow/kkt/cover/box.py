"""Boxes of weights on the faces of the cube [-1, 1]^k."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from certflow.arithmetic.midpoint_radius import MidRad


@dataclass(frozen=True, eq=False)
class Boxes:
    """Boxes of weights, ends `low` and `high` (b × k, doubles); coordinate `face` (b) of each is constant, 1
    or -1.

    In all other coordinates low < high.
    """

    low: np.ndarray
    high: np.ndarray
    face: np.ndarray

    def __len__(self) -> int:
        return len(self.face)

    def __getitem__(self, key: np.ndarray | slice) -> Boxes:
        return Boxes(self.low[key], self.high[key], self.face[key])

    @property
    def weights(self) -> MidRad:
        """The boxes as enclosures (b × k)."""
        return MidRad.interval(self.low, self.high)

    @property
    def sign(self) -> np.ndarray:
        """The constant coordinates (b)."""
        return self.low[np.arange(len(self)), self.face]

    def centres(self) -> np.ndarray:
        """Doubles inside the boxes (b × k)."""
        return np.clip(0.5 * (self.low + self.high), self.low, self.high)

    def radii(self, centres: np.ndarray) -> np.ndarray:
        """Upper bounds of the distances from `centres` to the ends (b × k)."""
        far = np.maximum(self.high - centres, centres - self.low)
        return np.where(self.high == self.low, 0.0, np.nextafter(far, np.inf))

    def meet(self, image: MidRad) -> tuple[Boxes, np.ndarray]:
        """The parts of the boxes whose coordinates other than the face's are in `image` (b × k - 1), and
        where there is none.

        A coordinate in which the part would have no width is left as it is.
        """
        places = np.arange(len(self))[:, None], others(self.face, self.low.shape[1])
        low, high = self.low.copy(), self.high.copy()
        inner_low, inner_high = (
            np.maximum(image.lower(), low[places]),
            np.minimum(image.upper(), high[places]),
        )
        wide = inner_low < inner_high
        low[places] = np.where(wide, inner_low, low[places])
        high[places] = np.where(wide, inner_high, high[places])
        return Boxes(low, high, self.face), (inner_low > inner_high).any(axis=1)

    def halves(self, coordinate: np.ndarray) -> Boxes:
        """Each box cut in two in its `coordinate` (b); together they cover it."""
        rows = np.arange(len(self))
        middle = 0.5 * (self.low[rows, coordinate] + self.high[rows, coordinate])
        high, low = self.high.copy(), self.low.copy()
        high[rows, coordinate], low[rows, coordinate] = middle, middle
        return joined([Boxes(self.low, high, self.face), Boxes(low, self.high, self.face)])


def joined(parts: list[Boxes]) -> Boxes:
    """All boxes of the parts (at least one)."""
    return Boxes(
        *(np.concatenate([getattr(part, name) for part in parts]) for name in ("low", "high", "face"))
    )


def around(centre: np.ndarray, radius: np.ndarray, face: np.ndarray) -> Boxes:
    """Boxes with about these centres and radii (b × k) on the half-spaces of the faces' coordinates, which
    stay constant.
    """
    rows = np.arange(len(face))
    low, high = np.nextafter(centre - radius, -np.inf), np.nextafter(centre + radius, np.inf)
    low[rows, face] = high[rows, face] = centre[rows, face]
    return Boxes(low, high, face)


def others(face: np.ndarray, k: int) -> np.ndarray:
    """The places other than the face's (b × k - 1)."""
    places = np.arange(k - 1)[None, :]
    shifted: np.ndarray = places + (places >= face[:, None])
    return shifted
