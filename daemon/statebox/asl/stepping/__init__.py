"""Stepping: one advance at work on a copy of the execution. Down: happenings, walking, forks, failures, the copy."""
