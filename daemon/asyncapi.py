"""The MQTT interface as an AsyncAPI 3.0 document, made from the models: ``python -m daemon.asyncapi`` prints it.

Everything in it comes from the models and from what the session really does, so it cannot fall behind them. Seen
from kioskd, as AsyncAPI wants it: it *sends* statuses, events and replies, and *receives* commands.

Source: AsyncAPI specification 3.0.0; MQTT bindings 0.2.0.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator
from dataclasses import dataclass, fields
from typing import Any, Literal

from pydantic.json_schema import GenerateJsonSchema, models_json_schema

from daemon import __version__
from daemon.asyncapi_examples import example
from daemon.commands import Reply, Request, Status, command_types
from daemon.envelope import CONTENT_TYPE, CloudEvent
from daemon.events import Event, event_types
from daemon.model import ID_PATTERN, NAME_PATTERN, Model
from daemon.mqtt.broker import Broker
from daemon.statuses import RETAINED, KioskStatus

ROOT = "kioskd/{hall}/{kiosk}"
JSON = "application/json"
SCHEMAS = "#/components/schemas/"
MQTT_BINDING = "0.2.0"

DESCRIPTION = """\
kioskd drives the devices of one kiosk and its counters, and publishes what happens. docs/mqtt.md says how to work with
it: ids, sequence, duplicates, deadlines. Every topic begins with `kioskd/{hall}/{kiosk}`, or with what the key `root`
of the configuration says. Consumers ignore fields that they do not know; kioskd refuses commands that have any."""

REPLY = """\
The answer to a command: `accepted` first if the outcome takes time, then one final answer. A request with a response
topic of MQTT 5 is answered there, with its correlation data, instead of here."""

PARAMETERS = {
    "hall": "the hall, from the configuration",
    "kiosk": "the kiosk, from the configuration",
    "device": "a device's name in the configuration",
    "counter": "a counter's name in the configuration",
    "service": "a service's name in the configuration",
    "id": "the command's id",
}


@dataclass(frozen=True, slots=True)
class Channel:
    """One topic and its one message. `topic` is relative to the root."""

    topic: str
    name: str
    action: Literal["send", "receive"]
    description: str
    payload: dict[str, Any]
    example: dict[str, Any]
    content_type: str = JSON
    retained: bool = False

    @property
    def key(self) -> str:
        """The topic without its parameters, in a form that needs no escape in a JSON pointer."""
        return ".".join(level for level in self.topic.split("/") if not level.startswith("{"))


def document() -> dict[str, Any]:
    """The whole document, as plain values."""
    schemas = _schemas()
    channels = list(_channels(schemas))
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "kioskd",
            "version": __version__,
            "description": DESCRIPTION,
            "license": {"name": "Apache-2.0", "url": "https://www.apache.org/licenses/LICENSE-2.0"},
        },
        "defaultContentType": JSON,
        "servers": {"broker": _server()},
        "channels": {channel.key: _channel(channel) for channel in channels},
        "operations": {f"{channel.action}{channel.name}": _operation(channel) for channel in channels},
        "components": {
            "schemas": schemas,
            "messages": {channel.name: _message(channel) for channel in channels},
            "parameters": {name: _parameter(name) for name in PARAMETERS},
            "operationTraits": {"event": _quality(retain=False), "state": _quality(retain=True)},
        },
    }


def _channels(schemas: dict[str, Any]) -> Iterator[Channel]:
    for topic, status in RETAINED.items():
        shown = example(schemas, _ref(status))
        yield Channel(topic, status.__name__, "send", _doc(status), _ref(status), shown, retained=True)
    for kind, event in event_types().items():
        topic = f"event/{event.NOUN}/{event.VERB}"
        payload = _narrowed(CloudEvent, type={"const": kind}, data=_ref(event))
        shown = example(schemas, payload)
        shown["subject"] = str(next(iter(shown["data"].values())))
        yield Channel(topic, event.__name__, "send", _doc(event), payload, shown, CONTENT_TYPE)
    for name, command in command_types().items():
        payload = _narrowed(Request, data=_ref(command))
        if schemas[command.__name__].get("required"):
            payload["required"] = ["data"]
        yield Channel(f"command/{name}", command.__name__, "receive", _doc(command), payload, example(schemas, payload))
    yield Channel("reply/{id}", Reply.__name__, "send", REPLY, _ref(Reply), _DONE.model_dump(mode="json"))


_DONE = Reply(id="desk-3-0042", status=Status.DONE, data={"ticket": "20261121-A012", "number": "A012", "ahead": 3})


# schemas


class _Schemas(GenerateJsonSchema):
    """Without the titles that repeat the names of fields."""

    def field_title_should_be_set(self, schema: Any) -> bool:
        return False


def _schemas() -> dict[str, Any]:
    """Every model by its name: what kioskd sends as it is sent, what it takes as it is taken."""
    sent: list[type[Model]] = [CloudEvent, Reply, *RETAINED.values(), *event_types().values()]
    taken: list[type[Model]] = [Request, *command_types().values()]
    modes: list[tuple[type[Model], Literal["serialization", "validation"]]] = []
    modes += [(model, "serialization") for model in sent]
    modes += [(model, "validation") for model in taken]
    _, whole = models_json_schema(modes, ref_template=SCHEMAS + "{model}", schema_generator=_Schemas)
    schemas: dict[str, Any] = whole["$defs"]
    for schema in schemas.values():
        schema.pop("title", None)
        if "description" in schema:
            schema["description"] = inspect.cleandoc(schema["description"])
    schemas[CloudEvent.__name__]["properties"]["data"] = {"type": "object", "description": "what its type says"}
    del schemas[Event.__name__]
    return dict(sorted(schemas.items()))


def _ref(model: type[Model]) -> dict[str, Any]:
    return {"$ref": SCHEMAS + model.__name__}


def _narrowed(envelope: type[Model], **properties: Any) -> dict[str, Any]:
    return {"allOf": [_ref(envelope)], "type": "object", "properties": properties}


def _doc(model: type[Model]) -> str:
    return inspect.getdoc(model) or model.__name__


# the parts of the document


def _server() -> dict[str, Any]:
    default = {field.name: field.default for field in fields(Broker)}
    will = KioskStatus(state="offline", boot="9f86d081", version=__version__)
    return {
        "host": "localhost:{port}",
        "protocol": "mqtt",
        "protocolVersion": "5.0",
        "description": (
            "The broker that the configuration names; MQTT 3.1.1 where it has no 5. The last will is published "
            f"{default['will_delay_s']} s after the connection was lost, unless kioskd is back by then."
        ),
        "variables": {"port": {"default": str(default["port"]), "description": "8883 with TLS"}},
        "bindings": {
            "mqtt": {
                "clientId": "kioskd-{hall}-{kiosk}",
                "cleanSession": False,
                "lastWill": {"topic": f"{ROOT}/status", "qos": 1, "retain": True, "message": will.model_dump_json()},
                "keepAlive": default["keepalive_s"],
                "sessionExpiryInterval": default["session_expiry_s"],
                "bindingVersion": MQTT_BINDING,
            }
        },
    }


def _channel(channel: Channel) -> dict[str, Any]:
    address = f"{ROOT}/{channel.topic}"
    return {
        "address": address,
        "messages": {channel.name: {"$ref": f"#/components/messages/{channel.name}"}},
        "parameters": {name: {"$ref": f"#/components/parameters/{name}"} for name in re.findall(r"{(\w+)}", address)},
    }


def _parameter(name: str) -> dict[str, Any]:
    if name == "id":
        return {"description": f"{PARAMETERS[name]}: {ID_PATTERN}", "location": "$message.payload#/id"}
    return {"description": f"{PARAMETERS[name]}: {NAME_PATTERN}"}


def _operation(channel: Channel) -> dict[str, Any]:
    operation: dict[str, Any] = {
        "action": channel.action,
        "channel": {"$ref": f"#/channels/{channel.key}"},
        "summary": _first_sentence(channel.description),
        "traits": [{"$ref": f"#/components/operationTraits/{'state' if channel.retained else 'event'}"}],
        "messages": [{"$ref": f"#/channels/{channel.key}/messages/{channel.name}"}],
    }
    if channel.action == "receive":
        reply = {"channel": {"$ref": "#/channels/reply"}, "messages": [{"$ref": "#/channels/reply/messages/Reply"}]}
        operation["reply"] = reply
    return operation


def _quality(*, retain: bool) -> dict[str, Any]:
    return {"bindings": {"mqtt": {"qos": 1, "retain": retain, "bindingVersion": MQTT_BINDING}}}


def _message(channel: Channel) -> dict[str, Any]:
    message: dict[str, Any] = {
        "contentType": channel.content_type,
        "description": channel.description,
        "payload": channel.payload,
        "examples": [{"payload": channel.example}],
    }
    if channel.key == "reply" or channel.action == "receive":
        message["correlationId"] = {"location": "$message.payload#/id"}
    return message


def _first_sentence(text: str) -> str:
    return re.split(r"(?<=[.?])\s", text, maxsplit=1)[0]


def main() -> None:
    """Print the document as YAML. PyYAML is a package of development, and not there on a kiosk."""
    import yaml  # noqa: PLC0415

    class Dumper(yaml.SafeDumper):
        def ignore_aliases(self, data: Any) -> bool:
            return True

        def represent_text(self, text: str) -> yaml.ScalarNode:
            return self.represent_scalar("tag:yaml.org,2002:str", text, style="|" if "\n" in text else None)

    Dumper.add_representer(str, Dumper.represent_text)
    print("# Made from the models by `make asyncapi`: do not edit.")
    print(yaml.dump(document(), Dumper=Dumper, sort_keys=False, allow_unicode=True, width=100), end="")


if __name__ == "__main__":
    main()
