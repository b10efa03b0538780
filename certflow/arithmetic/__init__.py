"""Number systems: one network definition is evaluated in each of them."""
