"""The neural correlation function, exactly: with max, on a cell and on the circle, as text and as LaTeX."""
