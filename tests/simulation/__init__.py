"""The simulation: that it is true to Redis, and what it shows of the product."""
