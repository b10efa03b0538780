"""The early direction of networks of power 1, whose gradient jumps, for all small delta."""
