"""The command line, one module a command."""

from __future__ import annotations

import sys

import click

from hashtape import __version__
from hashtape.cli.demo import demo
from hashtape.errors import HashtapeError

__all__ = ["cli", "main"]


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="hashtape")
def cli() -> None:
    """Readable recordings of LLM calls for vcrpy and pytest-recording."""


cli.add_command(demo)


def main() -> None:
    """Run the command line; a user's mistake is one message on standard error and exit code 1."""
    try:
        cli(prog_name="hashtape")
    except HashtapeError as error:
        click.echo(f"hashtape: {error}", err=True)
        sys.exit(1)
