"""Networks that are given by an expression: what its text means, and how it is computed."""
