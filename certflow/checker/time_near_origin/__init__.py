"""The statement how long small weights of any direction stay small."""
