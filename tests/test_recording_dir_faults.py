"""A directory of recordings where the disk, the permissions, other processes or strangers interfere."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
from contextlib import contextmanager

import pytest

from hashtape.errors import CassetteDirectoryError, RecordingFileError
from hashtape.recording import Answer, HttpRequest, Recording
from hashtape.recording_dir import RecordingDir

AS_ROOT = hasattr(os, "geteuid") and os.geteuid() == 0
NOBODY = 65534
NAME = f"{'0' * 64}.json"
OLD, NEW = "old", "new " * 50_000

needs_posix = pytest.mark.skipif(os.name != "posix", reason="needs the file system of a POSIX system")

WRITE = """
import os, sys
from pathlib import Path
from hashtape.errors import CassetteDirectoryError
from hashtape.recording import Answer, HttpRequest, Recording
from hashtape.recording_dir import RecordingDir

def recording(text):
    return Recording(None, HttpRequest("GET", "https://cars.example/", None), Answer(text))

path, new = Path(sys.argv[1]), recording(sys.stdin.read())
"""


def recording(text=OLD):
    return Recording(None, HttpRequest("GET", "https://cars.example/", None), Answer(text))


def names(path):
    return sorted(entry.name for entry in path.iterdir())


@pytest.fixture
def directory(tmp_path):
    made = RecordingDir(tmp_path / "calls")
    made.make()
    return made


@pytest.fixture
def old(directory):
    """The path of a recording that is there already."""
    directory.write(directory.path / NAME, recording())
    return directory.path / NAME


@contextmanager
def mounted(path, *options):
    """A file system of its own at a path, where mounting is permitted."""
    command = ["mount", "-t", "tmpfs", *options, "tmpfs", str(path)]
    if not AS_ROOT or not shutil.which("mount") or subprocess.run(command, capture_output=True).returncode:
        pytest.skip("mounting a file system is not permitted here")
    try:
        yield
    finally:
        subprocess.run(["umount", str(path)], check=True)


def run(script, path, cwd=None):
    """Run a script in a process of its own; return what it printed."""
    command = [sys.executable, "-c", WRITE + script, str(path)]
    done = subprocess.run(command, input=NEW, capture_output=True, text=True, cwd=cwd)
    assert done.returncode == 0, done.stderr
    return done.stdout


# --- No room, no permission ------------------------------------------------------------------------------


def test_a_full_disk_is_an_error_that_names_the_file_and_keeps_the_old_one(directory):
    with mounted(directory.path, "-o", "size=32k"):
        path = directory.path / NAME
        directory.write(path, recording())
        for target in (path, path.with_name("another.json")):
            with pytest.raises(CassetteDirectoryError) as caught:
                directory.write(target, recording(NEW))
            assert str(caught.value) == (
                f"{target}: expected to write a recording, got: No space left on device. "
                f"Nothing was changed; check the free space and the permissions of {directory.path}, "
                f"then record again"
            )
        assert directory.read(path) == recording()
        assert names(directory.path) == [NAME]
        directory.write(path, recording("less"))
        assert directory.read(path) == recording("less")


def test_a_limit_on_the_size_is_an_error_and_keeps_the_old_one(directory, old):
    pytest.importorskip("resource")
    script = """
import resource
resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
for target in (path, path.with_name("another.json")):
    try:
        RecordingDir(path.parent).write(target, new)
    except CassetteDirectoryError as error:
        print(error)
"""
    lines = run(script, old).splitlines()
    assert len(lines) == 2
    assert all("expected to write a recording, got: File too large" in line for line in lines)
    assert directory.read(old) == recording()
    assert names(directory.path) == [NAME]


def test_a_file_system_that_is_read_only_is_an_error_before_anything_is_paid_for(directory):
    with mounted(directory.path, "-o", "size=1m"):
        path = directory.path / NAME
        directory.write(path, recording())
        subprocess.run(["mount", "-o", "remount,ro", str(directory.path)], check=True)
        with pytest.raises(CassetteDirectoryError, match="mounted read-only: record to another place"):
            directory.make()
        with pytest.raises(CassetteDirectoryError, match="Read-only file system"):
            directory.write(path, recording(NEW))
        with pytest.raises(CassetteDirectoryError, match="Read-only file system"):
            RecordingDir(directory.path / "deeper").make()
        assert directory.read(path) == recording()
        assert names(directory.path) == [NAME]


BECOME_NOBODY = f"""
if os.geteuid() == 0:
    os.setgid({NOBODY})
    os.setuid({NOBODY})
directory = RecordingDir(path.parent)
"""


@needs_posix
def test_a_directory_that_may_not_be_written_is_an_error_and_keeps_the_old_file(tmp_path, directory, old):
    script = """
