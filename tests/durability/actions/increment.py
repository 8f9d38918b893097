"""Adds one."""


def main(args):
    return {"value": args["value"] + 1}
