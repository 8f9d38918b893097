"""Adds one."""


def main(args: dict[str, int]) -> dict[str, int]:
    """The action."""
    return {"value": args["value"] + 1}
