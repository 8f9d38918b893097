"""The folder: nothing outside of it can be reached, and a file appears whole or not at all."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from statebox.files.errors import FileTrouble
from statebox.files.folder import Folder

MUCH = 1000


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A folder with one file, beside a secret."""
    (tmp_path / "secret").write_text("secret")
    root = tmp_path / "data"
    (root / "sub").mkdir(parents=True)
    (root / "sub" / "a.json").write_text("[1]")
    return root


def refusal(root: Path, path: str) -> str:
    with pytest.raises(FileTrouble) as refused:
        Folder(root).read(path, MUCH)
    return str(refused.value)


@pytest.mark.parametrize("path", ["sub/a.json", "./sub//a.json", "sub/./a.json"])
def test_a_file_in_the_folder_can_be_read(root: Path, path: str):
    assert Folder(root).read(path, MUCH) == b"[1]"


@pytest.mark.parametrize(
    "path", ["/etc/passwd", "//etc/passwd", "..", "../secret", "sub/../../secret", "sub/..", "a\0b"]
)
def test_a_path_that_could_lead_out_is_refused(root: Path, path: str):
    message = "is not a path within the folder for files: it must be relative, without '..'"
    assert refusal(root, path) == f"{path!r} {message}"
    with pytest.raises(FileTrouble, match="must be relative"):
        Folder(root).write(path, [b"x"], MUCH)


def test_links_out_of_the_folder_are_refused_and_links_within_it_are_followed(root: Path):
    (root / "out").symlink_to("../secret")
    (root / "up").symlink_to("..")
    (root / "nowhere").symlink_to("../not-there")
    (root / "in").symlink_to("sub")
    (root / "in.json").symlink_to(root / "sub" / "a.json")

    for path in ("out", "up/secret", "nowhere"):
        assert refusal(root, path) == f"{path} leads out of the folder for files"
        with pytest.raises(FileTrouble, match="leads out of the folder"):
            Folder(root).write(path, [b"x"], MUCH)
    assert Folder(root).read("in/a.json", MUCH) == Folder(root).read("in.json", MUCH) == b"[1]"
    assert (root.parent / "secret").read_text() == "secret"
    assert not (root.parent / "not-there").exists()


def test_a_folder_that_begins_with_the_same_name_is_outside(root: Path):
    (root.parent / "data2").mkdir()
    (root.parent / "data2" / "x").write_text("x")
    (root / "link").symlink_to("../data2")
    assert "leads out" in refusal(root, "link/x")


def test_a_link_put_in_between_at_the_last_moment_gains_nothing(root: Path):
    """Somebody swaps a directory for a link to the outside all the time while it is read."""
    outside = root.parent / "outside"
    outside.mkdir()
    (outside / "a.json").write_text("secret")
    (root / "link").symlink_to(outside)
    over = threading.Event()

    def swap() -> None:
        while not over.is_set():
            (root / "sub").rename(root / "aside")
            (root / "link").rename(root / "sub")
            (root / "sub").rename(root / "link")
            (root / "aside").rename(root / "sub")

    swapping = threading.Thread(target=swap)
    swapping.start()
    try:
        seen: set[bytes | str] = set()
        for _ in range(3000):
            try:
                seen.add(Folder(root).read("sub/a.json", MUCH))
            except FileTrouble as trouble:
                seen.add(str(trouble))
    finally:
        over.set()
        swapping.join()
    assert {content for content in seen if isinstance(content, bytes)} == {b"[1]"}


def test_only_regular_files_are_read(root: Path):
    os.mkfifo(root / "pipe")
    assert refusal(root, "pipe") == "pipe is not a regular file"
    assert refusal(root, "sub") == "sub is not a regular file"
    assert refusal(root, ".") == ". is not a regular file"


def test_a_file_that_cannot_be_had_is_refused_with_the_reason(root: Path):
    (root / "circle").symlink_to("circle")
    assert refusal(root, "b.json") == "b.json does not exist"
    assert refusal(root, "sub/a.json/b") == "sub/a.json/b: Not a directory"
    assert refusal(root, "x" * 300) == f"{'x' * 300}: File name too long"
    assert "circle" in refusal(root, "circle")
    assert "cannot be the name of a file" in refusal(root, "\ud800")


def test_a_file_that_is_too_large_is_refused(root: Path):
    (root / "large").write_bytes(b"x" * 11)
    assert len(Folder(root).read("large", 11)) == 11
    with pytest.raises(FileTrouble, match="large is larger than the 10 bytes that can be read"):
        Folder(root).read("large", 10)


def test_a_file_that_pretends_to_be_empty_is_bounded_as_well():
    with pytest.raises(FileTrouble, match="larger than the 10 bytes"):
        Folder(Path("/proc/self")).read("status", 10)


def test_a_folder_that_is_not_there_is_named(tmp_path: Path):
    assert refusal(tmp_path / "no", "a").startswith(f"the folder for files, {tmp_path}/no, cannot be used")


def test_a_file_is_written_with_the_folders_that_lead_to_it(root: Path):
    assert Folder(root).write("x/y/z.json", [b"[1", b"]"], MUCH) == 3
    assert Folder(root).write("x/y/z.json", [b"[]"], MUCH) == 2
    assert [path.name for path in (root / "x" / "y").iterdir()] == ["z.json"]
    assert (root / "x" / "y" / "z.json").read_bytes() == b"[]"


def test_a_write_that_fails_leaves_what_was_there(root: Path):
    def failing() -> Iterator[bytes]:
        yield b"half"
        raise FileTrouble("the other half is missing")

    with pytest.raises(FileTrouble, match="the other half"):
        Folder(root).write("sub/a.json", failing(), MUCH)
    with pytest.raises(FileTrouble, match=r"sub/a\.json would be larger than the 10 bytes that can be written"):
        Folder(root).write("sub/a.json", [b"x" * 11], 10)
    assert [path.name for path in (root / "sub").iterdir()] == ["a.json"]
    assert (root / "sub" / "a.json").read_bytes() == b"[1]"


def test_what_is_in_the_way_of_a_write_is_named(root: Path):
    with pytest.raises(FileTrouble, match=r"sub/a\.json/b: "):
        Folder(root).write("sub/a.json/b", [b"x"], MUCH)
    with pytest.raises(FileTrouble, match="sub: "):
        Folder(root).write("sub", [b"x"], MUCH)
    assert [path.name for path in root.iterdir()] == ["sub"]
