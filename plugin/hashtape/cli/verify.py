"""`hashtape verify`: whether every file is what it should be, for CI."""

from __future__ import annotations

import os
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

import click

from hashtape.cli.integrity import Flaw, Flaws, name_for
from hashtape.cli.output import count, json_option, print_json, print_line
from hashtape.cli.project_options import secret_options
from hashtape.cli.selection import paths_argument, stored_files
from hashtape.directory_lock import locked

if TYPE_CHECKING:
    from pathlib import Path

    from hashtape.codecs import Json
    from hashtape.recording import Recording

__all__ = ["verify"]


@dataclass(frozen=True, slots=True)
class _Found:
    path: Path
    flaw: Flaw

    def to_json(self) -> dict[str, Json]:
        return {"path": str(self.path), "kind": self.flaw.kind, "message": self.flaw.message}


@click.command()
@paths_argument
@click.option(
    "--fix", is_flag=True, help="Rename files whose name is not their hash. Replaces no other file."
)
@click.option(
    "--secret-name",
    "secret_names",
    multiple=True,
    metavar="NAME",
    help="A further name of fields that hold secrets, in the place of the project's hashtape_secret_names. "
    "Repeatable.",
)
@click.option(
    "--not-secret",
    multiple=True,
    metavar="TEXT",
    help="What is no secret after all, in the place of the project's hashtape_not_secret. Repeatable.",
)
@click.option("-v", "--verbose", is_flag=True, help="Also list what is only good to know.")
@json_option
def verify(
    paths: tuple[Path, ...],
    *,
    fix: bool,
    secret_names: tuple[str, ...],
    not_secret: tuple[str, ...],
    verbose: bool,
    as_json: bool,
) -> None:
    """Check that every file is what it should be.

    That is: a recording, named by its own hash, whose answers decode and re-encode, and without a secret.
    Without PATH: the cassettes and recordings below the current directory. Exit code 1 if anything is wrong.
    Secrets are named by their field and never printed. hashtape_secret_names and hashtape_not_secret of the
    project's pytest configuration count here too.

    \b
    Examples:
      hashtape verify
      hashtape verify tests/cassettes --fix
      hashtape verify --json | jq -r '.problems[].path'
    """  # noqa: D301  (\b is click's)
    if not (secret_names and not_secret):
        project = secret_options(paths)
        secret_names, not_secret = secret_names or project.secret_names, not_secret or project.not_secret
    flaws = Flaws(secret_names=secret_names, not_secret=not_secret)
    found: list[_Found] = []
    renamed: list[tuple[Path, Path]] = []
    files = 0
    for file in list(stored_files(paths)):
        files += 1
        if file.recording is None:
            found.append(_Found(file.path, Flaw("broken", file.error)))
            continue
        for flaw in flaws.of(file.path, file.recording):
            if fix and flaw.kind == "name" and flaw.is_wrong:
                target, refusal = _rename(file.path, file.recording)
                if target is not None:
                    renamed.append((file.path, target))
                    continue
                flaw = Flaw("name", f"{flaw.message}; not renamed: {refusal}")  # noqa: PLW2901
            found.append(_Found(file.path, flaw))
    problems = [item for item in found if item.flaw.is_wrong]
    notes = [item for item in found if not item.flaw.is_wrong]
    if as_json:
        print_json(
            {
                "files": files,
                "problems": [item.to_json() for item in problems],
                "notes": [item.to_json() for item in notes],
                "renamed": [{"from": str(old), "to": str(new)} for old, new in renamed],
            }
        )
    else:
        _print(files, problems, notes, renamed, verbose=verbose)
    if problems:
        raise click.exceptions.Exit(1)


def _print(
    files: int,
    problems: list[_Found],
    notes: list[_Found],
    renamed: list[tuple[Path, Path]],
    *,
    verbose: bool,
) -> None:
    for old, new in renamed:
        print_line(f"{old}: renamed to {new.name}", style="yellow")
    for item in problems:
        print_line(f"{item.path}: {item.flaw.kind}: {item.flaw.message}", style="red")
    if verbose:
        for item in notes:
            print_line(f"{item.path}: {item.flaw.message}", style="dim")
    elif notes:
        kinds = Counter(item.flaw.kind for item in notes)
        listed = ", ".join(f"{number} {kind}" for kind, number in kinds.most_common())
        print_line(f"good to know: {listed} (-v lists them)", style="dim")
    wrong = len({item.path for item in problems})
    verdict = f"{count(wrong, 'file')} wrong" if wrong else "nothing wrong"
    print_line(f"{count(files, 'file')} checked, {verdict}", style="red" if wrong else "green")


def _rename(path: Path, recording: Recording) -> tuple[Path | None, str]:
    """Give a file the name of its hash.

    Returns:
        The new name; or None, and why not.
    """
    target = name_for(path, recording)
    if target is None:
        return None, "nobody can tell its hash"
    try:
        # The lock keeps a pytest run that records into the directory from writing that file meanwhile.
        with locked(path.parent):
            if os.path.lexists(target):
                return None, "there is a file of that name already; delete one of the two"
            path.rename(target)
    except OSError as error:
        return None, error.strerror or str(error)
    return target, ""
