"""Fails as often as it is told, then answers with the number it was given."""


def main(args: dict[str, int]) -> dict[str, object]:
    """The action; `tries` is how often it was tried before."""
    if args["tries"] < args["fails"]:
        return {"error": {"errorType": "Flaky", "errorMessage": "not yet"}}
    return {"n": args["n"]}
