"""``kioskd doctor``: what it prints, and its exit code."""

from __future__ import annotations

import asyncio
import json
import logging
import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Iterator
from pathlib import Path

from daemon.doctor.examine import Request, UnknownDevice, examine
from daemon.doctor.finding import Finding, Level
from daemon.doctor.machine import Machine
from daemon.settings import DEFAULT_PATH
from daemon.terminal import one_line
from daemon.texts import Language, Text

WELL = 0
FAULTS = 1
USAGE = 2

MARKS = {
    Level.WELL: Text("正常", "ok"),
    Level.NOTE: Text("注意", "note"),
    Level.FAULT: Text("故障", "FAULT"),
}


def add_arguments(parser: ArgumentParser) -> None:
    """The arguments of ``kioskd doctor``."""
    parser.epilog = "Exit code: 0 when all is well, 1 when there are faults. It changes nothing; root sees more."
    parser.add_argument("device", nargs="*", metavar="DEVICE", help="look at these devices only")
    parser.add_argument("--config", type=Path, default=DEFAULT_PATH, metavar="PATH", help="default: %(default)s")
    parser.add_argument("--json", action="store_true", help="the same for programs")
    parser.add_argument(
        "--rates",
        action="store_true",
        help="try other baud rates on serial devices that are not understood; a printer may print stray characters",
    )


def run(args: Namespace) -> int:
    """Examine, and say what was found."""
    logging.basicConfig(level=logging.CRITICAL, format="%(message)s")  # every failure is a finding here
    request = Request(args.config.absolute(), tuple(args.device), args.rates)
    try:
        findings = asyncio.run(_collect(request, args.language, quiet=args.json))
    except UnknownDevice as error:
        print(error.text.to(args.language), file=sys.stderr)
        return USAGE
    faults = [finding for finding in findings if finding.level is Level.FAULT]
    if args.json:
        listed = [finding.as_json(args.language) for finding in findings]
        print(json.dumps({"ok": not faults, "findings": listed}, indent=2, ensure_ascii=False))
    else:
        count = Text(f"故障：{len(faults)}", f"faults: {len(faults)}")
        print(f"\n{count.to(args.language)}")
    return FAULTS if faults else WELL


async def _collect(request: Request, language: Language, *, quiet: bool) -> list[Finding]:
    """Everything found; said at once unless `quiet`, as some of it takes a while."""
    findings: list[Finding] = []

    def progress(what: Text) -> None:
        if not quiet and sys.stderr.isatty():
            print(f"… {what.to(language)}", file=sys.stderr)

    async for finding in examine(request, Machine(), progress):
        findings.append(finding)
        if not quiet:
            print("\n".join(lines(finding, language)), flush=True)
    return findings


def lines(finding: Finding, language: Language) -> Iterator[str]:
    """One finding for people: what, then what to do, then what to type."""
    colon = Text("：", ": ").to(language)
    head = f"{MARKS[finding.level].to(language):6}{finding.subject.to(language)}{colon}{finding.what.to(language)}"
    yield one_line(head)
    if finding.remedy is not None:
        yield f"      → {one_line(finding.remedy.to(language))}"
    for command in finding.commands:
        yield f"          {one_line(command)}"
