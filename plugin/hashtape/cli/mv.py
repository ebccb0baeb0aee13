"""`hashtape mv`: recordings go along when a test, a module or a parameter gets another name."""

from __future__ import annotations

import re
from collections import defaultdict
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from hashtape.cli.output import count, json_option, print_json, print_line
from hashtape.errors import HashtapeError, RecordingFileError
from hashtape.recording import HttpRequest, InferenceRequest
from hashtape.recording_dir import RecordingDir

if TYPE_CHECKING:
    from collections.abc import Iterable

    from hashtape.cli.cassette_names import NodeId
    from hashtape.recording import Recording

__all__ = ["mv"]

_VCR_SUFFIXES = (".yaml", ".yml", ".json")
_PART = "::"
"""What stands before the name of a class or test."""
_NAME = re.compile(r"(?:models-)?([0-9a-f]{12,64})(?:-[0-9a-f]{8})?")


@dataclass(frozen=True, slots=True)
class _Move:
    """One file that is to go to another place.

    Args:
        source: The file.
        target: The file that it becomes; it may be the same.
        recording: What that holds.
        test_id: The test that it was of, None for a recording that names none.
    """

    source: Path
    target: Path
    recording: Recording
    test_id: str | None


@click.command()
@click.argument("old_node_id")
@click.argument("new_node_id")
@click.option(
    "--prefix", is_flag=True, help="OLD_NODE_ID is only how the node ids begin, wherever that ends."
)
@click.option(
    "--dir",
    "directories",
    multiple=True,
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Where the recordings are; may be repeated. [default: cassettes and recordings below here]",
)
@click.option("--dry-run", is_flag=True, help="Say what would be done, and do nothing.")
@json_option
def mv(
    old_node_id: str,
    new_node_id: str,
    *,
    prefix: bool,
    directories: tuple[Path, ...],
    dry_run: bool,
    as_json: bool,
) -> None:
    """Give the recordings of a test to the test that it is called now.

    The node id of the test is part of the name of each of its recordings. They get new names here, and new
    directories where those are named for the test; the answers stay as they are. A directory, file, class or
    parametrized test takes all tests in it along.

    Nothing is overwritten or merged: when anything is in the way, nothing is done. The exit code is 1 then,
    and when there are no such recordings.

    \b
    Examples:
      hashtape mv tests/test_a.py::test_old tests/test_a.py::test_new
      hashtape mv tests/test_a.py tests/chat/test_b.py --dry-run
      hashtape mv 'tests/test_a.py::test_x[gpt-4]' 'tests/test_a.py::test_x[gpt-5]'
    """  # noqa: D301  (\b is click's)
    from hashtape.cli.selection import recording_files
    from hashtape.redaction import Redactor

    redactor = Redactor()
    renaming = _Renaming(redactor.text(old_node_id), redactor.text(new_node_id), any_prefix=prefix)
    files = recording_files(directories)
    moves = _plan(files, renaming)
    _check_names(moves, renaming)
    _check(moves)
    _check_targets(files, moves)
    if not dry_run:
        _carry_out(moves)
    if as_json:
        print_json(
            {
                "moved": [
                    {"from": str(move.source), "to": str(move.target), "test_id": move.recording.test_id}  # type: ignore[dict-item]
                    for move in moves
                ],
                "dry_run": dry_run,
            }
        )
    else:
        _report(moves, renaming, dry_run=dry_run)
    if not moves:
        raise click.exceptions.Exit(1)


class _Renaming:
    """Which node ids get another name, and which.

    Args:
        old: The old node id, or how it begins.
        new: The new one.
        any_prefix: Whether `old` may end anywhere, and not only where a part of a node id does.
    """

    def __init__(self, old: str, new: str, *, any_prefix: bool) -> None:
        self.old, self.new = old.rstrip("/"), new.rstrip("/")
        self._any_prefix = any_prefix

    @property
    def names_a_place(self) -> bool:
        """Whether the old node id may be one: it has a test file or a directory in it."""
        return _PART in self.old or "/" in self.old or self.old.endswith(".py") or Path(self.old).is_dir()

    def __call__(self, test_id: str) -> str | None:
        """The new node id; None if this one stays."""
        rest = test_id.removeprefix(self.old)
        if not test_id.startswith(self.old):
            return None
        if rest and not self._any_prefix and not rest.startswith(("::", "[", "/")):
            return None
        return self.new + rest


# --- Planning --------------------------------------------------------------------------------------------


