"""Fails, after the seconds it is told."""

import time


def main(args):
    time.sleep(args.get("seconds", 0))
    return {"error": {"errorType": "Boom", "errorMessage": "as told"}}
