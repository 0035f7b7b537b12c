"""``kioskd simulate KIND``: one simulated device on a pty, a TCP or serial port, a socket (keypads), or as USB/IP."""

from __future__ import annotations

import asyncio
import errno
import os
import signal
import sys
import tempfile
from argparse import ArgumentParser, ArgumentTypeError, Namespace
from collections.abc import Mapping
from importlib import import_module
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING

from simulators.catalog import SIMULATORS, make_simulator
from simulators.console import Console, standard_input
from simulators.escpos_board import HandshakePty, PrinterBoard
from simulators.serial_endpoint import SerialEndpoint
from simulators.stage import Endpoint, PtyEndpoint, Stage, TcpEndpoint
from simulators.uinput_endpoint import UinputEndpoint
from simulators.unix_endpoint import UnixEndpoint

if TYPE_CHECKING:
    from simulators.usbip_endpoint import UsbIpEndpoint

OK, FAILED, USAGE = 0, 1, 2

PLACES: Mapping[str, tuple[str, ...]] = {
    "keypad": ("unix", "uinput", "usbip"),  # no stream of bytes: it goes where input events go
    "escpos": ("pty", "tcp", "serial", "usbip"),
}
"""Where a device can be served, its default first, where that is not the same as for all the others."""

PRINTER = "escpos"
"""The one device whose buffer can be full."""

DEFAULT_BAUD = 9600

TEXTS: Mapping[str, tuple[str, str]] = {
    "serving": ("模拟设备 {kind}，配置文件写法：", "simulated {kind}; for the configuration:"),
    "absent": ("未模拟：{text}", "Not imitated: {text}"),
    "attach": ("接到本机（root）：{text}", "To attach it to a machine, as root: {text}"),
    "usb": ('--usbip 需要 pip install "kioskd[usb]"：{error}', '--usbip needs pip install "kioskd[usb]": {error}'),
    "commands": (
        "输入命令后回车；help 列出全部命令，Ctrl-C 结束。",
        "Type a command and Enter; help lists them all, Ctrl-C ends.",
    ),
    "place": (
        "设备 {kind} 不能用 {option}；可用：{allowed}",
        "{kind} cannot be served on {option}; it can on {allowed}",
    ),
    errno.errorcode[errno.EADDRINUSE]: (
        "{place} 已被占用：换一个端口，或用 ss -ltnp 查出占用者",
        "{place} is in use: choose another port, or find who has it with ss -ltnp",
    ),
    errno.errorcode[errno.EACCES]: (
        "没有权限使用 {place}：换一个可写的位置；串口和 uinput 请把用户加入 dialout、input 组",
        "no permission for {place}: choose a place you may write; for a tty or uinput join group dialout or input",
    ),
    errno.errorcode[errno.ENOENT]: (
        "{place} 所在的目录或设备不存在：先创建目录，或改正路径",
        "{place}: no such directory or device; create the directory first, or correct the path",
    ),
    errno.errorcode[errno.EEXIST]: (
        "{place} 已存在，且不是模拟器留下的：删除它或换一个路径",
        "{place} exists and was not left by a simulator: remove it, or choose another path",
    ),
    "other": ("无法使用 {place}：{error}", "{place} cannot be used: {error}"),
}
"""Simplified Chinese and English. What simulators and their commands say of themselves is English."""


def add_arguments(parser: ArgumentParser) -> None:
    """The arguments of ``simulate``."""
    parser.add_argument("kind", choices=sorted(SIMULATORS), help="the driver to stand opposite to")
    place = parser.add_mutually_exclusive_group()
    place.add_argument("--pty", type=Path, metavar="PATH", help="a pty, found at this symlink (the default)")
    place.add_argument("--tcp", type=_host_and_port, metavar="[HOST:]PORT", help="a TCP port; 0 takes a free one")
    place.add_argument("--serial", type=Path, metavar="TTY", help="a real serial port, null-modem cable to the host")
    place.add_argument("--usbip", type=_host_and_port, metavar="[HOST:]PORT", help="a USB device, over USB/IP")
    place.add_argument("--unix", type=Path, metavar="PATH", help="keypad: a Unix socket (its default)")
    place.add_argument("--uinput", action="store_true", help="keypad: an input device of this machine's kernel")
    parser.add_argument("--baud", type=_baud, metavar="N", help="take bytes no faster than this rate")
    parser.add_argument("--json", action="store_true", help="one JSON object a line, for programs")
    parser.add_argument("--until-eof", action="store_true", help="end when the standard input ends")


def _host_and_port(text: str) -> tuple[str, int]:
    host, _, port = text.rpartition(":")
    if not port.isdecimal() or not port.isascii() or int(port) > 65535:
        raise ArgumentTypeError(f"{text!r}: expected a port from 0 to 65535, or host:port")
    return host.strip("[]") or "127.0.0.1", int(port)


