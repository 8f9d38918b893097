"""`python -m chaos --seed N`: one run, its report, and an exit status that says whether all was well."""

from __future__ import annotations

import argparse
import asyncio
import shutil
import sys
from pathlib import Path

from chaos.plan import Plan
from chaos.report import written
from chaos.run import run


def main() -> None:
    """Read the arguments, run, print the report."""
    parser = argparse.ArgumentParser(prog="chaos", description=__doc__)
    parser.add_argument("--seed", type=int, default=1, help="decides what is done when")
    parser.add_argument("--seconds", type=float, default=180, help="for how long things are broken")
    parser.add_argument("--executions", type=int, default=2000, help="how many executions live through it")
    parser.add_argument("--appendfsync", choices=("always", "everysec"), default="always")
    parser.add_argument("--folder", type=Path, default=Path(".chaos"), help="where logs and evidence are kept")
    asked = parser.parse_args()
    plan = Plan(seed=asked.seed, seconds=asked.seconds, executions=asked.executions, appendfsync=asked.appendfsync)
    folder: Path = (asked.folder / f"seed-{plan.seed}-{plan.appendfsync}").resolve()
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    report = asyncio.run(run(plan, folder))
    text = written(report)
    (folder / "report.txt").write_text(text)
    sys.stdout.write(text)
    sys.exit(bool(report.violations or report.missing))


if __name__ == "__main__":
    main()
