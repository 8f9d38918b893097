"""The state types, one file each: what a state reads from its definition, and what it does when it is entered."""