def _plan(files: Iterable[Path], renaming: _Renaming) -> list[_Move]:
    moves: list[_Move] = []
    followed: dict[Path, Path] = {}
    rest: list[Path] = []
    for path in files:
        directory = RecordingDir(path.parent)
        try:
            test_id = directory.test_id_of(path)
        except (RecordingFileError, FileNotFoundError):
            continue  # another file, or one that `verify` will name
        renamed = renaming(test_id) if isinstance(test_id, str) else None
        if renamed is None:
            if not isinstance(test_id, str):
                rest.append(path)
            continue
        assert isinstance(test_id, str)  # noqa: S101  (otherwise it has no new name)
        target = RecordingDir(_directory(path.parent, test_id, renamed))
        if target.path != path.parent:
            followed[path.parent] = target.path
        recording = _renamed(directory.read(path), renamed)
        moves.append(_Move(path, target.path / _file_name(path, test_id, recording), recording, test_id))
    # What names no test goes along with the directory that is the test's.
    for path in rest:
        target_path = followed.get(path.parent) or _followed(path.parent, renaming)
        if target_path is not None:
            recording = RecordingDir(path.parent).read(path)
            moves.append(_Move(path, target_path / path.name, recording, None))
    return moves


def _followed(directory: Path, renaming: _Renaming) -> Path | None:
    """Where a directory goes whose recordings name no test; None unless it is named for one that moves."""
    from hashtape.cli.cassette_names import NodeId

    was, becomes = NodeId.parse(renaming.old), NodeId.parse(renaming.new)
    if was.name:
        names = _names(was, becomes)
        rest = directory.name.removeprefix(names[0])
        if not directory.name.startswith(names[0]) or (rest and rest[0] not in "[."):
            return None
        name = names[1] + rest
    else:
        name = directory.name
    return _in_layout(directory, was, becomes, name) if was.file.suffix == ".py" else None


def _names(was: NodeId, becomes: NodeId) -> list[str]:
    """The names of the directories of a test, before and after."""
    from hashtape.cli.cassette_names import cassette_name

    return [cassette_name(node.classes[-1] if node.classes else None, node.name) for node in (was, becomes)]


def _in_layout(directory: Path, was: NodeId, becomes: NodeId, name: str) -> Path | None:
    """The new directory, where the old one is as pytest-recording has it: `cassettes/<module>/<test>`."""
    inside = [(*node.file.parent.parts, "cassettes", node.file.stem) for node in (was, becomes)]
    here = Path.cwd()
    parts = (here / directory).parent.parts
    if parts[-len(inside[0]) :] != inside[0]:
        return None
    moved = Path(*parts[: -len(inside[0])], *inside[1], name)
    return moved.relative_to(here) if moved.is_relative_to(here) else moved


def _directory(directory: Path, old: str, new: str) -> Path:
    """Where the recordings of a test go; the same directory unless it is named for the test or its module."""
    from hashtape.cli.cassette_names import NodeId

    was, becomes = NodeId.parse(old), NodeId.parse(new)
    names = _names(was, becomes)
    if directory.name != names[0]:
        # default_cassette names another one, which is below the module's directory all the same.
        return _in_layout(directory, was, becomes, directory.name) or directory
    moved = _in_layout(directory, was, becomes, names[1])
    if moved is not None:
        return moved
    # In a place of the project's own, often still by module.
    parent = directory.parent
    if parent.name == was.file.stem:
        parent = parent.with_name(becomes.file.stem)
    return parent / names[1]


def _renamed(recording: Recording, test_id: str) -> Recording:
    request = recording.request
    if isinstance(request, HttpRequest):
        request = replace(request, test_id=test_id)
    return replace(recording, test_id=test_id, request=request)


def _file_name(path: Path, old: str, recording: Recording) -> str:
    """The name under its new id, of the revision that the old one has; another name stays (spec §2, §6)."""
    from hashtape.request_id import id_of

    request, match = recording.request, _NAME.fullmatch(path.stem)
    if match is None or not isinstance(request, (HttpRequest, InferenceRequest)):
        return path.name
    revision = 2 if match[1] == id_of(request, old, revision=2) != id_of(request, old) else 1
    new = id_of(request, recording.test_id if isinstance(recording.test_id, str) else None, revision)
    return path.name.replace(match[1], new)


# --- Doing it --------------------------------------------------------------------------------------------


