"""The command line: what a user types, and what he reads."""
