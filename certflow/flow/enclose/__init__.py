"""Proofs about the flow: regions, tubes and traps. Proposals enter as data."""
