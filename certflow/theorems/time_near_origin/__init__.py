"""How long, at least, every gradient flow stays small (L2)."""
