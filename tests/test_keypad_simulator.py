"""The simulated keypad: what it can be told, and what it does with its keys."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest

from drivers.link.input_event import DOWN, EVENT_BYTES, REPEAT, decode_event
from drivers.panel.keypad_protocol import DEFAULT_KEYS
from simulators.device import CommandError
from simulators.keypad import KeypadSimulator
from simulators.stage import Stage
from simulators.uinput_endpoint import UinputEndpoint

DEADLINE_S = 5.0


@pytest.mark.parametrize("text", ["press", "press 6", "press KEY_9", "press 1 2", "bounce", "bounce 1 0", "stuck"])
async def test_the_simulator_refuses_wrong_commands(text: str) -> None:
    words = text.split()
    with pytest.raises(CommandError, match="expected"):
        KeypadSimulator().commands[words[0]].run(words[1:])


class Ear:
    """What a host would hear."""

    def __init__(self) -> None:
        self.heard = b""

    def send(self, data: bytes) -> None:
        self.heard += data


async def test_the_simulator_shows_what_is_down() -> None:
    simulator = KeypadSimulator(DEFAULT_KEYS, hold_s=60)
    changes: list[None] = []
    simulator.changed = lambda: changes.append(None)
    simulator.commands["press"].run(["KEY_KP1"])
    state = simulator.state()
    assert [key["key"] for key in state["keys"] if key["down"]] == ["KEY_KP1"]
    assert state["last_press"] == "KEY_KP1"
    assert json.loads(json.dumps(state)) == state
    assert changes
    simulator.close()


async def test_the_simulator_repeats_a_held_key_until_it_comes_up_or_the_simulator_ends() -> None:
    simulator, ear = KeypadSimulator(hold_s=60, repeat_delay_s=0.002, repeat_period_s=0.001), Ear()
    simulator.attach(ear)
    simulator.commands["press"].run(["5"])
    async with asyncio.timeout(DEADLINE_S):
        while len(ear.heard) < 3 * 2 * EVENT_BYTES:
            await asyncio.sleep(0.001)
    values = [decode_event(ear.heard[at : at + EVENT_BYTES]).value for at in range(0, 6 * EVENT_BYTES, 2 * EVENT_BYTES)]
    assert values == [DOWN, REPEAT, REPEAT]
    simulator.close()
    heard = ear.heard
    await asyncio.sleep(0.02)
    assert ear.heard == heard


async def test_without_uinput_the_endpoint_says_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("simulators.uinput_endpoint.UINPUT", str(tmp_path / "uinput"))
    with pytest.raises(OSError, match=r"/uinput.*module is loaded.*Unix socket"):
        await Stage(KeypadSimulator(), UinputEndpoint()).__aenter__()
