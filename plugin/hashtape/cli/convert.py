"""`hashtape convert`: cassettes of vcrpy into recordings, and back."""

from __future__ import annotations

import os
import shlex
import sys
import tempfile
from collections import defaultdict
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from hashtape.cli.output import count, human_size, json_option, print_json, print_line
from hashtape.errors import HashtapeError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from hashtape.cli.placing import Suite
    from hashtape.vcr_adapter.yaml_conversion import Converter

__all__ = ["convert"]

_T = TypeVar("_T")
_SKIPPED = frozenset({"__pycache__", "node_modules", "site-packages"})
_LONGEST_LIST = 5


@dataclass(slots=True)
class _Outcome:
    """What became of one cassette.

    Args:
        path: The cassette that was read.
        target: What stands for it now: a directory of recordings, or a YAML file.
        state: `converted`, `unchanged` (it was there already), `empty` (nothing was in it), `skipped` (it is
            another tool's), `no cassette` (there are no interactions in it), or `failed`.
    """

    path: str
    target: str | None = None
    test_id: str | None = None
    state: str = "failed"
    interactions: int = 0
    recordings: int = 0
    size_before: int = 0
    size_after: int = 0
    is_deleted: bool = False
    secrets: list[dict[str, str]] = field(default_factory=list)
    not_kept: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)


@click.command()
@click.argument(
    "paths", nargs=-1, required=True, type=click.Path(exists=True, path_type=Path), metavar="PATH..."
)
@click.option(
    "--to",
    "direction",
    type=click.Choice(["recordings", "yaml"]),
    default="recordings",
    show_default=True,
    help="What to make: recordings of cassettes, or of directories of recordings one YAML cassette each.",
)
@click.option(
    "--dry-run", is_flag=True, help="Say what would be done, and whether it would work; write nothing."
)
@click.option(
    "--delete",
    is_flag=True,
    help="Delete each cassette whose recordings play the same status and body.",
)
@click.option("--no-collect", is_flag=True, help="Do not ask pytest which test a cassette is of.")
@json_option
def convert(
    paths: tuple[Path, ...],
    *,
    direction: str,
    dry_run: bool,
    delete: bool,
    no_collect: bool,
    as_json: bool,
) -> None:
    """Turn cassettes of vcrpy into recordings, beside which they may stay.

    PATH is a cassette, or a directory to look for cassettes in. Each becomes a directory of the same name
    without its suffix. pytest collects the tests, and runs none, so that a recording names its test; where it
    is not clear whose cassette it is, the recordings name none and play all the same.

    Every answer is played back and compared with what vcrpy would give. Response headers that are not kept
    are named. Secrets are taken out, and named. Below a directory, files of other tools are skipped, and
    named. The exit code is 1 if a cassette could not be converted.

    \b
    Examples:
      hashtape convert tests --dry-run
      hashtape convert tests --delete
      hashtape convert tests/cassettes/test_chat/test_hello --to yaml
    """  # noqa: D301  (\b is click's)
    if direction == "yaml":
        if delete:
            raise click.UsageError("--delete is for cassettes of vcrpy: expected it without --to yaml.")
        directories = _recording_directories(paths)
        outcomes = _each(directories, lambda path: _to_yaml(path, dry_run=dry_run), quiet=as_json)
    else:
        outcomes = _to_recordings(
            paths, dry_run=dry_run, delete=delete, collects=not no_collect, quiet=as_json
        )
    if as_json:
        print_json({"cassettes": [asdict(outcome) for outcome in outcomes], "dry_run": dry_run})
    else:
        _report(outcomes, direction, dry_run=dry_run, delete=delete)
    if any(outcome.state == "failed" for outcome in outcomes):
        sys.exit(1)


def _each(items: Sequence[_T], work: Callable[[_T], _Outcome], *, quiet: bool) -> list[_Outcome]:
    """Do the work for each item, with a progress bar on a terminal."""
    if quiet or not sys.stderr.isatty():
        return [work(item) for item in items]
    from rich.console import Console
    from rich.progress import track

    console = Console(stderr=True)
    return [work(item) for item in track(items, "Converting", console=console, transient=True)]


