"""``kioskd events``: what is stored, read beside a daemon that runs or not."""

from __future__ import annotations

import argparse
import csv
import json
import re
import sys
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime
from itertools import chain, islice
from pathlib import Path

from daemon.alerts.words import worded
from daemon.events import event_types
from daemon.events_reading import Filter, FoundEvent, find, find_latest
from daemon.store_command import add_store_arguments, look_into_store
from daemon.terminal import one_line, pairs
from daemon.texts import Language, Text

LAST_MAX = 100_000
SEQUENCE_MAX = 10**12 - 1

EPILOG = Text(
    """\
示例：
  kioskd events --last 20                          最近 20 个事件
  kioskd events --type rating --since 2026-11-21   某天以来的评价
  kioskd events --ticket 20261121-A012             一个号码的全部经过
  kioskd events --unsent                           还没有送达 MQTT 服务器的
  kioskd events --csv > events.csv                 用电子表格打开
  kioskd send events/replay from_sequence=500 to_sequence=800   把这些事件再发布一次

默认每行一个事件，用制表符分开：序号、时间、类型、主题、是否送达、数据。--json 原样输出 CloudEvents。
守护进程运行时也可以用：只读，不影响它。保存多少天由 store.keep_days 决定。
退出码：0 成功（没有符合的事件也是）；1 数据库不能读；2 用法错误。""",
    """\
examples:
  kioskd events --last 20                          the newest twenty
  kioskd events --type rating --since 2026-11-21   the ratings since that day
  kioskd events --ticket 20261121-A012             all that befell one number
  kioskd events --unsent                           what no broker has acknowledged yet
  kioskd events --csv > events.csv                 for a spreadsheet
  kioskd send events/replay from_sequence=500 to_sequence=800   publish these once more

A line is an event, its columns parted by tabs: sequence, time, type, subject, whether it was sent, data. --json gives
the CloudEvents as they were stored. A daemon may run meanwhile: it is not disturbed. How far back: store.keep_days.
exit code: 0, also when no event fits; 1 the database cannot be read; 2 wrong usage.""",
)

_HEAD = Text("序号\t时间\t类型\t主题\t送达\t数据", "SEQUENCE\tTIME\tTYPE\tSUBJECT\tSENT\tDATA")
_SENT = Text("已送达", "sent")
_UNSENT = Text("未送达", "unsent")
_REFUSED = Text("被拒绝", "refused")
_CSV_FIELDS = ("sequence", "time", "type", "subject", "sent_at", "refused", "data")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of ``kioskd events``."""
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.epilog = EPILOG.to(parser.get_default("language") or "en")
    add_store_arguments(parser)
    _add_filters(parser.add_argument_group("which events"))
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_true", help="JSON lines: each event to the byte as it is published")
    form.add_argument("--csv", action="store_true", help="for spreadsheets; the data as JSON in its last column")


def _add_filters(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        "--type",
        action="append",
        default=[],
        type=_kind,
        metavar="NOUN[.VERB]",
        help="such as ticket or ticket.called; may be given again for another",
    )
    group.add_argument("--ticket", metavar="ID", help="such as 20261121-A012")
    group.add_argument("--counter", metavar="NAME", help="of one counter")
    group.add_argument("--device", metavar="NAME", help="of one printer, display, panel or phone")
    group.add_argument(
        "--since", type=_time, metavar="TIME", help="2026-11-21 or 2026-11-21T09:30, by the kiosk's clock"
    )
    group.add_argument("--until", type=_time, metavar="TIME", help="before this time")
    group.add_argument("--from-sequence", type=_sequence, metavar="N", help="this one and later ones")
    group.add_argument("--to-sequence", type=_sequence, metavar="N", help="this one and earlier ones")
    group.add_argument("--unsent", action="store_true", help="those that no broker has acknowledged yet")
    group.add_argument("--last", type=_count, metavar="N", help="the last N of all that fit")


def _kind(text: str) -> str:
    kinds = [name.removeprefix("kioskd.") for name in event_types()]
    nouns = {kind.partition(".")[0] for kind in kinds}
    if text not in nouns and text not in kinds:
        raise argparse.ArgumentTypeError(f"no event is {text!r}; nouns: {', '.join(sorted(nouns))}")
    return text


def _time(text: str) -> datetime:
    try:
        time = datetime.fromisoformat(text)
        return time if time.tzinfo is not None else time.astimezone()
    except (ValueError, OverflowError):  # of the year 1, which has no local time everywhere
        raise argparse.ArgumentTypeError(f"{text!r} is no time like 2026-11-21 or 2026-11-21T09:30") from None


def _count(text: str) -> int:
    return _number(text, LAST_MAX)


def _sequence(text: str) -> int:
    return _number(text, SEQUENCE_MAX)


def _number(text: str, most: int) -> int:
    if not re.fullmatch("[0-9]{1,18}", text) or not 1 <= int(text) <= most:
        raise argparse.ArgumentTypeError(f"from 1 to {most}")
    return int(text)


def run(args: argparse.Namespace) -> int:
    """Print the events that were asked for; returns the exit code."""

    def look(path: Path) -> None:
        found = find_latest(path, _filter(args), args.last) if args.last else find(path, _filter(args))
        first = list(islice(found, 1))  # what cannot be read is known before anything is printed
        _WAYS["json" if args.json else "csv" if args.csv else "lines"](chain(first, found), args.language)

    return look_into_store(args, look)


def _filter(args: argparse.Namespace) -> Filter:
    return Filter(
        kinds=tuple(args.type),
        ticket=args.ticket,
        counter=args.counter,
        device=args.device,
        since=args.since,
        until=args.until,
        first=args.from_sequence,
        last=args.to_sequence,
        unsent=args.unsent,
    )


# the ways to print


def _print_lines(found: Iterable[FoundEvent], language: Language) -> None:
    print(_HEAD.to(language))
    for one in found:
        print("\t".join(_columns(one, language)))


def _columns(one: FoundEvent, language: Language) -> Iterator[str]:
    yield str(one.sequence)
    yield from (one_line(str(text)) for text in (one.event["time"], one.kind, one.event["subject"]))
    unsent = _UNSENT if one.refused is None else _REFUSED
    yield (unsent if one.sent_at is None else _SENT).to(language)
    yield pairs(worded(one.event["data"], language))


def _print_json(found: Iterable[FoundEvent], _: Language) -> None:
    for one in found:
        print(one.payload.decode())


def _print_csv(found: Iterable[FoundEvent], _: Language) -> None:
    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow(_CSV_FIELDS)
    for one in found:
        sent_at = "" if one.sent_at is None else datetime.fromtimestamp(one.sent_at, UTC).isoformat()
        data = json.dumps(one.event["data"], ensure_ascii=False)
        writer.writerow(
            [one.sequence, one.event["time"], one.kind, one.event["subject"], sent_at, one.refused or "", data]
        )


_WAYS: dict[str, Callable[[Iterable[FoundEvent], Language], None]] = {
    "lines": _print_lines,
    "json": _print_json,
    "csv": _print_csv,
}
