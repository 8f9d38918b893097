"""One state tried alone, as TestState does."""
