"""Branch and bound: all KKT points of a sphere, in boxes that are proved to hold one or none."""
