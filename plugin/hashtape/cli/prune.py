"""`hashtape prune`: delete the recordings that the last full test run did not use."""

from __future__ import annotations

import json
import sys
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import click

from hashtape.cli.bystanders import Bystanders, bystanders
from hashtape.cli.output import count, human_size, json_option, print_json, print_line
from hashtape.errors import RecordingFileError
from hashtape.recording_dir import RecordingDir
from hashtape.unused import FullRun

if TYPE_CHECKING:
    from collections.abc import Iterable

    from hashtape.unused import UnusedRecording

__all__ = ["prune"]

_CACHE = ".pytest_cache"
_RECORD = Path("v", "hashtape", "used")


class _NoAnswerError(click.ClickException):
    """It is not known what is unused, or nobody said yes. Nothing was deleted, so the exit code is not 1."""

    exit_code = 2


@click.command()
@click.argument("paths", nargs=-1, metavar="[PATH]...", type=click.Path(path_type=Path, exists=True))
@click.option("--dry-run", is_flag=True, help="Delete nothing; exit with 1 if something would be deleted.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option(
    "--cache-dir",
    type=click.Path(path_type=Path),
    help=f"pytest's cache directory. Default: {_CACHE} here or in the nearest directory above.",
)
@json_option
def prune(
    paths: tuple[Path, ...],
    dry_run: bool,  # noqa: FBT001  (click passes options so)
    yes: bool,  # noqa: FBT001
    cache_dir: Path | None,
    as_json: bool,  # noqa: FBT001
) -> None:
    """Delete the recordings that the last full test run did not use.

    A full run is one of the whole suite, without -k, -m or paths, in which no test failed. A recording goes
    if its test passed without it, or if there is no such test any more. Those of skipped tests stay, and what
    that run cannot tell of is counted. Whatever changed since that run stops the command.

    \b
    Examples:
      pytest && hashtape prune --dry-run
      hashtape prune
      hashtape prune --yes tests/cassettes/test_chat
    """  # noqa: D301  (\b is click's)
    run = _last_full_run(cache_dir)
    unused = _unused(run, paths)
    others = bystanders(run, unused, paths)
    if not as_json:
        _print(unused, others)
    if unused and not dry_run:
        if not yes:
            _ask(unused, as_json=as_json)
        unused = [recording for recording in unused if _delete(recording.path)]
    if as_json:
        _print_json(unused, others, is_deleted=not dry_run)
    elif unused and not dry_run:
        print_line(f"Deleted {count(len(unused), 'recording')}.")
    if unused and dry_run:
        sys.exit(1)


def _unused(run: FullRun, paths: Iterable[Path]) -> list[UnusedRecording]:
    places = [path.resolve() for path in paths]
    unused = [
        recording
        for recording in run.unused()
        if not places or any(recording.path.resolve().is_relative_to(place) for place in places)
    ]
    changed = run.changed_since(unused)
    if changed is not None:
        raise _NoAnswerError(
            f"{_shown(changed)} is newer than the last full test run, which therefore does not say what is "
            "unused. Run all tests again: pytest"
        )
    return unused


def _last_full_run(cache_dir: Path | None) -> FullRun:
    """What the last full run used.

    Raises:
        _NoAnswerError: There is no such record, or it cannot be read.
    """
    here = Path.cwd()
    caches = [cache_dir] if cache_dir else [parent / _CACHE for parent in (here, *here.parents)]
    for cache in caches:
        with suppress(FileNotFoundError, NotADirectoryError):
            try:
                return FullRun.from_json(json.loads((cache / _RECORD).read_text(encoding="utf-8")))
            except (OSError, ValueError) as error:
                if isinstance(error, (FileNotFoundError, NotADirectoryError)):
                    raise
                raise _NoAnswerError(
                    f"{cache / _RECORD}: expected what the last full test run used, got something that "
                    f"cannot be read ({error}). Run all tests again: pytest"
                ) from None
    raise _NoAnswerError(
        f"expected what the last full test run used in {cache_dir or _CACHE}, got nothing. "
        "Run all tests first, without -k, -m or paths, until none fails: pytest"
    )


def _ask(unused: list[UnusedRecording], *, as_json: bool) -> None:
    if as_json or not sys.stdin.isatty():
        raise _NoAnswerError(
            "nothing was deleted: say --yes to delete these recordings, or --dry-run to look"
        )
    if not click.confirm(f"Delete {count(len(unused), 'recording')}?"):
        raise _NoAnswerError("nothing was deleted")


def _delete(path: Path) -> bool:
    """Delete a recording, unless somebody writes to it just now; its directory too, if it was the last."""
    directory = RecordingDir(path.parent)
    with suppress(FileNotFoundError, RecordingFileError):
        stamp = directory.read_stamped(path).stamps[path]
        directory.update(path, None, stamp, lambda theirs: theirs)
    directory.remove_if_empty()
    return not path.exists()


def _print(unused: list[UnusedRecording], others: Bystanders) -> None:
    if unused:
        _print_unused(unused)
    elif others.used:
        print_line(f"{count(others.used, 'recording')} checked: all used in the last full run.")
    else:
        print_line("No recording here was used in the last full run, and none is known to be unused.")
    for line in others.lines(_shown):
        print_line(line, style="yellow")


def _print_unused(unused: list[UnusedRecording]) -> None:
    size = sum(recording.path.stat().st_size for recording in unused)
    print_line(
        f"Not used in the last full run: {count(len(unused), 'recording')}, {human_size(size)}", style="bold"
    )
    for recording in unused:
        why = "no such test" if recording.is_test_gone else "passed without it"
        print_line(f"{_shown(recording.path)}  {recording.test_id or 'no test named'}: {why}")


def _print_json(unused: list[UnusedRecording], others: Bystanders, *, is_deleted: bool) -> None:
    print_json(
        {
            "unused": [
                {
                    "path": _shown(recording.path),
                    "test_id": recording.test_id,
                    "is_test_gone": recording.is_test_gone,
                }
                for recording in unused
            ],
            "is_deleted": is_deleted,
            "kept": others.to_json(),
        }
    )


def _shown(path: Path) -> str:
    """A path as seen from here, if it is below."""
    here = Path.cwd()
    return str(path.relative_to(here) if path.is_relative_to(here) else path)