@contextmanager
def _waiting(what: str, *, quiet: bool) -> Iterator[None]:
    """Say what takes so long, on a terminal."""
    if quiet or not sys.stderr.isatty():
        yield
        return
    from rich.console import Console

    with Console(stderr=True).status(what):
        yield


# --- To recordings ---------------------------------------------------------------------------------------


def _to_recordings(
    paths: Sequence[Path], *, dry_run: bool, delete: bool, collects: bool, quiet: bool
) -> list[_Outcome]:
    from hashtape.cli.placing import Suite, collect
    from hashtape.vcr_adapter.other_formats import OtherFormatError
    from hashtape.vcr_adapter.yaml_conversion import Converter

    cassettes, packed, strange = _cassettes(paths)
    with _waiting("pytest collects the tests", quiet=quiet):
        suite = collect(cassettes) if collects and cassettes else Suite()
    for name in suite.errors:
        print_line(f"{name}: pytest cannot import it, so its recordings will name no test", err=True)
    options = suite.options
    converter = Converter(
        secret_names=options.get("secret_names", ()),
        not_secret=options.get("not_secret", ()),
        response_headers=options.get("response_headers", ()),
    )

    def work(path: Path) -> _Outcome:
        outcome = _Outcome(str(path), size_before=path.stat().st_size)
        try:
            _convert(path, outcome, suite, converter, dry_run=dry_run)
        except OtherFormatError as error:
            if path in paths:  # the user took it for a cassette
                outcome.problems.append(str(error))
            else:
                outcome.state = "skipped"
                outcome.notes.append(error.got)
        except (HashtapeError, OSError) as error:
            outcome.problems.append(str(error))
        if outcome.problems:
            outcome.state = "failed"
        elif delete and not dry_run and outcome.state in {"converted", "unchanged"}:
            path.unlink()
            outcome.is_deleted = True
        return outcome

    skipped = [_Outcome(str(path), state="skipped", notes=["a compressed file"]) for path in packed]
    skipped += [_Outcome(str(path), state="no cassette") for path in strange]
    return [*_each(cassettes, work, quiet=quiet), *skipped]


def _convert(path: Path, outcome: _Outcome, suite: Suite, converter: Converter, *, dry_run: bool) -> None:
    from hashtape.vcr_adapter.paths import cassette_directory
    from hashtape.vcr_adapter.yaml_cassettes import read_cassette

    interactions = read_cassette(path)
    outcome.interactions = len(interactions)
    if not interactions:
        outcome.state = "empty"
        return
    if cassette_directory(path) == path:
        outcome.problems.append(_needs_suffix(path))
        return
    place = suite.place(path)
    if place.directory is None:
        outcome.problems.append(f"{path}: expected a test whose cassette this is, got none or several")
        return
    outcome.target, outcome.test_id = str(place.directory), place.test_id
    with _scratch(place.directory) if dry_run else _as_it_is(place.directory) as directory:
        done = converter.convert(interactions, directory, place.test_id, is_shared=suite.is_shared)
    outcome.recordings, outcome.size_after = done.recordings, done.size
    outcome.state = "converted" if done.written else "unchanged"
    outcome.secrets = [
        {"where": finding.where, "kind": finding.kind, "what": finding.what} for finding in done.findings
    ]
    outcome.not_kept = sorted(done.not_kept)
    outcome.problems += done.differences


def _needs_suffix(path: Path) -> str:
    suffix = ".json" if path.read_text(encoding="utf-8").lstrip().startswith("{") else ".yaml"
    old, new = shlex.quote(str(path)), shlex.quote(f"{path}{suffix}")
    return (
        f"{path}: expected a cassette with the suffix .yaml, .yml or .json, got none of these, and its "
        "recordings need that name for their directory. Rename it, also where a program names it for vcrpy: "
        f"mv {old} {new}"
    )


@contextmanager
def _as_it_is(directory: Path) -> Iterator[Path]:
    yield directory


