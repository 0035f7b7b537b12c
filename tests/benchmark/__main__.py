"""``make benchmark``: measures what has a budget, and writes docs/benchmarks.md. Exit code 1: a budget is missed."""

from __future__ import annotations

import argparse
import asyncio
import sys
from collections.abc import Callable, Coroutine, Mapping, Sequence
from typing import Any

from tests.benchmark import backlog, idle, job, memory, press, queue, show, start, ticket, wire
from tests.benchmark.bed import Bed, bed, bytecode_cached
from tests.benchmark.figures import Line
from tests.benchmark.report import page
from tests.harness import PROJECT

FILE = PROJECT / "docs/benchmarks.md"

ROWS: Mapping[str, Callable[[Bed], Coroutine[Any, Any, list[Line]]]] = {
    "press": press.measure,
    "show": show.measure,
    "backlog": backlog.measure,
    "ticket": ticket.measure,
    "job": job.measure,
    "queue": queue.measure,
    "wire": wire.measure,
    "memory": memory.measure,
    "start": start.measure,
    "idle": idle.measure,
}


def main(argv: Sequence[str] | None = None) -> int:
    """Measure the rows that are asked for, all by default; only a full run of all of them is written down."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmark", description=__doc__)
    parser.add_argument("rows", nargs="*", metavar="ROW", help=f"one of {', '.join(ROWS)}; all by default")
    parser.add_argument(
        "--quick", action="store_true", help="few rounds, to see that it works: the figures say nothing"
    )
    args = parser.parse_args(argv)
    if unknown := set(args.rows) - set(ROWS):
        parser.error(f"no row {', '.join(sorted(unknown))}; there are: {', '.join(ROWS)}")
    lines: list[Line] = []
    with bytecode_cached():
        for name in args.rows or ROWS:
            lines += _measured(name, quick=args.quick)
    if not args.rows and not args.quick:
        FILE.write_text(page(lines), encoding="utf-8")
        print(f"written: {FILE.relative_to(PROJECT)}")
    missed = [line for line in lines if not line.kept]
    for line in missed:
        print(f"missed: {line.what}: {line.figure:.3g} {line.unit}, budget {line.budget}", file=sys.stderr)
    return 1 if missed else 0


def _measured(name: str, *, quick: bool) -> list[Line]:
    with bed(quick=quick) as made:
        lines = asyncio.run(ROWS[name](made))
    for line in lines:
        verdict = "kept" if line.kept else "MISSED"
        print(f"{line.what}: {line.kioskd}, reference {line.reference}: {line.figure:.3g} {line.unit}", end="")
        print(f" (budget {line.budget}): {verdict}", flush=True)
    return lines


if __name__ == "__main__":
    sys.exit(main())
