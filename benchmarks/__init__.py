"""Figures of the platform beside the floor that the same machine gives. `python -m benchmarks` prints them all."""
