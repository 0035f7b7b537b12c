"""``kioskd bench``: a whole simulated hall in the browser."""

from __future__ import annotations

import asyncio
import shutil
import signal
import socket
import sys
import tempfile
import webbrowser
from argparse import ArgumentParser, ArgumentTypeError, Namespace
from collections.abc import Mapping
from pathlib import Path

from simulators.bench.bench import Plan, Ready, serve
from simulators.bench.hall import DEFAULT_HALL, HallError, read_hall

OK, FAILED, USAGE = 0, 1, 2

DEFAULT_PORT = 8800
MORE_PORTS = 20
"""How many ports above the default one are tried when nobody asked for a certain one."""

TEXTS: Mapping[str, tuple[str, str]] = {
    "ready": ("模拟大厅已就绪：{url}", "The bench is at {url}"),
    "end": ("按 Ctrl-C 结束。", "Ctrl-C ends it."),
    "config": ("守护进程的配置：{path}", "The daemon's configuration: {path}"),
    "own-daemon": (
        "没有启动守护进程；自己启动：kioskd run --config {path}",
        "No daemon was started; start your own: kioskd run --config {path}",
    ),
    "busy": ("端口 {port} 已被占用", "Port {port} is in use"),
    "instead": ("端口 {port} 已被占用，改用 {other}", "Port {port} is in use; taking {other}"),
    "amqtt": (
        "没有安装 mosquitto，用 amqtt 代替：只支持 MQTT 3.1.1，不支持 MQTT 5",
        "mosquitto is not installed, so amqtt takes its place: MQTT 3.1.1 only, no MQTT 5",
    ),
}
"""Simplified Chinese and English."""


def add_arguments(parser: ArgumentParser) -> None:
    """The arguments of ``bench``."""
    parser.add_argument("--port", type=_port, metavar="N", help=f"of the page; default {DEFAULT_PORT} or the next free")
    parser.add_argument("--open", action="store_true", help="open the page in the browser")
    parser.add_argument("--hall", type=Path, default=DEFAULT_HALL, metavar="FILE", help="simulate this kioskd.toml")
    parser.add_argument(
        "--real",
        action="append",
        default=[],
        metavar="NAME=LINK",
        help="a real device among the simulated ones: printer-1=serial:///dev/ttyUSB0?baud=9600",
    )
    parser.add_argument("--no-daemon", action="store_true", help="start everything but the daemon")
    parser.add_argument(
        "--language",
        dest="page_language",
        choices=("zh-CN", "en"),
        help="of the slips, the boards and the page; by default the hall's own, and the browser's",
    )


def _port(text: str) -> int:
    if not text.isdecimal() or not text.isascii() or int(text) > 65535:
        raise ArgumentTypeError(f"{text!r}: expected a port from 0 to 65535")
    return int(text)


def run(args: Namespace) -> int:
    """Serve until Ctrl-C or SIGTERM; gives the exit code."""
    try:
        hall = read_hall(args.hall, args.real)
    except HallError as error:
        print(f"kioskd bench: {error}", file=sys.stderr)
        return USAGE
    listener = _listener(args)
    if listener is None:
        return FAILED
    folder = Path(tempfile.mkdtemp(prefix="kioskd-bench-"))
    try:
        with listener:
            plan = Plan(hall, folder, listener, args.page_language, daemon=not args.no_daemon)
            asyncio.run(_serve(args, plan))
    except HallError as error:
        print(f"kioskd bench: {error}", file=sys.stderr)
        return USAGE
    finally:
        shutil.rmtree(folder)
    return OK


def _listener(args: Namespace) -> socket.socket | None:
    """A socket that listens on the port asked for, or on the first that is free."""
    ports = range(DEFAULT_PORT, DEFAULT_PORT + MORE_PORTS) if args.port is None else (args.port,)
    for port in ports:
        try:
            listener = socket.create_server(("127.0.0.1", port))
        except OSError:
            continue
        if args.port is None and port != DEFAULT_PORT:
            print(_say(args, "instead", port=DEFAULT_PORT, other=port), flush=True)
        return listener
    print(f"kioskd bench: {_say(args, 'busy', port=ports[0])}", file=sys.stderr)
    return None


async def _serve(args: Namespace, plan: Plan) -> None:
    ended = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        asyncio.get_running_loop().add_signal_handler(number, ended.set)

    def introduce(ready: Ready) -> None:
        if not ready.broker.speaks_mqtt_5:
            print(_say(args, "amqtt"))
        print(_say(args, "config" if plan.daemon else "own-daemon", path=ready.configuration))
        print(_say(args, "ready", url=ready.url), _say(args, "end"), flush=True)
        if args.open:
            webbrowser.open(ready.url)

    await serve(plan, ended, introduce)


def _say(args: Namespace, key: str, **values: object) -> str:
    chinese, english = TEXTS[key]
    return (chinese if args.language == "zh-CN" else english).format(**values)
