"""`hashtape diff`: two recordings, or one and its version in git."""

from __future__ import annotations

import difflib
import json
import subprocess
from typing import TYPE_CHECKING

import click

from hashtape.cli.difference import differences
from hashtape.cli.output import count, json_option, print_json, print_line
from hashtape.cli.selection import SelectionError, directory_option, find_file, read_file
from hashtape.miss.difference import Absent
from hashtape.recording import InvalidRecordingError, Recording

if TYPE_CHECKING:
    from pathlib import Path

    from hashtape.codecs import Json
    from hashtape.miss import Change

__all__ = ["diff"]

_CONTEXT = 2
"""Lines around a difference in a long text."""
_MOST_CHANGES = 50
_MOST_CHARACTERS = 400
"""Of a value that is no text."""


@click.command()
@click.argument("recordings", nargs=-1, metavar="A [B]")
@directory_option
@click.option(
    "--git",
    "revision",
    is_flag=False,
    flag_value="HEAD",
    metavar="[REV]",
    help="Compare A with its version in git, that of HEAD unless another revision is named.",
)
@json_option
def diff(recordings: tuple[str, ...], directory: Path | None, revision: str | None, *, as_json: bool) -> None:
    """Show what changed between two recordings.

    In the request that is each field, in the answer the text and the tool calls; where those are the same,
    each field of it too. A and B are files or the first digits of ids. With --git, A is compared with what it
    was. Exit code 1 if they differ, 2 if they cannot be compared.

    \b
    Examples:
      hashtape diff 26e569a6 75ae2f58
      hashtape diff 26e569a6 --git
      hashtape diff 26e569a6 --git main~3
    """  # noqa: D301  (\b is click's)
    wanted = 2 if revision is None else 1
    if len(recordings) != wanted:
        expected = "two recordings" if wanted == 2 else "one recording before --git"
        raise click.UsageError(f"expected {expected}, got {len(recordings)}")
    path = find_file(recordings[0], directory)
    recording = read_file(path)
    if revision is None:
        other = find_file(recordings[1], directory)
        names, before, after = (str(path), str(other)), recording, read_file(other)
    else:
        names = f"{path} ({revision})", str(path)
        before, after = _version(path, revision), recording
    found = differences(before, after)
    if as_json:
        print_json({"a": names[0], "b": names[1], "changes": [_to_json(change) for change in found]})
    else:
        _print(names, found)
    if found:
        raise click.exceptions.Exit(1)


def _version(path: Path, revision: str) -> Recording:
    """A file as it is in git.

    Raises:
        SelectionError: It is not, or there it is no recording.
    """
    command = ["git", "-C", str(path.parent), "show", "--end-of-options", f"{revision}:./{path.name}"]
    try:
        shown = subprocess.run(command, capture_output=True, check=False)  # noqa: S603  (no shell)
    except OSError as error:
        raise SelectionError(
            f"{path}: expected git to show it, but git cannot be run ({error.strerror})"
        ) from None
    if shown.returncode:
        said = shown.stderr.decode("utf-8", "replace").strip().splitlines() or ["no reason told"]
        raise SelectionError(f"{path}: expected a version of it in git at {revision}, got: {said[0]}")
    try:
        return Recording.from_text(shown.stdout)
    except InvalidRecordingError as error:
        raise SelectionError(f"{path} at {revision}: {error}") from None


def _to_json(change: Change) -> Json:
    told: dict[str, Json] = {"field": change.field}
    if not isinstance(change.recorded, Absent):
        told["a"] = change.recorded
    if not isinstance(change.now, Absent):
        told["b"] = change.now
    return told


def _print(names: tuple[str, str], found: list[Change]) -> None:
    if not found:
        print_line("no difference")
        return
    print_line(f"--- {names[0]}", style="bold")
    print_line(f"+++ {names[1]}", style="bold")
    for change in found[:_MOST_CHANGES]:
        print_line()
        print_line(change.field or "the recording", style="bold")
        for line in _lines(change):
            print_line(line, style={"-": "red", "+": "green"}.get(line[:1], "dim"))
    print_line()
    rest = len(found) - _MOST_CHANGES
    more = f", {rest} of them not shown: --json lists all" if rest > 0 else ""
    print_line(count(len(found), "difference") + more, style="dim")


def _lines(change: Change) -> list[str]:
    """A change as lines that begin with `-`, `+` or a space, as those of other tools do."""
    old, new = change.recorded, change.now
    if isinstance(old, str) and isinstance(new, str) and "\n" in old + new:
        lines = list(difflib.unified_diff(old.splitlines(), new.splitlines(), n=_CONTEXT, lineterm=""))[2:]
        return lines or [f"-{old!r}", f"+{new!r}"]
    return [
        f"{sign}{line}"
        for sign, value in (("-", old), ("+", new))
        if not isinstance(value, Absent)
        for line in _spelled(value)
    ]


def _spelled(value: Json) -> list[str]:
    if isinstance(value, str):
        return value.splitlines() or [""]
    text = json.dumps(value, ensure_ascii=False)
    return [text if len(text) <= _MOST_CHARACTERS else f"{text[:_MOST_CHARACTERS]}…"]
