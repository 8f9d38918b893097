"""Takes the seconds it is told, and answers with what it was given."""

import time


def main(args):
    time.sleep(args["seconds"])
    return args
