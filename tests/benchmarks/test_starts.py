"""The benchmark of starts measures executions that have really ended."""

from __future__ import annotations

from benchmarks.starts import measure


async def test_what_was_started_has_ended_and_its_cost_is_told():
    outcome, daemon_us, valkey_us = await measure(concurrency=4, seconds=0.3)

    assert (outcome.errors, outcome.count > 0, outcome.p50_ms <= outcome.p99_ms) == (0, True, True)
    # The kernel counts in hundredths of a second.
    assert daemon_us >= 0
    assert valkey_us >= 0
