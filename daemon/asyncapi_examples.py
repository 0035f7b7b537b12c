"""An example for any schema of the AsyncAPI document: the same kiosk on the same day throughout."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

NAMED: Mapping[str, Any] = {
    "about": "phone-1",
    "acknowledged_at": "2026-11-21T09:31:00+08:00",
    "acknowledged_by": "012",
    "after": "2026-11-21T09:30:00+08:00",
    "after_s": 4.2,
    "ahead": 3,
    "before": "1970-01-01T00:00:12+08:00",
    "boot": "9f86d081",
    "by": "012",
    "by_s": 1795224588.0,
    "call": "17",
    "caller": "138******00",
    "changed": ["devices.printer-1"],
    "checked_at": "2026-11-21T08:45:00+08:00",
    "commands_refused": 0,
    "events_refused": 0,
    "count": 2000,
    "counter": "1",
    "deadline": "2026-11-21T09:30:30+08:00",
    "device": "printer-1",
    "display": "led-1",
    "due_at": "2026-11-21T09:40:00+08:00",
    "errors": ["devices.led-1.driver: unknown driver 'bxx'; did you mean bx?"],
    "first_sequence": 1,
    "forecast_s": 540,
    "id": "desk-3-0042",
    "job": "42",
    "kept_as": "/var/lib/kioskd/kioskd.db.damaged-3ade68b1",
    "kind": "printer",
    "last_sequence": 2000,
    "level": 5,
    "longest_wait_s": 412,
    "number": "A012",
    "opens_at": "2026-11-21T09:00:00+08:00",
    "panel": "panel-1",
    "phone": "phone-1",
    "printer": "printer-1",
    "raised_at": "2026-11-21T09:30:00+08:00",
    "reason": "paper-end",
    "reasons": ["paper-end"],
    "ringing_s": 7.5,
    "rings": 2,
    "sequence": "000000000042",
    "served_s": 310.5,
    "service": "a",
    "session": "9",
    "since": "2026-11-21T08:00:00+08:00",
    "staff": "012",
    "text": "请A012到1号窗口",
    "ticket": "20261121-A012",
    "time": "2026-11-21T09:30:00.125+08:00",
    "version": "1.0.0",
    "waited_s": 412.0,
}
"""By the name of the field, where its schema has no example of its own."""

_BY_TYPE: Mapping[str, Any] = {"integer": 1, "number": 1.0, "boolean": True, "null": None}


def example(schemas: Mapping[str, Any], schema: Mapping[str, Any], name: str = "") -> Any:
    """A value that fits `schema`. `name`: the field that it is for. `schemas`: what its references point into."""
    if "$ref" in schema:
        return example(schemas, schemas[schema["$ref"].rpartition("/")[2]], name)
    if "const" in schema:
        return schema["const"]
    if "examples" in schema:
        return schema["examples"][0]
    choices = schema.get("enum", ())
    if name in NAMED and (not choices or NAMED[name] in choices):
        return NAMED[name]
    if choices:
        return choices[0]
    if "anyOf" in schema:
        return example(schemas, schema["anyOf"][0], name)
    return _of_type(schemas, schema, name)


def _of_type(schemas: Mapping[str, Any], schema: Mapping[str, Any], name: str) -> Any:
    if schema.get("type") == "object":
        fields = {key: example(schemas, field, key) for key, field in schema.get("properties", {}).items()}
        whole = [example(schemas, part) for part in schema.get("allOf", ())]
        return {key: value for part in [*whole, fields] for key, value in part.items()}
    if schema.get("type") == "array":
        return [example(schemas, schema.get("items", {}), name)]
    return _BY_TYPE.get(schema.get("type", ""), schema.get("default", name))
