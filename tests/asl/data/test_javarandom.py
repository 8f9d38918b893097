"""Seeded random numbers are those of java.util.Random."""

from __future__ import annotations

from statebox.asl.data.javarandom import JavaRandom


def test_integers_are_those_of_java():
    """`new Random(42).nextInt(10)` gives 0, 3, 8, 4, 0."""
    random = JavaRandom(42)
    assert [random.below(10) for _ in range(5)] == [0, 3, 8, 4, 0]
    assert JavaRandom(2**64 + 42).below(10) == 0


def test_powers_of_two_take_the_high_bits():
    """`new Random(42).nextInt(16)` gives 11."""
    assert JavaRandom(42).below(16) == 11


def test_large_bounds_use_the_whole_range():
    """Where most draws would be cut off, some are drawn again; beyond 31 bits two words are drawn."""
    bound = 2**30 + 1
    random = JavaRandom(1)
    assert all(0 <= random.below(bound) < bound for _ in range(100))
    assert max(random.below(2**40) for _ in range(100)) > 2**38


def test_fractions_are_those_of_java():
    """`new Random(42).nextDouble()` gives 0.7275636800328681."""
    assert JavaRandom(42).fraction() == 0.7275636800328681
