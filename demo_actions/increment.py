"""Adds to a number: {"value": 6} gives {"value": 7}."""


def main(params: dict[str, int | None]) -> dict[str, int]:
    """Add `increment`, 1 where it is left out, to `value`, 0 where it is left out or null."""
    increment = params.get("increment")
    return {"value": (params.get("value") or 0) + (1 if increment is None else increment)}
