"""The benchmark measures something, and says when a budget is missed. What it measures is not looked at here."""

from __future__ import annotations

import re
import subprocess
import sys

import pytest

from tests.benchmark.figures import Line, latency, median, percentile
from tests.benchmark.report import page
from tests.harness import PROJECT

KEPT = Line("a ticket", "431 B", "38,894 B", 0.011, 0.05)
MISSED = Line("a backlog", "6,000 /s", "10,000 /s", 0.6, 0.7, floor=True)


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "tests.benchmark", *arguments]
    return subprocess.run(command, cwd=PROJECT, capture_output=True, text=True)


def test_percentiles_are_values_that_were_measured() -> None:
    values = [float(value) for value in range(100, 0, -1)]
    assert (percentile(values, 0.5), percentile(values, 0.99), percentile(values, 1)) == (50, 99, 100)
    assert median([3.0, 1.0, 2.0]) == 2.0
    assert percentile([7.0], 0.01) == 7.0


def test_a_budget_is_a_ceiling_or_a_floor() -> None:
    assert KEPT.kept
    assert not MISSED.kept
    assert (KEPT.budget, MISSED.budget) == ("≤ 0.05 ×", "≥ 0.7 ×")
    line = latency("press", [0.002] * 99 + [0.009], [0.001] * 100, 0.5, 2.0)
    assert (line.figure, line.kept, line.kioskd) == (2.0, True, "2.00 ms")


def test_the_page_has_every_line_and_says_what_was_missed() -> None:
    text = page([KEPT, MISSED])
    assert "| a ticket | 431 B | 38,894 B | 0.011 × | ≤ 0.05 × | kept |" in text
    assert "| a backlog | 6,000 /s | 10,000 /s | 0.6 × | ≥ 0.7 × | **missed** |" in text
    assert re.search(r"^- Python 3\.\d+\.\d+, SQLite 3", text, re.MULTILINE)


@pytest.mark.timeout(90)
def test_two_rows_can_be_measured() -> None:
    before = (PROJECT / "docs/benchmarks.md").read_bytes()
    done = run("--quick", "ticket", "press")
    assert done.returncode in (0, 1), done.stderr
    lines = done.stdout.splitlines()
    assert [line.partition(":")[0] for line in lines] == [
        "ticket on the wire",
        "press → subscriber, p50",
        "press → subscriber, p99",
        "press → subscriber, beside one sync and no store, p50",
    ]
    assert lines[0].endswith("kept")
    missed = [line for line in lines if line.endswith("MISSED")]
    assert done.returncode == bool(missed)
    assert len(done.stderr.splitlines()) == len(missed)
    assert (PROJECT / "docs/benchmarks.md").read_bytes() == before, "only a full run is written down"


def test_an_unknown_row_is_wrong_usage() -> None:
    done = run("--quick", "prees")
    assert done.returncode == 2
    assert "no row prees; there are: press, " in done.stderr