tries = [
    directory.make,
    lambda: directory.write(path, new),
    lambda: directory.write(path.with_name("another.json"), new),
    RecordingDir(path.parent / "deeper").make,
]
for attempt in tries:
    try:
        attempt()
    except CassetteDirectoryError as error:
        print(error)
"""
    tmp_path.chmod(0o755)
    directory.path.chmod(0o555)
    try:
        lines = run(BECOME_NOBODY + script, f"calls/{NAME}", cwd=tmp_path).splitlines()
    finally:
        directory.path.chmod(0o755)
    denied = (
        "expected to write a recording, got: Permission denied. "
        "Nothing was changed; check the free space and the permissions of calls, then record again"
    )
    read_only = (
        "calls: expected a directory to record to, got one that is read-only. "
        "Change its permissions: chmod u+wx calls"
    )
    not_made = (
        "calls/deeper: expected to make this directory for new recordings, got: Permission denied. "
        "Check the permissions of the nearest directory that exists, or choose another directory"
    )
    assert lines == [
        read_only,
        f"calls/{NAME}: {denied}",
        f"calls/another.json: {denied}",
        not_made,
    ]
    assert directory.read(old) == recording()
    assert names(directory.path) == [NAME]


@needs_posix
def test_a_directory_that_may_be_written_and_not_listed_is_written(tmp_path, directory):
    script = """
