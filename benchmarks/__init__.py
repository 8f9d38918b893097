"""What statebox costs, measured. `python -m benchmarks` runs all and prints Markdown."""
