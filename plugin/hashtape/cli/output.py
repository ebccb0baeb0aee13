"""What commands print: for people on a terminal, as plain text in a pipe, as JSON for machines.

A recording may come from a stranger: what it holds reaches a terminal without control characters.
"""

from __future__ import annotations

import json
import os
import re
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import click

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from hashtape.codecs import Json

__all__ = [
    "Column",
    "count",
    "human_size",
    "is_terminal",
    "json_option",
    "print_json",
    "print_line",
    "print_table",
    "visible",
]

_NARROWEST = 8
"""The width at which no column gives way any more."""
_BETWEEN = 2
"""The spaces between two columns."""

# All that moves the cursor, changes colours or turns the direction of writing; and halves of characters.
_UNSAFE = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")

json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON, for machines.")


def visible(text: str) -> str:
    r"""A text in which control characters are spelled out; line breaks and tabs stay.

    >>> visible("red: \x1b[31m")
    'red: \\x1b[31m'
    """
    text = text.replace("\r\n", "\n")
    return _UNSAFE.sub(lambda match: match.group().encode("unicode_escape").decode(), text)


def count(number: int, noun: str) -> str:
    """A number of things.

    >>> count(1, "recording"), count(2, "recording")
    ('1 recording', '2 recordings')
    """
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def human_size(size: int) -> str:
    """A size for people.

    >>> human_size(999), human_size(12_345), human_size(7_000_000)
    ('999 B', '12.3 kB', '7.0 MB')
    """
    if size < 1000:
        return f"{size} B"
    return f"{size / 1000:.1f} kB" if size < 1_000_000 else f"{size / 1_000_000:.1f} MB"


def is_terminal() -> bool:
    """Whether people read the output as it comes."""
    return sys.stdout.isatty()


def print_json(value: Json) -> None:
    """Print JSON in ASCII, which every pipe and terminal takes."""
    click.echo(json.dumps(value, indent=2))


def print_line(text: str = "", *, style: str = "", err: bool = False) -> None:
    """Print a text as it is, without control characters.

    Args:
        text: The text.
        style: A colour of click's, or `bold` or `dim`; for terminals only.
        err: Whether to print to standard error.
    """
    stream = sys.stderr if err else sys.stdout
    encoding = getattr(stream, "encoding", None) or "utf-8"
    text = visible(text).encode(encoding, "backslashreplace").decode(encoding)
    if style in {"bold", "dim"}:
        text = click.style(text, **{style: True})
    elif style:
        text = click.style(text, fg=style)
    # Unless it is told, click looks whether it is a terminal.
    click.echo(text, err=err, color=False if os.environ.get("NO_COLOR") else None)


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a table.

    Args:
        title: Its title.
        is_number: Whether it is aligned to the right.
        gives_way: Whether it is cut where a terminal is too narrow.
    """

    title: str
    is_number: bool = False
    gives_way: bool = False


def print_table(columns: Sequence[Column], rows: Iterable[Sequence[str]]) -> None:
    """Print a table: as wide as the terminal, or in a pipe as wide as it needs to be."""
    cells = [[visible(cell).replace("\n", " ") for cell in row] for row in rows]
    if is_terminal():
        _print_rich(columns, cells)
        return
    lines = [[column.title for column in columns], *cells]
    widths = [max(len(line[n]) for line in lines) for n in range(len(columns))]
    for line in lines:
        padded = [
            cell.rjust(width) if column.is_number else cell.ljust(width)
            for column, cell, width in zip(columns, line, widths, strict=True)
        ]
        print_line("  ".join(padded).rstrip())


def _print_rich(columns: Sequence[Column], cells: Sequence[Sequence[str]]) -> None:
    from rich.box import SIMPLE_HEAD
    from rich.cells import cell_len
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    console = Console()
    lines = [[column.title for column in columns], *cells]
    widths = [max(cell_len(line[n]) for line in lines) for n in range(len(columns))]
    _narrow(widths, columns, console.width)
    table = Table(box=SIMPLE_HEAD, padding=(0, 1, 0, 0), show_edge=False)
    for column, width in zip(columns, widths, strict=True):
        justify: Literal["left", "right"] = "right" if column.is_number else "left"
        table.add_column(column.title, justify=justify, width=width, no_wrap=True, overflow="ellipsis")
    for row in cells:
        table.add_row(*(Text(cell) for cell in row))
    console.print(table)


def _narrow(widths: list[int], columns: Sequence[Column], width: int) -> None:
    """Make the columns that give way narrower, the widest first, until a table fits."""
    giving = [n for n, column in enumerate(columns) if column.gives_way and widths[n] > _NARROWEST]
    excess = sum(widths) + _BETWEEN * len(widths) - width
    for _ in range(excess):
        giving = [n for n in giving if widths[n] > _NARROWEST]
        if giving:
            widths[max(giving, key=lambda n: widths[n])] -= 1
