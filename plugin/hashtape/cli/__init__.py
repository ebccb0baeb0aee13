"""The command line, one module a command."""

from __future__ import annotations

import sys

import click

from hashtape import __version__
from hashtape.cli.convert import convert
from hashtape.cli.demo import demo
from hashtape.cli.diff import diff
from hashtape.cli.ls import ls
from hashtape.cli.mv import mv
from hashtape.cli.prune import prune
from hashtape.cli.show import show
from hashtape.cli.stats import stats
from hashtape.cli.verify import verify
from hashtape.errors import HashtapeError

__all__ = ["cli", "main"]


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="hashtape")
def cli() -> None:
    """Readable recordings of LLM calls for vcrpy and pytest-recording."""


cli.add_command(convert)
cli.add_command(demo)
cli.add_command(diff)
cli.add_command(ls)
cli.add_command(mv)
cli.add_command(prune)
cli.add_command(show)
cli.add_command(stats)
cli.add_command(verify)


def main() -> None:
    """Run the command line; a user's mistake is one message on standard error and exit code 1."""
    try:
        cli(prog_name="hashtape")
    except HashtapeError as error:
        click.echo(f"hashtape: {error}", err=True)
        sys.exit(1)
