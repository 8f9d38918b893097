"""Multiplies by itself."""


def main(args):
    return {"value": args["value"] ** 2}
