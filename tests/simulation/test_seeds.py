"""The seeds: the product passes them, each can be replayed, and each safeguard that is taken out is missed."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Final

from statebox.embedded import EmbeddedValkey

_FOLDER: Final = Path(__file__).parents[2]
# A seed that catches it, for each build without one of the safeguards. As each change of the product plays out
# otherwise, others are tried where one does not any more; name those here then, so that this stays quick.
CAUGHT: Final = {
    "no-fence": 12,
    "effect-before-checkpoint": 1,
    "token-not-taken": 1,
    "inbox-ignored-on-parking": 13,
    "timeout-over-answer": 110,
    "no-operation-id": 3,
    "due-not-set-on-parking": 1,
    "index-not-cleaned": 1,
    "status-index-not-moved": 1,
    "clock-ahead": 1,
    "claim-without-fresh-token": 11,
    "held-not-cleaned": 1,
    "early-answer-not-used": 13,
    "early-answer-over-another": 13,
    "heartbeat-forgotten": 8,
    "answer-forgotten": 1,
}


def simulation(*options: str) -> str:
    """What `python -m simulation` prints; it must be content."""
    ran = subprocess.run(
        [sys.executable, "-m", "simulation", *options], cwd=_FOLDER, capture_output=True, text=True, check=False
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    return ran.stdout


def test_nothing_is_violated_by_200_seeds():
    assert "200 seeds" in simulation("--seeds", "1-200", "--jobs", "2")


def test_each_broken_build_is_caught_by_a_seed_that_the_unbroken_one_passes():
    shown = simulation("--catch", *[f"{name}={seed}" for name, seed in CAUGHT.items()]).splitlines()

    assert [line.partition("=")[0] for line in shown] == list(CAUGHT)


def test_a_seed_does_the_same_whenever_and_after_whatever_it_is_played():
    alone = [line for line in simulation("--seeds", "5", "--traces", "--jobs", "1").splitlines() if "seed 5:" in line]

    assert alone
    assert alone[0] in simulation("--seeds", "3-6", "--traces", "--jobs", "1")


def test_a_real_valkey_gives_the_same_replies(valkey: EmbeddedValkey):
    """To all commands and scripts of whole seeds, in the same order with the same times."""
    assert "0 differ" in simulation("--seeds", "1-5", "--mirror", valkey.url)
