"""``kioskd figures``: what the days came to, read from the store beside a daemon that runs or not."""

from __future__ import annotations

import argparse
import csv
import json
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from daemon.columns import columns
from daemon.figures.day import DeviceFigures, Figures, TicketFigures, Times
from daemon.figures.reading import read_days
from daemon.store.database_file import open_to_read
from daemon.store_command import add_store_arguments, look_into_store
from daemon.texts import Language, Text

DEFAULT_DAYS = 7


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of ``kioskd figures``."""
    parser.epilog = "Days that are over, and the present one so far. Exit code: 0, or 1 when the store cannot be read."
    add_store_arguments(parser)
    parser.add_argument(
        "--from", dest="first", type=_day, metavar="DAY", help=f"like 2026-11-21; default: {DEFAULT_DAYS} days"
    )
    parser.add_argument("--to", dest="last", type=_day, metavar="DAY", help="default: the last day that there is")
    parser.add_argument("--by", choices=tuple(_KINDS), default="day", help="a line for each; default: %(default)s")
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--csv", action="store_true", help="every figure of each line, for spreadsheets")
    form.add_argument("--json", action="store_true", help="an array of days with all their figures")


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is no day like 2026-11-21") from None


def run(args: argparse.Namespace) -> int:
    """Print the figures of the days that were asked for; returns the exit code."""

    def look(path: Path) -> None:
        with open_to_read(path) as reader:
            days = read_days(reader, args.first, args.last)
        if args.first is None and days:
            days = [figures for figures in days if figures.day > days[-1].day - timedelta(days=DEFAULT_DAYS)]
        _print(days, args, args.language)

    return look_into_store(args, look)


def _print(days: Sequence[Figures], args: argparse.Namespace, language: Language) -> None:
    titles, lines_of, flat_of = _KINDS[args.by]
    if args.json:
        print(json.dumps([figures.model_dump(mode="json") for figures in days], indent=2, ensure_ascii=False))
    elif args.csv:
        _print_csv([line for figures in days for line in flat_of(figures)])
    else:
        rows = [line for figures in days for line in lines_of(figures)]
        print("\n".join(columns([titles.to(language).split("|"), *rows])))


def _print_csv(lines: Sequence[Mapping[str, object]]) -> None:
    if lines:
        writer = csv.DictWriter(sys.stdout, list(lines[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(lines)


# a line for people


def _by_day(figures: Figures) -> Iterator[Sequence[str]]:
    ratings, phones, prints = figures.ratings, figures.phones, figures.prints
    calls = phones.answered_in_time + phones.answered_late + phones.missed + phones.unknown + phones.quiet
    rated = sum(ratings.levels.values())
    yield [
        *(_title(figures), *_tickets(figures.tickets)),
        *(str(rated), _percent(ratings.participation), _percent(ratings.satisfaction)),
        *(str(calls), _percent(phones.in_time)),
        *(str(prints.printed), str(prints.unconfirmed), str(prints.failed + prints.expired)),
    ]


def _by_service(figures: Figures) -> Iterator[Sequence[str]]:
    for service, tickets in figures.services.items():
        yield [_title(figures), service, *_tickets(tickets)]


def _by_device(figures: Figures) -> Iterator[Sequence[str]]:
    for device, seen in figures.devices.items():
        seconds = (getattr(seen, name) for name in DeviceFigures.model_fields if name.endswith("_s"))
        yield [_title(figures), device, *(_duration(time_s) for time_s in seconds), _percent(seen.available)]


def _title(figures: Figures) -> str:
    return str(figures.day) if figures.part == 1 else f"{figures.day} ({figures.part})"


def _tickets(tickets: TicketFigures) -> Sequence[str]:
    counts = (tickets.issued, tickets.finished, tickets.skipped, tickets.withdrawn)
    return [*map(str, counts), *_times(tickets.waited), *_times(tickets.served)]


def _times(times: Times) -> Sequence[str]:
    return [_duration(time_s) for time_s in (times.mean_s, times.p50_s, times.p95_s)]


def _duration(time_s: float | None) -> str:
    if time_s is None:
        return "–"
    minutes, seconds = divmod(round(time_s), 60)
    return f"{minutes}:{seconds:02d}"


def _percent(ratio: float | None) -> str:
    return "–" if ratio is None else f"{ratio:.1%}"


# a line for programs


def _flat_day(figures: Figures) -> Iterator[Mapping[str, object]]:
    yield _flat("", figures.model_dump(mode="json", exclude={"services", "devices"}))


def _flat_services(figures: Figures) -> Iterator[Mapping[str, object]]:
    for service, tickets in figures.services.items():
        yield {"day": figures.day, "part": figures.part, "service": service} | _flat("", tickets.model_dump())


def _flat_devices(figures: Figures) -> Iterator[Mapping[str, object]]:
    for device, seen in figures.devices.items():
        yield {"day": figures.day, "part": figures.part, "device": device} | _flat("", seen.model_dump())


def _flat(prefix: str, table: Mapping[str, Any]) -> dict[str, object]:
    found: dict[str, object] = {}
    for key, value in table.items():
        found |= _flat(f"{prefix}{key}.", value) if isinstance(value, Mapping) else {prefix + key: value}
    return found


_TICKETS = Text(
    "取号|办结|过号|作废|等候均值|中位|95%|办理均值|中位|95%",
    "ISSUED|FINISHED|SKIPPED|WITHDRAWN|WAIT|P50|P95|SERVICE|P50|P95",
)
_DAYS = Text(
    f"日期|{_TICKETS.zh}|评价|参评率|满意率|来电|按时接听|已打印|未确认|未打印",
    f"DAY|{_TICKETS.en}|RATED|TOOK PART|SATISFIED|CALLS|IN TIME|PRINTED|UNCONFIRMED|NOT PRINTED",
)
_SERVICES = Text(f"日期|业务|{_TICKETS.zh}", f"DAY|SERVICE|{_TICKETS.en}")
_DEVICES = Text(
    "日期|设备|正常|需处理|故障|不在|未知|可用率", "DAY|DEVICE|READY|DEGRADED|FAULTED|ABSENT|UNKNOWN|AVAILABLE"
)

Kind = tuple[Text, Callable[[Figures], Iterator[Sequence[str]]], Callable[[Figures], Iterator[Mapping[str, object]]]]
_KINDS: Mapping[str, Kind] = {
    "day": (_DAYS, _by_day, _flat_day),
    "service": (_SERVICES, _by_service, _flat_services),
    "device": (_DEVICES, _by_device, _flat_devices),
}
"""What a line is about: the titles, the line for people, and the line for programs."""
