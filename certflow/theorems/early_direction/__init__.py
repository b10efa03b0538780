"""The uniform theorem (L5): the direction of every block, for every delta up to delta_bar."""
