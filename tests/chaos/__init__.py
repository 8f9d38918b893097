"""Tests of the chaos: a short run of it, and that what it watches with sees what it must."""
