"""Directions of the plane in the order of their angles, among which doubles cannot tell neighbours apart."""

COUNTERCLOCKWISE = [
    (-(10**40), -1),
    (0, -1),
    (1, 0),
    (10**40 + 1, 1),
    (10**40, 1),
    (10**40, 2),
    (-(10**40), 1),
    (-1, 0),
]
"""From just after -180° to 180°."""
