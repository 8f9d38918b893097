"""The limits of an action host: OpenWhisk's defaults where it has them."""

from __future__ import annotations

import os
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class HostLimits:
    """What actions and those who call them may use.

    `timeout_ms`, `memory_mb`: for an action that does not say (`most_…`, `least_…`: what it may say).
    `blocking_wait_ms`: how long a blocking call waits for the end before it is answered with 202.
    `payload_bytes`, `result_bytes`, `code_bytes`: the sizes of parameters, results and code.
    `concurrent`, `per_minute`: invocations, beyond which callers are told 429 (None: no limit).
    `processes`: how many there are at most, over all actions; calls beyond that wait for one. `starting`: how many of
    them are started at once. `idle_s`: after how long an idle one is ended.
    `activations`, `activation_bytes`: how much is remembered, the oldest being forgotten first.
    """

    timeout_ms: int = 60_000
    least_timeout_ms: int = 100
    most_timeout_ms: int = 300_000
    memory_mb: int = 256
    least_memory_mb: int = 128
    most_memory_mb: int = 512
    blocking_wait_ms: int = 60_000
    payload_bytes: int = 1_048_576
    result_bytes: int = 1_048_576
    code_bytes: int = 48 * 1_048_576
    concurrent: int | None = 1_000
    per_minute: int | None = None
    sequence_length: int = 50
    processes: int = 16
    starting: int = os.cpu_count() or 1
    idle_s: float = 300
    activations: int = 10_000
    activation_bytes: int = 64 * 1_048_576

    @property
    def put_bytes(self) -> int:
        """The longest body of any use: code that doubles when it is escaped, and what stands around it."""
        return 2 * self.code_bytes + 2 * self.payload_bytes
