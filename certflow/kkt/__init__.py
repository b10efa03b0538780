"""KKT points of the neural correlation function on the unit sphere."""
