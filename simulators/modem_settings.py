"""What a host has told a simulated modem by AT commands, and which commands this modem knows."""

from __future__ import annotations

import re
from dataclasses import dataclass

# one command of a line: S0=0, &F, E0, or +VCID=1 with its separator
_COMMAND = re.compile(
    r"S(?P<s>\d{1,3})=(?P<sv>\d{1,3})|(?P<basic>&?[A-Z])(?P<bv>\d*)|(?P<long>[+#-][A-Z]+)=(?P<lv>[^;]*);?"
)

VOICE_CLASS = "8"


@dataclass(slots=True)
class ModemSettings:
    """The settings a power cycle or ATZ brings back to these defaults (Rockwell's factory profile 0)."""

    echo: bool = True
    quiet: bool = False
    words: bool = True
    auto_answer_rings: int = 0
    caller_id: bool = False
    voice: bool = False
    measure: bool = False
    ring_after_tenths: int = 0


@dataclass(slots=True)
class ModemAbilities:
    """What this model can do; commands for the rest are refused with ERROR."""

    voice: bool = True
    measure: bool = True
    caller_id_commands: tuple[str, ...] = ("+VCID", "#CID")


def execute(line: str, settings: ModemSettings, able: ModemAbilities) -> bool:
    """Carry out a command line, without its AT; False at the first command that this modem does not know."""
    text = line.upper().replace(" ", "")
    while text:
        command = _COMMAND.match(text)
        if command is None or not _carry_out(command, settings, able):
            return False
        text = text[command.end() :]
    return True


def _carry_out(command: re.Match[str], settings: ModemSettings, able: ModemAbilities) -> bool:
    if command["long"]:
        return _extended(command["long"], command["lv"], settings, able)
    if command["s"]:
        return _register(int(command["s"]), int(command["sv"]), settings)
    return _basic(command["basic"], command["bv"] or "0", settings)


def _register(number: int, value: int, settings: ModemSettings) -> bool:
    if value > 255:
        return False
    if number == 0:
        settings.auto_answer_rings = value
    return True


def _basic(name: str, value: str, settings: ModemSettings) -> bool:
    on = value != "0"
    match name:
        case "Z" | "&F":
            _restore(settings)
        case "E":
            settings.echo = on
        case "Q":
            settings.quiet = on
        case "V":
            settings.words = on
        case "H" | "I" | "L" | "M" | "X":
            pass
        case _:
            return False
    return True


def _restore(settings: ModemSettings) -> None:
    fresh = ModemSettings()
    for name in ModemSettings.__slots__:
        setattr(settings, name, getattr(fresh, name))


def _extended(name: str, value: str, settings: ModemSettings, able: ModemAbilities) -> bool:
    match name, value:
        case (("+VCID" | "#CID"), ("0" | "1")) if name in able.caller_id_commands:
            settings.caller_id = value == "1"
        case "+FCLASS", ("0" | "1" | "2"):
            settings.voice = False
        case "+FCLASS", "8" if able.voice:
            settings.voice = True
        case "+VDR", _ if able.measure and settings.voice:  # "ERROR … if not in Voice Mode" (Conexant 102184B p. 5-20)
            return _measure(value, settings)
        case "-STE", ("0" | "1" | "2" | "3"):
            pass
        case _:
            return False
    return True


def _measure(value: str, settings: ModemSettings) -> bool:
    parts = re.fullmatch(r"([01]),(\d{1,2})", value)
    if parts is None or int(parts[2]) > 60:
        return False
    settings.measure = parts[1] == "1"
    settings.ring_after_tenths = int(parts[2])
    return True
