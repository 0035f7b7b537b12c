"""``kioskd check``: what a configuration says, or all that is wrong with it. Opens no device and no connection."""

from __future__ import annotations

import json
import os
import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict
from pathlib import Path

from daemon.columns import columns
from daemon.settings import DEFAULT_PATH, Configuration, ConfigurationError, Problem, Settings, load_configuration
from daemon.settings.origins import origins
from daemon.slips.book import SlipBook
from daemon.texts import Language, Text

OK = 0
ERRORS = 1


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("--config", type=Path, default=DEFAULT_PATH, metavar="PATH", help="default: %(default)s")
    parser.add_argument("--explain", action="store_true", help="every value in force, and where it is from")
    parser.add_argument("--json", action="store_true", help="the same for programs")


def run(args: Namespace) -> int:
    """Check the configuration at `args.config`, the environment over it."""
    language: Language = args.language
    try:
        configuration = load_configuration(args.config, os.environ)
        _check_slips(args.config)
    except ConfigurationError as error:
        _tell_errors(error, language, as_json=args.json)
        return ERRORS
    if args.json:
        print(_as_json(configuration, language, explain=args.explain))
    else:
        print("\n".join(_report(configuration, language, explain=args.explain)))
    return OK


def _check_slips(configuration: Path) -> None:
    """Raises ConfigurationError with everything wrong with the templates beside the configuration."""
    faults = list(SlipBook(configuration).faults())
    if faults:
        found = (Problem(each.file, "", each.line, None, None, each.what, each.nearest) for each in faults)
        raise ConfigurationError(list(found))


def _tell_errors(error: ConfigurationError, language: Language, *, as_json: bool) -> None:
    if as_json:
        errors = [_error_as_json(problem, language) for problem in error.problems]
        print(json.dumps({"ok": False, "errors": errors}, indent=2, ensure_ascii=False))
        return
    for problem in error.problems:
        print(problem.to(language), file=sys.stderr)
    print(Text("共 {count} 处错误", "errors: {count}").fill(count=len(error.problems)).to(language), file=sys.stderr)


def _error_as_json(problem: Problem, language: Language) -> dict[str, object]:
    return {**asdict(problem), "expected": problem.expected.to(language)}


def _as_json(configuration: Configuration, language: Language, *, explain: bool) -> str:
    found: dict[str, object] = {
        "ok": True,
        "file": str(configuration.path),
        "warnings": [warning.to(language) for warning in configuration.warnings],
    }
    if explain:
        found["values"] = {
            origin.key: {"value": origin.value, "from": origin.source.to(language)} for origin in origins(configuration)
        }
    return json.dumps(found, indent=2, ensure_ascii=False)


def _report(configuration: Configuration, language: Language, *, explain: bool) -> Iterator[str]:
    yield Text(f"配置正确：{configuration.path}", f"OK: {configuration.path}").to(language)
    for warning in configuration.warnings:
        yield Text("警告：", "warning: ").to(language) + warning.to(language)
    if explain:
        yield from _table(_EXPLAIN, language, _origin_rows(configuration, language))
    else:
        yield from _summary(configuration.settings, language)


def _origin_rows(configuration: Configuration, language: Language) -> Iterator[Sequence[str]]:
    for origin in origins(configuration):
        value = "–" if origin.value is None else json.dumps(origin.value, ensure_ascii=False)
        yield origin.key, origin.source.to(language), value


_EXPLAIN = Text("设置项|来源|值", "KEY|FROM|VALUE")
_DEVICES = Text("设备|种类|驱动|连接", "DEVICE|KIND|DRIVER|LINK")
_SERVICES = Text("业务|名称|号码|打印机", "SERVICE|NAME|NUMBERS|PRINTER")
_COUNTERS = Text("窗口|名称|业务|显示屏|评价器|电话", "COUNTER|NAME|SERVICES|DISPLAY|PANEL|PHONE")
_KIOSK = Text("自助机：{topic}，消息服务器 {host}:{port}", "kiosk {topic} at broker {host}:{port}")


def _summary(settings: Settings, language: Language) -> Iterator[str]:
    mqtt = settings.mqtt
    yield _KIOSK.fill(topic=settings.topic_root, host=mqtt.host, port=mqtt.port).to(language)
    yield from _table(_DEVICES, language, _device_rows(settings))
    yield from _table(_SERVICES, language, _service_rows(settings))
    yield from _table(_COUNTERS, language, _counter_rows(settings))


def _device_rows(settings: Settings) -> Iterator[Sequence[str]]:
    for name, device in settings.devices.items():
        yield name, device.kind, device.driver, str(device.link)


def _service_rows(settings: Settings) -> Iterator[Sequence[str]]:
    for name, service in settings.services.items():
        digits = len(str(service.last))
        numbers = f"{service.prefix}{service.first:0{digits}d}–{service.prefix}{service.last}"
        yield name, service.name, numbers, service.printer


def _counter_rows(settings: Settings) -> Iterator[Sequence[str]]:
    for name, counter in settings.counters.items():
        devices = (counter.display, counter.panel, counter.phone)
        yield name, counter.name, ", ".join(counter.services), *(device or "–" for device in devices)


def _table(head: Text, language: Language, rows: Iterable[Sequence[str]]) -> Iterator[str]:
    titles = head.to(language).split("|")
    lines = list(rows) or [["–"] * len(titles)]
    yield ""
    yield from columns([titles, *lines])