@contextmanager
def _scratch(directory: Path) -> Iterator[Path]:
    """A copy of a directory of recordings, to try things on."""
    with tempfile.TemporaryDirectory() as name:
        copy = Path(name) / "recordings"
        if directory.is_dir():
            copy.mkdir()
            for path in directory.glob("*.json"):
                (copy / path.name).write_bytes(path.read_bytes())
        yield copy


def _cassettes(paths: Sequence[Path]) -> tuple[list[Path], list[Path], list[Path]]:
    """What may be cassettes of vcrpy among files and below directories.

    Returns:
        They; the compressed ones there; and the YAML files among cassettes that are none.
    """
    from hashtape.vcr_adapter.other_formats import is_packed_cassette
    from hashtape.vcr_adapter.yaml_cassettes import is_vcr_cassette

    found: dict[Path, None] = {}
    packed: dict[Path, None] = {}
    strange: list[Path] = []
    for path in paths:
        if not path.is_dir():
            found[path] = None  # what it is, is said when it is read
            continue
        for parent, names, files in os.walk(path):
            names[:] = sorted(name for name in names if not name.startswith(".") and name not in _SKIPPED)
            # Any YAML may lie in a project; in a directory of cassettes it should be one.
            below = (path.resolve().name, *Path(parent).relative_to(path).parts)
            has_cassettes = any(part.startswith("cassette") for part in below)
            for file in (Path(parent, name) for name in sorted(files)):
                if is_vcr_cassette(file):
                    found[file] = None
                elif is_packed_cassette(file):
                    packed[file] = None
                elif has_cassettes and file.suffix.lower() in {".yaml", ".yml"}:
                    strange.append(file)
    return list(found), [path for path in packed if path not in found], strange


# --- To YAML ---------------------------------------------------------------------------------------------


def _recording_directories(paths: Sequence[Path]) -> list[Path]:
    from hashtape.cli.selection import recording_files
    from hashtape.vcr_adapter.yaml_cassettes import is_vcr_cassette

    return list(dict.fromkeys(path.parent for path in recording_files(paths) if not is_vcr_cassette(path)))


def _to_yaml(directory: Path, *, dry_run: bool) -> _Outcome:
    from hashtape.vcr_adapter.yaml_conversion import yaml_of

    target = Path(os.path.abspath(directory))  # noqa: PTH100  (a link keeps its name)
    target = target.with_name(f"{target.name}.yaml")
    outcome = _Outcome(str(directory), str(target))
    try:
        made = yaml_of(directory)
        files = list(directory.glob("*.json"))
        outcome.interactions, outcome.recordings = made.interactions, len(files)
        outcome.size_before = sum(path.stat().st_size for path in files)
        data = made.text.encode("utf-8")
        outcome.size_after = len(data)
        if made.left_out:
            left_out = count(made.left_out, "recording")
            outcome.notes.append(f"{left_out} left out: a call that never was HTTP is nothing for vcrpy")
        if made.without_body:
            bodies = f"{made.without_body:,} request bod{'y is' if made.without_body == 1 else 'ies are'}"
            outcome.notes.append(f"{bodies} not stored: do not match on body")
        if made.is_unordered:
            advice = (
                "one may get the answer of another"
                if made.without_body
                else 'play it with "body" in match_on'
            )
            outcome.notes.append(f"the order of its requests is not known: {advice}")
        if not target.exists():
            outcome.state = "converted"
            if not dry_run:
                _write(target, data)
        elif target.read_bytes() == data:
            outcome.state = "unchanged"
        else:
            outcome.problems.append(f"{target}: there is another cassette; move it out of the way")
    except (HashtapeError, OSError) as error:
        outcome.problems.append(str(error))
    return outcome


def _write(path: Path, data: bytes) -> None:
    """Write a file as a whole or not at all."""
    beside = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        beside.write_bytes(data)
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)


# --- What is printed -------------------------------------------------------------------------------------


