"""One ``[devices.…]`` table: a driver, a link, and beside them the driver's own options."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from functools import cache
from math import isfinite
from typing import Any

from pydantic import TypeAdapter, ValidationError

from daemon.settings.faults import Fault, faults_of, nearest, raise_faults
from daemon.settings.wording import EXPECTED
from drivers.catalog import DRIVERS, Entry, Kind
from drivers.link.catalog import SCHEMES
from drivers.link.url import LinkUrl, LinkUrlError, parse_link

OWN_KEYS = ("driver", "link")


@dataclass(frozen=True, slots=True)
class Device:
    """A device as configured. `options` is the frozen dataclass of its driver."""

    driver: str
    link: LinkUrl
    options: Any

    @property
    def entry(self) -> Entry:
        return DRIVERS[self.driver]

    @property
    def kind(self) -> Kind:
        return self.entry.kind


def read_device(table: object) -> Device:
    """The device that `table` describes; raises pydantic's ValidationError with every fault in it."""
    if isinstance(table, Device):
        return table
    if not isinstance(table, Mapping):
        raise_faults("device", [Fault((), EXPECTED["dict_type"])])
    faults: list[Fault] = []
    entry = _read_driver(table, faults)
    link = _read_link(table, entry, faults)
    options = _read_options(table, entry, faults) if entry else None
    if faults or link is None:
        raise_faults("device", faults)
    return Device(table["driver"], link, options)


def _read_driver(table: Mapping[str, Any], faults: list[Fault]) -> Entry | None:
    name = _read_text(table, "driver", faults)
    if name is None:
        return None
    if name not in DRIVERS:
        faults.append(Fault(("driver",), EXPECTED["driver"].fill(known=", ".join(DRIVERS)), nearest(name, DRIVERS)))
        return None
    return DRIVERS[name]


def _read_text(table: Mapping[str, Any], key: str, faults: list[Fault]) -> str | None:
    value = table.get(key)
    if isinstance(value, str):
        return value
    faults.append(Fault((key,), EXPECTED["missing" if value is None else "string_type"]))
    return None


def _read_link(table: Mapping[str, Any], entry: Entry | None, faults: list[Fault]) -> LinkUrl | None:
    text = _read_text(table, "link", faults)
    if text is None:
        return None
    if "@" in text.partition("://")[2].partition("/")[0]:
        # before anything parses it: a message of the parser could quote the password
        faults.append(Fault(("link",), EXPECTED["no-user"]))
        return None
    try:
        url = parse_link(text)
    except LinkUrlError as error:
        faults.append(_not_a_link(error, repr(text)))
        return None
    if entry and url.scheme not in entry.schemes:
        known = ", ".join(f"{scheme}://" for scheme in entry.schemes)
        expected = EXPECTED["scheme"].fill(driver=table["driver"], known=known)
        faults.append(Fault(("link",), expected, nearest(url.scheme, entry.schemes)))
    elif url.scheme in SCHEMES:
        _, check = SCHEMES[url.scheme]
        try:
            check(url)
        except LinkUrlError as error:
            faults.append(_not_a_link(error, str(url)))
    return url


def _not_a_link(error: LinkUrlError, shown: str) -> Fault:
    # the key and its line say which link it is; what stands in a wrong one is not for the log
    return Fault(("link",), EXPECTED["link"].fill(detail=str(error).removeprefix(f"{shown}: ")))


def _read_options(table: Mapping[str, Any], entry: Entry, faults: list[Fault]) -> Any:
    keys = option_keys(entry)
    given = {key: value for key, value in table.items() if key not in OWN_KEYS}
    unknown = sorted(given.keys() - set(keys))
    faults.extend(Fault((key,), EXPECTED["unknown-key"], nearest(key, keys)) for key in unknown)
    try:
        options = _adapter(entry).validate_python({key: given[key] for key in given if key in keys})
    except ValidationError as error:
        faults.extend(_at_their_keys(faults_of(error), sorted(given)))
        return None
    numbers = {field.name: getattr(options, field.name) for field in fields(options)}
    endless = [key for key, value in numbers.items() if isinstance(value, float) and not isfinite(value)]
    faults.extend(Fault((key,), EXPECTED["finite_number"]) for key in endless)
    return options


@cache
def _adapter(entry: Entry) -> TypeAdapter[Any]:
    return TypeAdapter(entry.options_class())


def option_keys(entry: Entry) -> tuple[str, ...]:
    """The keys of a device with this driver: its own two, and the driver's options."""
    return (*OWN_KEYS, *(field.name for field in fields(entry.options_class())))


def _at_their_keys(faults: Sequence[Fault], given: Sequence[str]) -> Iterator[Fault]:
    """A dataclass that refuses its values says so of itself as a whole; its sentence names the key."""
    for fault in faults:
        said = re.findall(r"\w+", fault.expected.en)
        named = min((key for key in given if key in said), key=said.index, default=None)
        yield fault if fault.loc or named is None else Fault((named,), fault.expected, fault.nearest)
