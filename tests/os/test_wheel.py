"""What is installed: the whole package, with its scripts for Redis and its launchers for actions, and the command."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> zipfile.Path:
    folder = tmp_path_factory.mktemp("dist")
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", folder],
        cwd=CHECKOUT,
        check=True,
        capture_output=True,
    )
    (built,) = folder.glob("*.whl")
    return zipfile.Path(built)


def metadata(wheel: zipfile.Path, file: str) -> str:
    (info,) = (entry for entry in wheel.iterdir() if entry.name.endswith(".dist-info"))
    return (info / file).read_text(encoding="utf-8")


def test_the_wheel_has_every_file_of_the_package_and_no_other(wheel: zipfile.Path):
    package = CHECKOUT / "daemon"
    sources = {
        str(file.relative_to(package))
        for file in (package / "statebox").rglob("*")
        if file.is_file() and "__pycache__" not in file.parts
    }
    installed = {name for name in wheel.root.namelist() if not name.endswith("/") and ".dist-info/" not in name}
    assert installed == sources


def test_it_brings_the_command_and_names_the_extra(wheel: zipfile.Path):
    assert "statebox = statebox.cli.main:main" in metadata(wheel, "entry_points.txt")
    assert "Provides-Extra: embedded" in metadata(wheel, "METADATA")
    assert "Apache License" in metadata(wheel, "licenses/LICENSE")
