"""Fails, after the seconds it is told."""

import time


def main(args: dict[str, float]) -> dict[str, dict[str, str]]:
    """The action."""
    time.sleep(args.get("seconds", 0))
    return {"error": {"errorType": "Boom", "errorMessage": "as told"}}
