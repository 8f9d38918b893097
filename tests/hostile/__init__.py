"""Definitions and data that try to keep a daemon from its work."""
