"""What kioskd is compared with: the least that a paho program has to do, in a process of its own each.

They speak MQTT 5 and give each message its content type, as CloudEvents asks and kioskd does.
"""

from __future__ import annotations

import os
import socket
import struct
import sys
import threading
import tty

from paho.mqtt.client import Client, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

INPUT_EVENT = struct.Struct("@llHHi")
EV_KEY, DOWN = 1, 1
PAGE_BYTES = 4096


def press(host: str, port: int, path: str, topic: str, size: int, *disk: str) -> None:
    """A key on a Unix socket → publish. Nothing is checked; one page is synced first to the file `disk`, if any."""
    pages = [_preallocated(name) for name in disk]
    keypad = socket.socket(socket.AF_UNIX)
    keypad.connect(path)
    client = _client(host, port)
    payload = b"x" * size
    _ready()
    while data := keypad.recv(4096):
        for _, _, kind, _code, value in INPUT_EVENT.iter_unpack(data):
            if (kind, value) == (EV_KEY, DOWN):
                for page in pages:
                    os.pwrite(page, bytes(PAGE_BYTES), 0)
                    os.fdatasync(page)
                client.publish(topic, payload, 1, properties=_content_type())


def show(host: str, port: int, path: str, topic: str, size: int) -> None:
    """A message → bytes into a pty."""
    display = os.open(path, os.O_RDWR | os.O_NOCTTY)
    tty.setraw(display)
    frame = b"x" * size

    def on_message(_client: Client, _: object, _message: MQTTMessage) -> None:
        os.write(display, frame)

    client = _client(host, port)
    client.on_message = on_message
    subscribed = threading.Event()
    client.on_subscribe = lambda *_: subscribed.set()
    client.subscribe(topic, 1)
    subscribed.wait()
    _ready()
    threading.Event().wait()


def backlog(host: str, port: int, count: int, topic: str, size: int) -> None:
    """`count` messages at QoS 1. paho's window is 20, as kioskd's.

    paho gives packet ids to all that waits in its queue: beyond 65,535 it would lose messages, so few wait there.
    """
    client = _client(host, port)
    room = threading.Semaphore(1000)
    client.on_publish = lambda *_: room.release()
    payload = b"x" * size
    _ready()
    for _ in range(count):
        room.acquire()
        client.publish(topic, payload, 1, properties=_content_type())
    threading.Event().wait()


def _preallocated(name: str) -> int:
    page = os.open(name, os.O_RDWR | os.O_CREAT)
    os.pwrite(page, bytes(PAGE_BYTES), 0)
    os.fsync(page)
    return page


def _client(host: str, port: int) -> Client:
    client = Client(CallbackAPIVersion.VERSION2, protocol=MQTTProtocolVersion.MQTTv5)
    connected = threading.Event()
    client.on_connect = lambda *_: connected.set()
    client.connect(host, port)
    client.loop_start()
    connected.wait()
    return client


def _content_type() -> Properties:
    properties = Properties(PacketTypes.PUBLISH)  # type: ignore[no-untyped-call]
    properties.PayloadFormatIndicator = 1
    properties.ContentType = "application/cloudevents+json"
    return properties


def _ready() -> None:
    print("ready", flush=True)


if __name__ == "__main__":
    name, host, port, *rest = sys.argv[1:]
    match name, rest:
        case "press", (path, topic, size, *disk):
            press(host, int(port), path, topic, int(size), *disk)
        case "show", (path, topic, size):
            show(host, int(port), path, topic, int(size))
        case "backlog", (count, topic, size):
            backlog(host, int(port), int(count), topic, int(size))
