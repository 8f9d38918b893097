"""Takes the seconds it is told, and answers with what it was given."""

import time


def main(args: dict[str, float]) -> dict[str, float]:
    """The action."""
    time.sleep(args["seconds"])
    return args
