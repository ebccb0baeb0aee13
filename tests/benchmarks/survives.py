"""What hashtape and stock vcrpy survive, side by side: the table of the README's section "What survives".

    python tests/benchmarks/survives.py [--only ROW]

Stock vcrpy is `vcr.VCR().use_cassette`, of the version that hashtape runs on, as it comes. Each measure runs
in a process of its own, against a server on the loopback interface. What stock vcrpy loses to
threads differs from run to run.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

from survives_processes import killed, processes
from survives_recorders import HASHTAPE, STOCK, in_own_process
from survives_secrets import secrets
from survives_streams import break_off, drop, first_chunk
from survives_threads import cassettes, threads

ROWS = {
    measure.__name__: measure
    for measure in (first_chunk, break_off, drop, killed, threads, cassettes, processes, secrets)
}


def measured(name, recorder):
    """Measure one recorder, in a process and a directory of its own."""
    with tempfile.TemporaryDirectory(prefix="hashtape-survives-") as directory:
        return in_own_process(ROWS[name], recorder, Path(directory))


def table(results):
    """The Markdown table of pairs of results, hashtape's first."""
    lines = [f"| | {HASHTAPE.name} | {STOCK.name} |", "|---|---|---|"]
    for ours, stock in results:
        stock_cells = stock.cells()
        lines += [f"| {what} | {cell} | {stock_cells[what]} |" for what, cell in ours.cells().items()]
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", choices=ROWS, action="append", metavar="ROW", help=", ".join(ROWS))
    arguments = parser.parse_args()
    results = [(measured(name, HASHTAPE), measured(name, STOCK)) for name in arguments.only or ROWS]
    print(table(results))


if __name__ == "__main__":
    main()
