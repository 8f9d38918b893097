"""Fails."""


def main(_: dict[str, object]) -> dict[str, object]:
    """The action."""
    return {"error": {"errorType": "Boom", "errorMessage": "as told"}}
