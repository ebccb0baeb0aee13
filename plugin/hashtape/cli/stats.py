"""`hashtape stats`: how many recordings there are, of whom, and how large."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import click

from hashtape.cli.exchange import Usage
from hashtape.cli.output import Column, count, human_size, json_option, print_json, print_line, print_table
from hashtape.cli.overview import Overview, overview_of
from hashtape.cli.selection import paths_argument, stored_files

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from hashtape.codecs import Json

__all__ = ["stats"]

_COLUMNS = (
    Column("provider"),
    Column("model", gives_way=True),
    Column("recordings", is_number=True),
    Column("streams", is_number=True),
    Column("tokens in", is_number=True),
    Column("tokens out", is_number=True),
    Column("size", is_number=True),
)


@dataclass(slots=True)
class _Sum:
    """What some recordings come to."""

    recordings: int = 0
    streams: int = 0
    size: int = 0
    usage: Usage = field(default_factory=Usage)

    def add(self, row: Overview) -> None:
        self.recordings += 1
        self.streams += row.is_streaming
        self.size += row.file.size
        self.usage.add(row.usage)

    def to_json(self) -> dict[str, Json]:
        return {
            "recordings": self.recordings,
            "streams": self.streams,
            "tokens": self.usage.to_json(),
            "size": self.size,
        }

    def cells(self) -> list[str]:
        tokens = ["-" if n is None else f"{n:,}" for n in (self.usage.input, self.usage.output)]
        return [f"{self.recordings:,}", f"{self.streams:,}", *tokens, human_size(self.size)]


@click.command()
@paths_argument
@click.option(
    "--largest", type=click.IntRange(min=0), default=5, show_default=True, help="How many of them to list."
)
@json_option
def stats(paths: tuple[Path, ...], largest: int, as_json: bool) -> None:  # noqa: FBT001  (click)
    """Count recordings, tokens and bytes.

    By provider and model, and with the largest files by name. Without PATH: the cassettes and
    recordings below the current directory.

    \b
    Examples:
      hashtape stats
      hashtape stats tests/cassettes --largest 20
      hashtape stats --json | jq .total
    """  # noqa: D301  (\b is click's)
    rows: list[Overview] = []
    broken = 0
    for file in stored_files(paths):
        if file.recording is None:
            broken += 1
        else:
            rows.append(overview_of(file, file.recording))
    total, groups = _Sum(), _grouped(rows)
    for row in rows:
        total.add(row)
    by_size = sorted(rows, key=lambda row: row.file.size, reverse=True)[:largest]
    if as_json:
        print_json(
            {
                "total": total.to_json(),
                "broken": broken,
                "groups": [
                    {"provider": provider, "model": model, **part.to_json()}
                    for (provider, model), part in groups
                ],
                "largest": [row.to_json() for row in by_size],
            }
        )
        return
    tests = len({row.test_id for row in rows if row.test_id is not None})
    print_line(f"{count(total.recordings, 'recording')} of {count(tests, 'test')}, {human_size(total.size)}")
    if broken:
        print_line(f"{count(broken, 'broken file')}: see hashtape verify", style="red", err=True)
    if rows:
        print_line()
        lines = [[provider or "-", model or "-", *part.cells()] for (provider, model), part in groups]
        print_table(_COLUMNS, [*lines, ["all", "", *total.cells()]])
    if by_size:
        print_line("\nThe largest:")
        for row in by_size:
            print_line(f"  {human_size(row.file.size):>9}  {row.id}  {row.test_id or row.file.path}")


def _grouped(rows: Iterable[Overview]) -> list[tuple[tuple[str, str], _Sum]]:
    """The sums by provider and model, the most recordings first."""
    groups: dict[tuple[str, str], _Sum] = {}
    for row in rows:
        groups.setdefault((row.provider, row.model), _Sum()).add(row)
    return sorted(groups.items(), key=lambda item: (-item[1].recordings, item[0]))
