"""What the tap costs, as ratios within one run: `python -m benchmarks`."""
