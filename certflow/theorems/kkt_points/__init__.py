"""The list of KKT points of N, or of one neuron, and its certificate."""
