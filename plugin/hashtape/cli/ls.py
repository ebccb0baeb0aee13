"""`hashtape ls`: the recordings in a table."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from hashtape.cli.output import (
    Column,
    count,
    human_size,
    is_terminal,
    json_option,
    print_json,
    print_line,
    print_table,
)
from hashtape.cli.overview import Overview, overview_of
from hashtape.cli.selection import paths_argument, short_id, stored_files

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from hashtape.cli.selection import StoredFile

__all__ = ["ls"]

_COLUMNS = (
    Column("test", gives_way=True),
    Column("method"),
    Column("endpoint", gives_way=True),
    Column("model", gives_way=True),
    Column("stream"),
    Column("chunks", is_number=True),
    Column("tokens", is_number=True),
    Column("size", is_number=True),
    Column("id"),
)
_ORDERS: dict[str, Callable[[Overview], Any]] = {
    "test": lambda row: (row.test_id is None, row.test_id or "", row.endpoint),
    "endpoint": lambda row: row.endpoint,
    "model": lambda row: row.model,
    "id": lambda row: row.id,
    "path": lambda row: row.file.path,
    # Numbers: the largest first.
    "chunks": lambda row: -row.chunks,
    "tokens": lambda row: -(row.usage.total or 0),
    "size": lambda row: -row.file.size,
}


@click.command()
@paths_argument
@click.option("--sort", type=click.Choice(list(_ORDERS)), default="test", show_default=True)
@click.option("--reverse", is_flag=True, help="Turn the order round.")
@click.option("--test", "test", metavar="TEXT", help="Only tests whose id has this in it.")
@click.option("--model", metavar="TEXT", help="Only models whose name has this in it.")
@click.option("--endpoint", metavar="TEXT", help="Only endpoints that have this in them.")
@json_option
def ls(
    paths: tuple[Path, ...],
    sort: str,
    reverse: bool,  # noqa: FBT001  (click passes options so)
    test: str | None,
    model: str | None,
    endpoint: str | None,
    as_json: bool,  # noqa: FBT001
) -> None:
    """List recordings in a table.

    The last column is the short id, which the other commands take. Without PATH: the cassettes and recordings
    below the current directory. Files that are no recordings are listed as broken; cassettes of vcrpy are
    left out.

    \b
    Examples:
      hashtape ls
      hashtape ls --sort size tests/cassettes
      hashtape ls --model gpt-4o --test test_chat
      hashtape ls --json | jq '.recordings[].tokens'
    """  # noqa: D301  (\b is click's)
    rows: list[Overview] = []
    broken: list[StoredFile] = []
    for file in stored_files(paths):
        if file.recording is None:
            broken.append(file)
            continue
        row = overview_of(file, file.recording)
        wanted = ((test, row.test_id or ""), (model, row.model), (endpoint, row.endpoint))
        if all(part is None or part.lower() in whole.lower() for part, whole in wanted):
            rows.append(row)
    rows.sort(key=_ORDERS[sort], reverse=reverse)
    if as_json:
        print_json(
            {
                "recordings": [row.to_json() for row in rows],
                "broken": [{"path": str(file.path), "error": file.error} for file in broken],
            }
        )
        return
    if rows:
        print_table(_COLUMNS, [_cells(row, is_short=is_terminal()) for row in rows])
    else:
        print_line("no recordings", err=True)
    for file in broken:
        print_line(f"broken: {file.path} ({short_id(file.path)}): {file.error}", style="red", err=True)


def _cells(row: Overview, *, is_short: bool) -> list[str]:
    test = row.test_id or "-"
    if is_short:
        test = test.partition("::")[2] or test
    answers = f" ({count(row.answers, 'answer')})" if row.answers > 1 else ""
    status = f" {row.status}" if row.status != 200 else ""
    return [
        test,
        row.method or "-",
        f"{row.endpoint or '-'}{status}{answers}",
        row.model or "-",
        "yes" if row.is_streaming else "no",
        str(row.chunks) if row.is_streaming else "-",
        "-" if row.usage.total is None else str(row.usage.total),
        human_size(row.file.size),
        row.id,
    ]
