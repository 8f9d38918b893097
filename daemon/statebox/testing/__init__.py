"""Testing machines: cases with mocked tasks, run in virtual time."""
