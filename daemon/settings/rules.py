"""What the tables of a configuration ask of each other. Reads them raw, so that an error in one hides none here."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from daemon.settings.faults import Fault, Loc, nearest
from daemon.settings.wording import EXPECTED, KINDS
from drivers.catalog import DRIVERS, Kind
from drivers.link.url import LinkUrlError, parse_link

Tables = Mapping[str, Mapping[str, Any]]

COUNTER_DEVICES = {"display": Kind.DISPLAY, "panel": Kind.PANEL, "phone": Kind.PHONE}
OWN_DEVICES = ("panel", "phone")
"""A rating or a call is one counter's. A display may be shared: it shows the newest call of its counters."""


def faults_between(data: Mapping[str, Any]) -> list[Fault]:
    """Every reference that leads nowhere, and everything that is given twice and can be only once."""
    services, counters, devices = (tables_in(data, key) for key in ("services", "counters", "devices"))
    return [
        *_missing_printers(services, devices),
        *_missing_reports_printer(data, devices),
        *_same_prefixes(services),
        *_missing_services(counters, services),
        *_missing_devices(counters, devices),
        *_shared_devices(counters),
        *_same_links(devices),
    ]


def tables_in(data: Mapping[str, Any], key: str) -> Tables:
    """The tables below `key`; whatever is no table is left out."""
    found = data.get(key)
    if not isinstance(found, Mapping):
        return {}
    return {name: table for name, table in found.items() if isinstance(table, Mapping)}


def _missing_printers(services: Tables, devices: Tables) -> Iterator[Fault]:
    for name, service in services.items():
        yield from _device_faults(("services", name, "printer"), service.get("printer"), Kind.PRINTER, devices)


def _missing_reports_printer(data: Mapping[str, Any], devices: Tables) -> Iterator[Fault]:
    readiness = data.get("readiness")
    if isinstance(readiness, Mapping):
        yield from _device_faults(("readiness", "print_on"), readiness.get("print_on"), Kind.PRINTER, devices)


def _missing_devices(counters: Tables, devices: Tables) -> Iterator[Fault]:
    for name, counter in counters.items():
        for key, kind in COUNTER_DEVICES.items():
            yield from _device_faults(("counters", name, key), counter.get(key), kind, devices)


def _device_faults(loc: Loc, name: object, kind: Kind, devices: Tables) -> Iterator[Fault]:
    if not isinstance(name, str):
        return
    if name not in devices:
        alike = [device for device, table in devices.items() if _kind(table) is kind]
        yield Fault(loc, EXPECTED["no-device"].fill(name=name), nearest(name, alike))
        return
    is_kind = _kind(devices[name])
    if is_kind not in (kind, None):
        expected = EXPECTED["wrong-kind"].fill(name=name, kind=kind, zh_kind=KINDS[kind].zh, is_kind=is_kind)
        yield Fault(loc, expected)


def _kind(device: Mapping[str, Any]) -> Kind | None:
    driver = device.get("driver")
    return DRIVERS[driver].kind if isinstance(driver, str) and driver in DRIVERS else None


def _missing_services(counters: Tables, services: Tables) -> Iterator[Fault]:
    for name, counter in counters.items():
        listed = as_names(counter.get("services"))
        for index, service in enumerate(listed):
            loc = ("counters", name, "services", index)
            if service in listed[:index]:
                yield Fault(loc, EXPECTED["named-twice"].fill(name=service))
            elif isinstance(service, str) and service not in services:
                yield Fault(loc, EXPECTED["no-service"].fill(name=service), nearest(service, services))


def as_names(value: object) -> Sequence[object]:
    """The names in `value`: from the file an array, from the environment a text with commas."""
    if isinstance(value, str):
        return [part.strip() for part in value.split(",")]
    return value if isinstance(value, list) else []


def _shared_devices(counters: Tables) -> Iterator[Fault]:
    owner: dict[str, str] = {}
    for name, counter in counters.items():
        for key in OWN_DEVICES:
            device = counter.get(key)
            if isinstance(device, str) and owner.setdefault(device, name) != name:
                yield Fault(("counters", name, key), EXPECTED["taken"].fill(name=device, counter=owner[device]))


def _same_prefixes(services: Tables) -> Iterator[Fault]:
    first: dict[object, str] = {}
    for name, service in services.items():
        prefix = service.get("prefix", "")
        if isinstance(prefix, str) and first.setdefault(prefix, name) != name:
            yield Fault(("services", name, "prefix"), EXPECTED["same-prefix"].fill(other=first[prefix]))


def _same_links(devices: Tables) -> Iterator[Fault]:
    first: dict[tuple[object, ...], str] = {}
    for name, device in devices.items():
        plug = _plug(device.get("link"))
        if plug and first.setdefault(plug, name) != name:
            yield Fault(("devices", name, "link"), EXPECTED["same-link"].fill(other=first[plug]))


def _plug(link: object) -> tuple[object, ...] | None:
    if not isinstance(link, str):
        return None
    try:
        url = parse_link(link)
    except LinkUrlError:
        return None  # that is reported with the device
    return url.scheme, url.path, url.host, url.port
