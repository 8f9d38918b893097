"""The simulation: real engine and store, real scripts, in a virtual time and against a seeded adversary."""
