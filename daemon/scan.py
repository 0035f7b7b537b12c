"""``kioskd scan``: what is attached, as configuration to paste. Opens nothing unless it is told to ask."""

from __future__ import annotations

import asyncio
import json
import logging
import re
import sys
from argparse import ArgumentParser, ArgumentTypeError, Namespace
from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from itertools import count
from pathlib import Path

from daemon.attached import Keypad, SerialPort, UsbPrinter, keypads, serial_ports, usb_printers
from daemon.doctor.processes import node_holders
from daemon.probe import Identity, ask_printer, identify
from daemon.terminal import one_line
from daemon.texts import Language, Text
from drivers.catalog import DRIVERS
from drivers.device import DeviceError
from drivers.link.catalog import SCHEMES
from drivers.link.stream import Link
from drivers.link.url import LinkUrl, LinkUrlError, parse_link

DONE = 0
FAILED = 1

RATES = (9600, 115_200, 57_600, 19_200)
"""The rates that the devices of these kinds leave their factories with: ESC/POS, Onbon and modems."""

PRINTER_PORT = 9100


@dataclass(frozen=True, slots=True)
class Found:
    """Something attached. `driver` is None where it is not known; `trouble` is what kept it from being asked."""

    kind: str
    link: str
    name: str
    driver: str | None = None
    options: tuple[tuple[str, int | str], ...] = ()
    asked: bool = False
    trouble: str = ""


Progress = Callable[[Text], None]


def add_arguments(parser: ArgumentParser) -> None:
    """The arguments of ``kioskd scan``."""
    parser.epilog = (
        "Without --probe nothing is opened and nothing is sent. --probe sends DLE EOT 1, Onbon's ping and AT at the"
        " usual baud rates: what answers shows nothing of it, a printer that never answers may print stray"
        " characters. Exit code: 0, or 1 when something that was to be asked could not be reached."
    )
    parser.add_argument(
        "--tcp", action="append", default=[], type=_address, metavar="HOST[:PORT]", help="a device on the network"
    )
    parser.add_argument(
        "--probe", nargs="*", metavar="PORT", help="ask these serial ports, or all that nobody uses, and every --tcp"
    )
    parser.add_argument("--json", action="store_true", help="for programs")


def _address(text: str) -> LinkUrl:
    """One address: many at a time would be a scan of somebody's network, which this is not made for."""
    if "/" in text:
        raise ArgumentTypeError(f"{text}: one address at a time, no ranges")
    bare = re.fullmatch(r"[0-9A-Fa-f]*:[0-9A-Fa-f:.]+", text) and text.count(":") > 1
    try:
        url = parse_link(f"tcp://{f'[{text}]' if bare else text}")
        url = url if url.port else replace(url, port=PRINTER_PORT)
        SCHEMES["tcp"][1](url)
    except LinkUrlError as error:
        raise ArgumentTypeError(f"{text}: expected HOST or HOST:PORT ({error})") from error
    return url


def run(args: Namespace) -> int:
    """List what is attached, and ask what may be asked."""
    logging.basicConfig(level=logging.CRITICAL)
    language: Language = args.language

    def progress(what: Text) -> None:
        if sys.stderr.isatty():
            print(f"… {what.to(language)}", file=sys.stderr, flush=True)

    found = asyncio.run(scan(args.tcp, args.probe, progress))
    if args.json:
        print(json.dumps([as_json(one) for one in found], indent=2, ensure_ascii=False))
    else:
        print("\n".join(stanzas(found, language)))
    return FAILED if any(one.trouble for one in found) else DONE


async def scan(addresses: Sequence[LinkUrl], probe: Sequence[str] | None, progress: Progress) -> list[Found]:
    """Everything attached. `probe`: None asks nothing, an empty sequence asks every port, else those named."""
    chosen, others = _ports(probe)
    found = [await _ask_serial(one, progress) for one in chosen]
    found += others
    found += [_of_usb(printer) for printer in usb_printers()]
    found += [_of_keypad(keypad) for keypad in keypads()]
    found += [await _ask_tcp(url, progress, ask=probe is not None) for url in addresses]
    return found


def _ports(probe: Sequence[str] | None) -> tuple[list[Found], list[Found]]:
    """The serial ports that are to be asked, and the others. One that is named need not be listed by the kernel."""
    listed = {port.node: _of_serial(port) for port in serial_ports()}
    if probe is None:
        return [], list(listed.values())
    for name in probe:
        path = Path(name).absolute()
        listed.setdefault(path.resolve(), Found("serial", str(LinkUrl("serial", str(path))), ""))
    named = {Path(name).resolve() for name in probe} or listed.keys()
    return [one for node, one in listed.items() if node in named], [
        one for node, one in listed.items() if node not in named
    ]


def _of_serial(port: SerialPort) -> Found:
    name = " ".join(filter(None, (port.usb.name, f"{port.usb.vendor}:{port.usb.product}"))) if port.usb else port.driver
    return Found("serial", str(LinkUrl("serial", str(port.path))), name)


