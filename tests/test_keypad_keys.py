"""The keypad's keys: events as the kernel writes them, presses, and keys that are stuck."""

from __future__ import annotations

import struct
import sys
import tomllib
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.link.input_event import DOWN, EVENT_BYTES, REPEAT, UP, InputEvent, decode_event
from drivers.panel.keypad import KeypadOptions
from drivers.panel.keypad_protocol import KEY_CODES, Keys, key_name
from simulators.keypad import key_report

VECTORS: list[dict[str, Any]] = tomllib.loads((Path(__file__).parent / "vectors/keypad.toml").read_text())["vector"]
KEY_VECTORS = [vector for vector in VECTORS if "key" in vector]

as_on_64_bit = pytest.mark.skipif(
    struct.calcsize("@l") != 8 or sys.byteorder != "little", reason="the vectors are those of 64-bit little-endian"
)


def _named(vector: dict[str, Any]) -> str:
    return str(vector["name"])


@as_on_64_bit
@pytest.mark.parametrize("vector", VECTORS, ids=_named)
def test_decodes_the_vector(vector: dict[str, Any]) -> None:
    decoded = decode_event(bytes.fromhex(vector["bytes"]))
    assert decoded == InputEvent(vector["time_s"], vector["type"], vector["code"], vector["value"])


@as_on_64_bit
@pytest.mark.parametrize("vector", KEY_VECTORS, ids=_named)
def test_the_simulator_encodes_the_vector(vector: dict[str, Any]) -> None:
    report = key_report(KEY_CODES[vector["key"]], vector["value"], vector["time_s"])
    assert report[:EVENT_BYTES] == bytes.fromhex(vector["bytes"])
    assert decode_event(report[EVENT_BYTES:]) == InputEvent(vector["time_s"], 0, 0, 0)
    assert len(report) == 2 * EVENT_BYTES


@pytest.mark.parametrize("vector", KEY_VECTORS, ids=_named)
def test_the_level_of_the_vector(vector: dict[str, Any]) -> None:
    keys = Keys(KeypadOptions().levels, stuck_s=1)
    assert keys.feed("event0", vector["code"], vector["value"], 0) == vector.get("level")


def test_the_key_table_is_the_kernels() -> None:
    ecodes = import_module("evdev").ecodes.ecodes  # built from linux/input-event-codes.h
    assert {name: ecodes.get(name) for name in KEY_CODES} == dict(KEY_CODES)


class Presses:
    """Keys 2 and 3 (levels 5 and 4) of one keypad, with a clock that the test moves."""

    def __init__(self) -> None:
        self.keys = Keys({2: 5, 3: 4}, stuck_s=10)

    def __call__(self, code: int, value: int, now_s: float = 0, node: str = "event0") -> int | None:
        return self.keys.feed(node, code, value, now_s)


def test_one_key_going_down_is_one_press() -> None:
    key = Presses()
    moves = [DOWN, REPEAT, REPEAT, UP, DOWN, UP]
    assert [key(2, value) for value in moves] == [5, None, None, None, 5, None]


def test_bounce_is_passed_on_as_it_came() -> None:
    key = Presses()
    assert [key(2, value) for value in [DOWN, UP] * 3] == [5, None] * 3


def test_a_key_that_was_down_before_is_not_pressed_until_it_comes_up() -> None:
    key = Presses()
    assert [key(2, value) for value in [REPEAT, DOWN, UP, DOWN]] == [None, None, None, 5]


def test_keys_that_stand_for_no_level_press_nothing_and_can_be_stuck() -> None:
    key = Presses()
    assert key(28, DOWN) is None
    assert key.keys.stuck(10) == (28,)


def test_the_same_key_on_two_nodes_is_two_keys() -> None:
    key = Presses()
    assert [key(2, DOWN, node="event0"), key(2, DOWN, node="event1")] == [5, 5]
    key(2, UP, node="event0")
    assert key.keys.stuck(10) == (2,)


def test_a_key_is_stuck_after_its_time_and_recovers() -> None:
    key = Presses()
    assert key.keys.next_stuck_s(0) is None
    key(3, DOWN, 0)
    key(2, DOWN, 4)
    key(2, REPEAT, 5)
    assert key.keys.next_stuck_s(4) == 10
    assert key.keys.stuck(9.9) == ()
    assert key.keys.stuck(10) == (3,)
    assert key.keys.next_stuck_s(10) == 14
    assert key.keys.stuck(14) == (2, 3)
    assert key.keys.next_stuck_s(14) is None
    key(3, UP, 15)
    assert key.keys.stuck(15) == (2,)
    key(2, UP, 15)
    assert key.keys.stuck(99) == ()


@given(st.lists(st.tuples(st.integers(1, 4), st.sampled_from([UP, DOWN, REPEAT])), max_size=60))
def test_presses_are_the_times_a_level_key_goes_from_up_to_down(moves: list[tuple[int, int]]) -> None:
    key = Presses()
    down: set[int] = set()
    for code, value in moves:
        expected = {2: 5, 3: 4}.get(code) if value == DOWN and code not in down else None
        assert key(code, value) == expected
        down = down - {code} if value == UP else down | {code}
    assert key.keys.stuck(10) == tuple(sorted(down))


def test_keys_without_a_name_are_told_by_number() -> None:
    assert (key_name(2), key_name(600)) == ("KEY_1", "key 600")
