"""Multiplies a number by itself: {"value": 7} gives {"value": 49}."""


def main(params: dict[str, int | None]) -> dict[str, int]:
    """Square `value`, 0 where it is left out or null."""
    value = params.get("value") or 0
    return {"value": value * value}
