"""Drumbeat's speed beside what else one could do, in one table: `python -m benchmarks.speed`."""
