"""What every rule needs: numbers, strict reading, the problem, its network, definiteness."""