def _of_usb(printer: UsbPrinter) -> Found:
    usb = printer.usb
    options = {"serial": usb.serial} if usb.serial else {"path": usb.place}
    link = LinkUrl("usb", host=f"{usb.vendor}:{usb.product}", options=options)
    return Found("usb-printer", str(link), usb.name, "escpos")


def _of_keypad(keypad: Keypad) -> Found:
    kind = "keyboard" if keypad.keyboard else "keypad"
    return Found(kind, str(LinkUrl("evdev", str(keypad.path))), keypad.name, "keypad")


async def _ask_serial(one: Found, progress: Progress) -> Found:
    url = parse_link(one.link)
    holders = node_holders(Path(url.path))
    if holders:
        return replace(one, trouble=f"taken by {', '.join(map(str, holders))}")
    for rate in RATES:
        progress(Text(f"正在询问 {url.path}，波特率 {rate}", f"asking {url.path} at {rate} baud"))
        at_rate = replace(url, options={**url.options, "baud": str(rate)})
        try:
            identity = await _identify(at_rate, identify)
        except DeviceError as error:
            return replace(one, trouble=str(error))
        if identity is not None:
            return _identified(replace(one, link=str(at_rate)), identity)
    return replace(one, asked=True)


async def _ask_tcp(url: LinkUrl, progress: Progress, *, ask: bool) -> Found:
    """Whoever is at an address. Boards and modems behind serial servers are asked too, but not on a printer's port."""
    progress(Text(f"正在连接 {url.host}:{url.port}", f"connecting to {url.host}:{url.port}"))
    one = Found("tcp", str(url), "")
    question = ask_printer if url.port == PRINTER_PORT else identify
    try:
        identity = await _identify(url, question if ask else _nothing)
    except DeviceError as error:
        return replace(one, trouble=str(error))
    return _identified(one, identity) if identity else replace(one, asked=ask)


async def _identify(url: LinkUrl, ask: Callable[[Link], Awaitable[Identity | None]]) -> Identity | None:
    open_link, _ = SCHEMES[url.scheme]
    link = await open_link(url)
    try:
        return await ask(link)
    finally:
        link.close()


async def _nothing(_link: Link) -> None:
    """The address takes connections: more was not asked for."""


def _identified(one: Found, identity: Identity) -> Found:
    name = " ".join(filter(None, (one.name, identity.name)))
    return replace(one, name=name, driver=identity.driver, options=identity.options, asked=True)


# what is printed


def as_json(one: Found) -> dict[str, object]:
    """One device for programs."""
    return {**asdict(one), "options": dict(one.options)}


_NAMES = {"printer": "printer", "display": "led", "panel": "panel", "phone": "phone"}

NOTHING = Text("# 没有发现设备", "# nothing was found")
UNKNOWN = Text("不知道接的是什么；可能是：{drivers}", "what it is, is not known; one of: {drivers}")
SILENT = Text("问过，没有应答；可能是：{drivers}", "it was asked and did not answer; one of: {drivers}")
NO_PRINTER = Text("应答者不是这里的设备", "what answers there is none of these devices")
KEYBOARD = Text("普通键盘：kioskd 会独占它的所有按键", "a whole keyboard: kioskd takes all of its keys")
TROUBLE = Text("无法询问：{trouble}", "could not be asked: {trouble}")


def stanzas(found: Iterable[Found], language: Language) -> Iterator[str]:
    """Tables for ``kioskd.toml``; those of which something is not known yet are commented out."""
    numbers: dict[str, Iterator[int]] = {stem: count(1) for stem in (*_NAMES.values(), "device")}
    nothing = True
    for one in found:
        nothing = False
        yield from _stanza(one, language, numbers)
    if nothing:
        yield NOTHING.to(language)


def _stanza(one: Found, language: Language, numbers: dict[str, Iterator[int]]) -> Iterator[str]:
    sure = one.driver is not None and one.kind != "keyboard"
    mark = "" if sure else "#"
    driver = one.driver or "…"
    stem = _NAMES[DRIVERS[driver].kind] if one.driver else "device"
    yield ""
    yield from (f"# {one_line(line)}" for line in _remarks(one, language))
    yield f"{mark}[devices.{stem}-{next(numbers[stem])}]"
    yield f'{mark}driver = "{driver}"'
    yield f"{mark}link = {_toml(one.link)}"
    yield from (f"{mark}{key} = {value}" for key, value in one.options)


def _toml(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


def _remarks(one: Found, language: Language) -> Iterator[str]:
    if one.name:
        yield one.name
    if one.trouble:
        yield TROUBLE.fill(trouble=one.trouble).to(language)
    if one.kind == "keyboard":
        yield KEYBOARD.to(language)
    if one.driver is None and one.asked and one.name and one.kind == "tcp":
        yield NO_PRINTER.to(language)
    elif one.driver is None:
        fitting = [name for name, entry in DRIVERS.items() if parse_link(one.link).scheme in entry.schemes]
        yield (SILENT if one.asked else UNKNOWN).fill(drivers=", ".join(fitting)).to(language)
