"""The keypad's driver against the simulated keypad, over a real line."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from drivers.catalog import DRIVERS
from drivers.device import Condition, LinkLost, Reason, State
from drivers.link.catalog import SCHEMES
from drivers.link.input_link import InputLink
from drivers.link.url import parse_link
from drivers.panel.capability import Press
from drivers.panel.keypad import KeypadOptions, KeypadPanel
from drivers.panel.keypad_protocol import KEY_CODES
from simulators.keypad import KeypadSimulator
from simulators.stage import Stage
from simulators.unix_endpoint import UnixEndpoint
from simulators.wire import HostWire

DEADLINE_S = 5.0
READY = Condition(State.READY)


def test_the_first_key_is_the_best_by_default() -> None:
    options = KeypadOptions()
    assert [options.levels[KEY_CODES[f"KEY_{digit}"]] for digit in range(1, 6)] == [5, 4, 3, 2, 1]
    assert [options.levels[KEY_CODES[f"KEY_KP{digit}"]] for digit in range(1, 6)] == [5, 4, 3, 2, 1]
    assert len(options.levels) == 10


@pytest.mark.parametrize(
    ("wrong", "expected"),
    [
        ({"keys": {}}, "at least one key"),
        ({"keys": {"KEY_KP11": 5}}, "no key is called 'KEY_KP11'; did you mean KEY_KP1"),
        ({"keys": {"key_1": 5}}, "did you mean KEY_1"),
        ({"keys": {"贵宾": 5}}, "names are the kernel's"),
        ({"keys": {"KEY_1": 6}}, "KEY_1 = 6: expected a level from 1 to 5"),
        ({"keys": {"KEY_1": 0}}, "expected a level from 1 to 5"),
        ({"stuck_s": 0}, "expected more than 0 seconds"),
        ({"stuck_s": float("nan")}, "expected more than 0 seconds"),
    ],
)
def test_wrong_options_are_refused_in_words(wrong: dict[str, Any], expected: str) -> None:
    with pytest.raises(ValueError, match=expected):
        KeypadOptions(**wrong)


def test_the_catalogue_makes_this_driver() -> None:
    entry = DRIVERS["keypad"]
    assert entry.schemes == ("evdev", "evdev+unix")
    assert entry.options_class() is KeypadOptions
    assert isinstance(entry.make(KeypadOptions(), lambda _: None, lambda _: None), KeypadPanel)


STUCK_S = 0.15


class CountingStage(Stage):
    """A stage that counts the hosts it has let in."""

    hosts = 0

    def attached(self, wire: HostWire) -> None:
        super().attached(wire)
        self.hosts += 1


@dataclass
class Rig:
    """A keypad to be served: what it reports and emits, and the stage with the simulator at the far end."""

    stage: CountingStage
    link: InputLink = field(init=False)
    serving: asyncio.Task[None] = field(init=False)
    conditions: list[Condition] = field(default_factory=list)
    presses: list[Press] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.panel = KeypadPanel(KeypadOptions(stuck_s=STUCK_S), self.conditions.append, self.presses.append)

    async def serve(self) -> None:
        """Open a link and serve the panel over it; returns when both sides are there."""
        hosts, reports = self.stage.hosts, len(self.conditions)
        link = parse_link(self.stage.endpoint.url)
        self.link = await SCHEMES[link.scheme][0](link)
        self.serving = asyncio.create_task(self.panel.serve(self.link))
        await self.until(lambda: self.stage.hosts > hosts and len(self.conditions) > reports)

    async def stop(self) -> None:
        self.serving.cancel()
        await asyncio.gather(self.serving, return_exceptions=True)
        self.link.close()

    async def until(self, condition: Callable[[], bool]) -> None:
        async with asyncio.timeout(DEADLINE_S):
            while not condition():
                if self.serving.done():
                    self.serving.result()
                await asyncio.sleep(0.001)

    async def pressed(self, *levels: int) -> None:
        await self.until(lambda: len(self.presses) == len(levels))
        assert [press.level for press in self.presses] == list(levels)

    def down(self) -> set[str]:
        return {key["key"] for key in self.stage.simulator.state()["keys"] if key["down"]}


@pytest.fixture
async def rig(tmp_path: Path) -> AsyncIterator[Rig]:
    simulator = KeypadSimulator(hold_s=0.01, bounce_s=0.001, repeat_delay_s=0.02, repeat_period_s=0.005)
    async with CountingStage(simulator, UnixEndpoint(tmp_path / "keypad")) as stage:
        made = Rig(stage)
        await made.serve()
        yield made
        await made.stop()


async def test_an_open_keypad_is_ready(rig: Rig) -> None:
    assert rig.conditions == [READY]


@pytest.mark.parametrize(("word", "level"), [("5", 5), ("1", 1), ("KEY_2", 4), ("key_kp4", 2)])
async def test_a_key_is_a_press_of_its_level(rig: Rig, word: str, level: int) -> None:
    before_s = asyncio.get_running_loop().time()
    rig.stage.command(f"press {word}")
    await rig.pressed(level)
    assert before_s <= rig.presses[0].monotonic_s <= asyncio.get_running_loop().time()
    await rig.until(lambda: not rig.down())
    rig.stage.command(f"press {word}")
    await rig.pressed(level, level)
    assert rig.conditions == [READY]


async def test_two_keys_at_once_are_two_presses(rig: Rig) -> None:
    rig.stage.command("press 5")
    rig.stage.command("press 1")
    await rig.pressed(5, 1)


async def test_a_bouncing_contact_is_as_many_presses(rig: Rig) -> None:
    rig.stage.command("bounce 3 4")
    await rig.pressed(3, 3, 3, 3)


async def test_a_stuck_key_is_one_press_and_degrades_until_it_comes_up(rig: Rig) -> None:
    rig.stage.command("stuck KEY_2")
    await rig.until(lambda: len(rig.conditions) == 2)
    assert (rig.conditions[1].state, rig.conditions[1].reasons) == (State.DEGRADED, (Reason.KEY_STUCK,))
    assert "KEY_2" in rig.conditions[1].detail
    rig.stage.command("press 5")  # the others go on working
    await rig.pressed(4, 5)
    rig.stage.command("release")
    await rig.until(lambda: len(rig.conditions) == 3)
    assert rig.conditions[2] == READY
    await rig.pressed(4, 5)


async def test_a_key_held_while_the_device_vanishes_leaves_no_stuck_key(rig: Rig) -> None:
    rig.stage.command("stuck 3")
    await rig.pressed(3)
    rig.stage.command("cut")
    with pytest.raises(LinkLost) as caught:
        await rig.serving
    assert caught.value.reason is Reason.DISCONNECTED
    rig.link.close()
    rig.stage.command("release")
    rig.stage.command("restore")
    await rig.serve()
    rig.stage.command("press 5")
    await rig.pressed(3, 5)
    await asyncio.sleep(STUCK_S)
    assert rig.conditions == [READY, READY]


async def test_a_key_that_is_stuck_already_when_the_device_comes_is_found_and_not_pressed(rig: Rig) -> None:
    rig.stage.command("cut")
    with pytest.raises(LinkLost):
        await rig.serving
    rig.link.close()
    rig.stage.command("stuck 1")
    rig.stage.command("restore")
    await rig.serve()
    await rig.until(lambda: len(rig.conditions) == 3)
    assert rig.conditions[2].reasons == (Reason.KEY_STUCK,)
    assert rig.presses == []


async def test_noise_ends_serving_and_a_new_link_reads_again(rig: Rig) -> None:
    rig.stage.command("noise 1000")
    with pytest.raises(LinkLost) as caught:
        await rig.serving
    assert caught.value.reason is Reason.GARBLED
    rig.link.close()
    await rig.serve()
    assert rig.conditions == [READY, READY]
    rig.stage.command("press 5")
    await rig.pressed(5)


async def test_a_keypad_has_nothing_to_show(rig: Rig) -> None:
    await rig.panel.invite()
    await rig.panel.thank()
    await rig.panel.dismiss()
    rig.stage.command("press 5")
    await rig.pressed(5)


async def test_cancelling_serve_passes_through(rig: Rig) -> None:
    rig.serving.cancel()
    with pytest.raises(asyncio.CancelledError):
        await rig.serving
