"""Programs of the machine that some tests need: without them those tests are left out, and in CI they fail."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import NoReturn

import pytest

_PACKAGES = {
    "redis-server": "redis-server",
    "node": "nodejs",
    "npm": "npm",
    "systemd-analyze": "systemd",
}


def need_program(name: str) -> Path:
    """The path of the program."""
    found = shutil.which(name)
    if found is None:
        _leave_out(f"{name} is not installed: apt-get install {_PACKAGES.get(name, name)}")
    return Path(found)


def need_node_modules(folder: Path) -> Path:
    """The node_modules beside the package.json in `folder`, which `make test` fills."""
    need_program("node")
    modules = folder / "node_modules"
    if not modules.is_dir():
        _leave_out(f"there is no {modules}: npm install --prefix {folder}")
    return modules


def _leave_out(reason: str) -> NoReturn:
    if os.environ.get("CI") == "true":
        pytest.fail(reason)
    pytest.skip(reason)
