"""High-precision approximations of flows, and gradient descent in doubles: they prove nothing."""