def _report(outcomes: list[_Outcome], direction: str, *, dry_run: bool, delete: bool) -> None:
    from hashtape.vcr_adapter.not_kept import not_kept_line

    for outcome in outcomes:
        for secret in outcome.secrets if outcome.state != "unchanged" else ():
            print_line(f"{outcome.path}: taken out of {_place(secret)}", style="yellow")
        for note in outcome.notes if outcome.state != "skipped" else ():
            print_line(f"{outcome.path}: {note}", style="yellow")
        for problem in outcome.problems:
            subject = "" if problem.startswith(outcome.path) else f"{outcome.path}: "
            print_line(f"not converted: {subject}{problem}", style="red")
    by_state: defaultdict[str, list[_Outcome]] = defaultdict(list)
    for outcome in outcomes:
        by_state[outcome.state].append(outcome)
    if skipped := by_state["skipped"]:
        formats = "another format" if len(skipped) == 1 else "other formats"
        print_line(f"skipped: {count(len(skipped), 'file')} in {formats} than vcrpy's: {_names(skipped)}")
    if strange := by_state["no cassette"]:
        print_line(f"no cassette: {count(len(strange), 'file')} without interactions: {_names(strange)}")
    if len(skipped) + len(strange) == len(outcomes):
        what = "cassette of vcrpy there, which is a .yaml, .yml or .json file"
        print_line(f"Nothing to convert: no {what if direction == 'recordings' else 'recordings there'}.")
        return
    if empty := by_state["empty"]:
        stays = "it, which stays" if len(empty) == 1 else "them, which stay"
        print_line(f"{count(len(empty), 'cassette')} with nothing in {stays}: {_names(empty)}")
    if done := by_state["converted"]:
        print_line(_summary(done, direction, dry_run=dry_run), style="bold")
    if unchanged := by_state["unchanged"]:
        print_line(f"{count(len(unchanged), 'cassette')} had been converted before: unchanged.")
    if failed := by_state["failed"]:
        print_line(f"{count(len(failed), 'cassette')} not converted: nothing was changed there.", style="red")
    if direction == "yaml":
        return
    if unplaced := [outcome for outcome in [*done, *unchanged] if outcome.test_id is None]:
        print_line(
            f"{count(len(unplaced), 'cassette')} of no one test that pytest collects: "
            "the recordings name none, and play where they are."
        )
    if lost := not_kept_line(outcome.not_kept for outcome in [*done, *unchanged]):
        print_line(lost, style="yellow")
    same = "the same status and body"
    deleted = [outcome for outcome in outcomes if outcome.is_deleted]
    if deleted:
        print_line(f"{count(len(deleted), 'cassette')} deleted, after the recordings had played {same}.")
    elif not dry_run and not delete and (done or unchanged):
        print_line(f"The cassettes are still there; --delete deletes those whose recordings play {same}.")


def _place(secret: dict[str, str]) -> str:
    """Where a secret was, and what gave it away, unless the one ends with the other."""
    where, what = secret["where"], secret["what"]
    return where if where.endswith((f": {what}", f".{what}")) else f"{where}: {what}"


def _names(outcomes: list[_Outcome]) -> str:
    """The first few paths; --json has them all."""
    names = ", ".join(outcome.path for outcome in outcomes[:_LONGEST_LIST])
    more = len(outcomes) - _LONGEST_LIST
    return f"{names} and {more:,} more" if more > 0 else names


def _summary(done: list[_Outcome], direction: str, *, dry_run: bool) -> str:
    def total(name: str) -> Any:
        return sum(getattr(outcome, name) for outcome in done)

    would = "Would convert" if dry_run else "Converted"
    before, after = human_size(total("size_before")), human_size(total("size_after"))
    interactions = count(total("interactions"), "interaction")
    recordings = count(total("recordings"), "recording")
    if direction == "yaml":
        cassettes = count(len(done), "cassette")
        return f"{would} {recordings} ({before}) to {cassettes} of {interactions} ({after})."
    cassettes = count(len(done), "cassette")
    return f"{would} {cassettes} of {interactions} ({before}) to {recordings} ({after})."