directory.write(path, new)
directory.write(path, recording("newer"))
"""
    tmp_path.chmod(0o755)
    directory.path.chmod(0o333)
    try:
        run(BECOME_NOBODY + script, f"calls/{NAME}", cwd=tmp_path)
    finally:
        directory.path.chmod(0o755)
    assert directory.read(directory.path / NAME) == recording("newer")
    assert names(directory.path) == [NAME]


# --- A directory that is no longer there -----------------------------------------------------------------


def test_a_directory_that_vanished_is_made_again(directory, old):
    shutil.rmtree(directory.path.parent)
    directory.write(old, recording("new"))
    assert directory.read(old) == recording("new")
    assert names(directory.path) == [NAME]


def test_nothing_is_made_again_to_delete_something(directory, old):
    found = directory.read_stamped(old)
    shutil.rmtree(directory.path)
    assert directory.update(old, None, found.stamps[old], lambda theirs: theirs) is None
    assert not directory.path.exists()


def test_a_directory_that_became_a_file_is_an_error_that_names_it(directory):
    directory.path.rmdir()
    directory.path.write_text("mine")
    with pytest.raises(CassetteDirectoryError) as caught:
        directory.write(directory.path / NAME, recording())
    assert str(caught.value) == (
        f"{directory.path}: expected a directory of recordings, got a file. "
        f"Move it out of the way: mv {directory.path} {directory.path}.bak"
    )
    assert directory.path.read_text() == "mine"


# --- What killed processes leave ---------------------------------------------------------------------------


@pytest.mark.parametrize("use", ["make", "write"])
def test_what_a_killed_process_left_beside_is_gone_when_the_next_one_records(directory, old, use):
    left = directory.path / ".hashtape.tmp"
    left.write_text('{"half')
    if use == "make":
        directory.make()
    else:
        directory.write(old, recording("new"))
    assert names(directory.path) == [NAME]


@pytest.mark.parametrize("has_locks", [True, False], ids=["locks", "no-locks"])
@pytest.mark.parametrize("has_links", [True, False], ids=["links", "no-links"])
def test_writing_is_the_same_where_the_file_system_can_do_less(monkeypatch, directory, has_locks, has_links):
    def refuse(*_, **__):
        raise PermissionError

    if not has_locks:
        monkeypatch.setattr(pytest.importorskip("fcntl"), "flock", refuse)
    if not has_links:
        monkeypatch.setattr(os, "link", refuse)
    path = directory.path / NAME
    for text in ("first", "second"):
        directory.write(path, recording(text))
        assert directory.read(path) == recording(text)
        assert names(directory.path) == [NAME]
    path.unlink()
    path.mkdir()
    (path / "kept").touch()
    with pytest.raises(CassetteDirectoryError):
        directory.write(path, recording())
    assert names(directory.path) == [NAME]


def test_without_locks_only_what_is_old_is_taken_for_left_behind(monkeypatch, directory):
    def refuse(*_):
        raise OSError(37, os.strerror(37))

    monkeypatch.setattr(pytest.importorskip("fcntl"), "flock", refuse)
    for name in (".hashtape.1.old.tmp", ".hashtape.2.new.tmp", ".mine.tmp"):
        (directory.path / name).touch()
    os.utime(directory.path / ".hashtape.1.old.tmp", (0, 0))
    os.utime(directory.path / ".mine.tmp", (0, 0))
    directory.make()
    assert names(directory.path) == [".hashtape.2.new.tmp", ".mine.tmp"]


# --- Links -------------------------------------------------------------------------------------------------


@needs_posix
@pytest.mark.parametrize("is_relative", [False, True], ids=["absolute", "relative"])
def test_a_link_to_outside_is_not_followed(tmp_path, directory, is_relative):
    outside = tmp_path / "secret.json"
    outside.write_text(recording("secret").to_text())
    link = directory.path / "a.json"
    link.symlink_to("../secret.json" if is_relative else outside)
    for use in (directory.read, directory.test_id_of, lambda _: directory.find(["a"])):
        with pytest.raises(RecordingFileError) as caught:
            use(link)
        assert str(caught.value) == (
            f"{link}: expected a recording, got a link to {outside}, which is outside of the directory. "
            f"Delete the link; where the recording is wanted, put a copy of it there"
        )
    broken = {}
    assert list(directory.scan(None, broken)) == []
    assert list(broken) == [link]


@needs_posix
def test_writing_replaces_a_link_and_not_what_it_names(tmp_path, directory):
    outside = tmp_path / "secret.json"
    outside.write_text("mine")
    path = directory.path / "a.json"
    path.symlink_to(outside)
    directory.write(path, recording("new"))
    assert outside.read_text() == "mine"
    assert not path.is_symlink()
    assert directory.read(path) == recording("new")


@needs_posix
def test_what_is_beside_is_not_written_through_a_link(tmp_path, directory, old):
    outside = tmp_path / "mine.txt"
    outside.write_text("mine")
    (directory.path / ".hashtape.tmp").symlink_to(outside)
    directory.write(old, recording("new"))
    assert outside.read_text() == "mine"
    assert names(directory.path) == [NAME]


@needs_posix
def test_a_link_to_a_file_within_is_followed(directory, old):
    for name, target in (("a.json", NAME), ("b.json", old), ("c.json", "a.json")):
        (directory.path / name).symlink_to(target)
        assert directory.find([name.removesuffix(".json")]).recording == recording()


@needs_posix
def test_a_link_to_nothing_within_is_missing(directory):
    (directory.path / "a.json").symlink_to("gone.json")
    assert directory.find(["a"]) is None


@needs_posix
def test_a_link_to_nothing_is_replaced(directory):
    path = directory.path / "a.json"
    path.symlink_to("nowhere.json")
    directory.update(path, recording(), None, lambda there: pytest.fail(f"merged with {there}"))
    assert directory.read(path) == recording()
    assert not path.is_symlink()


def test_a_link_to_itself_is_an_error(directory):
    (directory.path / "a.json").symlink_to("a.json")
    with pytest.raises(RecordingFileError, match="cannot be read"):
        directory.find(["a"])


@needs_posix
def test_the_directory_itself_may_be_a_link(tmp_path, directory, old):
    (directory.path / "a.json").symlink_to(NAME)
    link = tmp_path / "link"
    link.symlink_to(directory.path)
    linked = RecordingDir(link)
    assert linked.find([old.stem]).recording == linked.find(["a"]).recording == recording()
    linked.write(link / "b.json", recording("new"))
    assert directory.read(directory.path / "b.json") == recording("new")


# --- What is no file, or too much of one -------------------------------------------------------------------


@needs_posix
@pytest.mark.parametrize("through", ["itself", "a link"])
def test_a_named_pipe_is_not_waited_for(directory, through):
    path = directory.path / "a.json"
    os.mkfifo(path)
    if through == "a link":
        path = directory.path / "b.json"
        path.symlink_to("a.json")
    for use in (directory.read, directory.test_id_of):
        with pytest.raises(RecordingFileError, match=r"cannot be read \(a named pipe\)"):
            use(path)
    assert directory.belongs(path, {None})


@needs_posix
def test_a_socket_is_an_error(directory, monkeypatch):
    monkeypatch.chdir(directory.path)  # the name of a socket may not be long
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind("a.json")
        with pytest.raises(RecordingFileError, match="cannot be read"):
            directory.find(["a"])


def test_a_device_is_an_error(directory):
    if not AS_ROOT or not hasattr(os, "mknod"):
        pytest.skip("only root makes devices")
    try:
        os.mknod(directory.path / "a.json", 0o666 | 0o020000, os.makedev(1, 5))  # /dev/zero
    except PermissionError:
        pytest.skip("devices are not permitted here")
    with pytest.raises(RecordingFileError, match="cannot be read"):
        directory.find(["a"])


def test_a_huge_file_is_an_error_that_says_so(directory):
    path = directory.path / "a.json"
    with path.open("wb") as file:
        file.truncate(600 << 20)
    with pytest.raises(RecordingFileError) as caught:
        directory.find(["a"])
    assert str(caught.value) == (
        f"{path}: expected a recording of 512 MB at most, got a file of 600.0 MB. "
        f"Delete it; before_record_response leaves such answers out of a cassette"
    )