def _baud(text: str) -> int:
    if not text.isdecimal() or not text.isascii() or not 50 <= int(text) <= 4_000_000:
        raise ArgumentTypeError(f"{text!r}: expected a rate from 50 to 4000000")
    return int(text)


def run(args: Namespace) -> int:
    """Serve until told to end; gives the exit code."""
    option, allowed = _place(args)
    if option not in allowed:
        _complain(
            args, "place", kind=args.kind, option=f"--{option}", allowed=", ".join(f"--{name}" for name in allowed)
        )
        return USAGE
    try:
        endpoint, place = _endpoint(args, option)
    except ModuleNotFoundError as error:
        _complain(args, "usb", error=error)
        return FAILED
    return asyncio.run(_serve(args, endpoint, place))


def _place(args: Namespace) -> tuple[str, tuple[str, ...]]:
    """Where the device is to be served, and where it could be; its default stands first."""
    allowed = PLACES.get(args.kind, ("pty", "tcp", "serial"))
    options = ("pty", "tcp", "serial", "usbip", "unix", "uinput")
    given = [name for name in options if getattr(args, name) not in (None, False)]
    return given[0] if given else allowed[0], allowed


def _endpoint(args: Namespace, option: str) -> tuple[Endpoint, str]:
    """The endpoint, and what to call it in an error."""
    if option == "tcp":
        host, port = args.tcp
        endpoint = PrinterBoard if args.kind == PRINTER else TcpEndpoint
        return endpoint(host, port, baud=args.baud), f"{host}:{port}"
    if option == "usbip":
        host, port = args.usbip
        return _usbip(host, port), f"{host}:{port}"
    if option == "uinput":
        return UinputEndpoint(), "/dev/uinput"
    path = (getattr(args, option) or _free_path(args.kind)).absolute()
    if option == "serial":
        return SerialEndpoint(path, baud=args.baud or DEFAULT_BAUD), str(path)
    if option == "unix":
        return UnixEndpoint(path), str(path)
    pty = HandshakePty if args.kind == PRINTER else PtyEndpoint
    return pty(path, baud=args.baud), str(path)


def _usbip(host: str, port: int) -> UsbIpEndpoint:
    """Imported when needed: the usbip library comes with the extra ``usb``."""
    endpoint: UsbIpEndpoint = import_module("simulators.usbip_endpoint").UsbIpEndpoint(host, port)
    return endpoint


def _free_path(kind: str) -> Path:
    """A place of its own for each simulator that was given none; the first one's is always the same."""
    directory = os.environ.get("XDG_RUNTIME_DIR") or tempfile.gettempdir()
    names = (f"kioskd-{kind}" + (f"-{nth}" if nth > 1 else "") for nth in count(1))
    return next(path for path in (Path(directory, name) for name in names) if not path.exists())


async def _serve(args: Namespace, endpoint: Endpoint, place: str) -> int:
    simulator = make_simulator(args.kind)
    stage = Stage(simulator, endpoint)
    console = Console(stage, as_json=args.json, until_eof=args.until_eof)
    try:
        stage.restore()
    except OSError as error:
        _complain_of(args, place, error)
        return FAILED
    async with stage:
        _stop_on_signals(console)
        _introduce(args, stage, console)
        console.show_changes()
        descriptor = standard_input()
        if descriptor is not None:
            console.listen(descriptor)
        await console.stopped.wait()
    if console.output_lost is not None:
        raise console.output_lost
    return OK


def _stop_on_signals(console: Console) -> None:
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, console.stopped.set)


def _introduce(args: Namespace, stage: Stage, console: Console) -> None:
    url = stage.endpoint.url
    stanza = f'  driver = "{args.kind}"\n  link = "{url}"'
    absent, first = stage.simulator.DOES_NOT_IMITATE, stage.endpoint.preparation
    lines = [_say(args, "serving", kind=args.kind), stanza, _say(args, "absent", text=absent), _say(args, "commands")]
    if first:
        lines.insert(2, _say(args, "attach", text=first))
    console.say("serving", "\n".join(lines), driver=args.kind, link=url, first=first, not_imitated=absent)


def _say(args: Namespace, key: str, **values: object) -> str:
    chinese, english = TEXTS[key]
    return (chinese if args.language == "zh-CN" else english).format(**values)


def _complain(args: Namespace, key: str, **values: object) -> None:
    print(f"kioskd simulate: {_say(args, key, **values)}", file=sys.stderr)


def _complain_of(args: Namespace, place: str, error: OSError) -> None:
    # pyserial and evdev wrap the first error, and not always with its number
    number = error.errno or getattr(error.__context__, "errno", None) or 0
    key = errno.errorcode.get(number, "other")
    _complain(args, key if key in TEXTS else "other", place=place, error=error)
