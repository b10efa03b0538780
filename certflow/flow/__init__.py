"""How the weights move: the gradient flow and its limit direction flow."""
