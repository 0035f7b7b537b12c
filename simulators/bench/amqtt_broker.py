"""``python -m simulators.bench.amqtt_broker PORT``: a broker of MQTT 3.1.1, where no mosquitto is installed."""

from __future__ import annotations

import asyncio
import signal
import sys
from importlib import import_module


async def serve(port: int) -> None:
    """Let anybody on this machine in, until told to end."""
    listener = {"type": "tcp", "bind": f"127.0.0.1:{port}"}
    plugins = {"amqtt.plugins.authentication.AnonymousAuthPlugin": {"allow_anonymous": True}}
    broker = import_module("amqtt.broker").Broker({"listeners": {"default": listener}, "plugins": plugins})
    ended = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, ended.set)
    await broker.start()
    await ended.wait()
    await broker.shutdown()


if __name__ == "__main__":
    asyncio.run(serve(int(sys.argv[1])))
