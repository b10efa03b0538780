"""What a network is, decided exactly: homogeneity, structure, the neural correlation function (sympy)."""
