"""statebox and its peers on the same work, in alternating runs. `make bench ARGS=peers` runs it."""
