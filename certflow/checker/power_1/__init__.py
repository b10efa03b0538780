"""The statement about the early direction of networks of power 1, whose gradient jumps."""
