"""What a network is, decided exactly: degrees, homogeneity, smoothness, sets of weights that stay zero."""
