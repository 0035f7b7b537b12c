"""Commands as they come from strangers: bytes to an order, or the reason why not."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Protocol, TypeVar

from pydantic import ValidationError

from daemon.commands import MAX_PAYLOAD_BYTES, Command, Refusal, Request, command_types
from daemon.model import ID_PATTERN, Model
from daemon.refused import Refused

UNIDENTIFIED = "unidentified"
"""The id in the reply to what carries none that can be read."""

MAX_READ_BYTES = max(kind.MAX_BYTES for kind in command_types().values())
"""No command is larger: in a longer one not even the id is looked for."""

FAULTS_MAX = 5
"""Faults named in one refusal."""


M = TypeVar("M", bound=Model)


class Message(Protocol):
    """A command as it came from the broker. `topic` is relative to the root: ``command/ticket/take``."""

    @property
    def topic(self) -> str: ...
    @property
    def payload(self) -> bytes: ...
    @property
    def retained(self) -> bool: ...


@dataclass(frozen=True, slots=True)
class Order:
    """A command that passed every check that needs no store."""

    name: str
    request: Request
    command: Command

    @property
    def fingerprint(self) -> str:
        """The same for the same topic and data, however they are laid out."""
        body = json.dumps([self.name, self.request.data], sort_keys=True).encode()
        return hashlib.sha256(body).hexdigest()


def read_order(message: Message, types: Mapping[str, type[Command]]) -> Order:
    """The order in `message`, by the models in `types`; raises Refused with what is wrong with it.

    What costs least and trusts least is checked first.
    """
    if message.retained:
        raise Refused(Refusal.RETAINED, "a retained command would be carried out again at each restart")
    name = message.topic.removeprefix("command/")
    kind = types.get(name)
    max_bytes = kind.MAX_BYTES if kind is not None else MAX_PAYLOAD_BYTES
    if len(message.payload) > max_bytes:
        raise Refused(Refusal.TOO_LARGE, f"{len(message.payload)} bytes; at most {max_bytes}")
    if kind is None:
        near = get_close_matches(name, types, n=1)
        hint = f"; did you mean {near[0]}?" if near else ""
        raise Refused(Refusal.UNKNOWN_COMMAND, f"no command {name[:80]!r}{hint}")
    request = _parse(Request, _json(message.payload))
    command = _parse(kind, request.data)
    return Order(name, request, command)


def _json(payload: bytes) -> object:
    try:
        return json.loads(payload.decode())
    except UnicodeDecodeError as error:
        raise Refused(Refusal.NOT_UTF8, f"byte {error.start} is not UTF-8") from error
    except (ValueError, RecursionError) as error:
        raise Refused(Refusal.NOT_JSON, str(error)) from error


def _parse(model: type[M], value: object) -> M:
    try:
        return model.model_validate(value)
    except ValidationError as error:
        faults = error.errors(include_url=False, include_input=False)
        words = [f"{'.'.join(map(str, fault['loc'])) or 'payload'}: {fault['msg']}" for fault in faults]
        raise Refused(Refusal.INVALID, "; ".join(words[:FAULTS_MAX])) from error


def readable_id(payload: bytes) -> str:
    """The id of a command that was refused for something else, so that its sender hears of it."""
    if len(payload) > MAX_READ_BYTES:
        return UNIDENTIFIED
    try:
        value = json.loads(payload.decode())
    except (ValueError, RecursionError):
        return UNIDENTIFIED
    found = value.get("id") if isinstance(value, dict) else None
    return found if isinstance(found, str) and re.fullmatch(ID_PATTERN, found) else UNIDENTIFIED
