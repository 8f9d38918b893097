"""Inspection: one state tried alone, as TestState does, with everything that happens to its data on the way."""