def _check_names(moves: list[_Move], renaming: _Renaming) -> None:
    """Make sure that tests become tests, and files or directories the same.

    Raises:
        HashtapeError: One becomes the other, and nothing would play the recordings.
    """
    into_test = _PART in renaming.new and _PART not in renaming.old
    new_ids = {str(move.recording.test_id) for move in moves if move.test_id is not None}
    if into_test or any(_PART not in new_id for new_id in new_ids):
        raise HashtapeError(
            f"{renaming.new}: expected what {renaming.old} is, a test by its full node id, "
            "tests/test_a.py::test_two, or else a file or directory. Nothing was changed"
        )


def _check(moves: list[_Move]) -> None:
    """Make sure that nothing is in the way.

    Raises:
        HashtapeError: Something is.
    """
    targets: dict[Path, Path] = {}
    for move in moves:
        first = targets.setdefault(move.target, move.source)
        if first != move.source:
            raise HashtapeError(
                f"{move.target}: expected one recording for this name, got two ({first} and {move.source}). "
                "Nothing was changed; move the tests one by one"
            )
        if move.target != move.source and move.target.exists() and not _is_the_same(move):
            raise HashtapeError(
                f"{move.target}: expected no such recording, got one, and nothing is overwritten. "
                f"Nothing was changed; delete it or {move.source}"
            )


def _check_targets(files: Iterable[Path], moves: list[_Move]) -> None:
    """Make sure that no test gets recordings that already has some.

    Raises:
        HashtapeError: One has.
    """
    # Of a run that was killed: it had written all files before it deleted the first one.
    if all(move.target.exists() and _is_the_same(move) for move in moves):
        return
    tests = {move.recording.test_id for move in moves if move.test_id is not None}
    new_directories = {move.target.parent: move for move in moves if move.target.parent != move.source.parent}
    ours = {path.resolve() for move in moves for path in (move.source, move.target)}
    in_the_way: defaultdict[tuple[Path, str], int] = defaultdict(int)
    beside = (path for directory in new_directories for path in RecordingDir(directory).files())
    for path in {path.resolve(): path for path in (*files, *beside)}.values():
        if path.resolve() in ours:
            continue
        try:
            test_id = RecordingDir(path.parent).test_id_of(path)
        except (RecordingFileError, FileNotFoundError):
            continue
        if not isinstance(test_id, str) and path.parent in new_directories:
            test_id = new_directories[path.parent].recording.test_id  # its test plays what names none
        if isinstance(test_id, str) and test_id in tests:
            in_the_way[path.parent, test_id] += 1
    for (directory, test_id), number in in_the_way.items():
        raise HashtapeError(
            f"{directory}: expected no recordings of {test_id}, got {number}, and nothing is merged. "
            "Nothing was changed; delete them if that test is to have the others instead"
        )


def _is_the_same(move: _Move) -> bool:
    """Whether the target holds this very recording: an earlier run was killed between two steps."""
    try:
        return RecordingDir(move.target.parent).read(move.target).to_json() == move.recording.to_json()
    except RecordingFileError:
        return False


def _carry_out(moves: list[_Move]) -> None:
    """Write each recording to its new place before it goes from the old one: none is ever missing."""
    for move in moves:
        target = RecordingDir(move.target.parent)
        target.make()
        target.write(move.target, move.recording)
    for move in moves:
        if move.source != move.target:
            RecordingDir(move.source.parent).delete(move.source)
    for directory in dict.fromkeys(move.source.parent for move in moves):
        RecordingDir(directory).remove_if_empty()
        with suppress(OSError):
            directory.parent.rmdir()  # that of the module, when no test is left in it


def _report(moves: list[_Move], renaming: _Renaming, *, dry_run: bool) -> None:
    if not moves:
        hint = "" if renaming.names_a_place else ". Expected a full node id, as tests/test_a.py::test_two is"
        print_line(f"No recordings of {renaming.old}: nothing to move{hint}.", err=True)
        return
    for move in moves:
        print_line(f"{move.source} -> {move.target}" if move.source != move.target else f"{move.source}")
    for left in _left_behind(moves):
        print_line(f"{left}: stays, as it is a cassette of vcrpy; convert it first", style="yellow")
    tests = len({move.test_id for move in moves} - {None})
    verb = "Would move" if dry_run else "Moved"
    recordings = count(len(moves), "recording")
    print_line(f"{verb} {recordings} of {count(tests, 'test')} to {renaming.new}.", style="bold")


def _left_behind(moves: list[_Move]) -> list[Path]:
    """The cassettes of vcrpy beside directories that move."""
    sources = dict.fromkeys(move.source.parent for move in moves if move.source.parent != move.target.parent)
    files = [source.with_name(source.name + suffix) for source in sources for suffix in _VCR_SUFFIXES]
    return [file for file in files if file.is_file()]
