"""Tests of the tests that users write for their machines."""
