"""What a modem says, read and said: the table of sourced bytes, random messages, noise."""

from __future__ import annotations

import random
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.phone.modem_protocol import (
    MAX_COMMAND_BYTES,
    Cadence,
    CallerField,
    Code,
    CommandDecoder,
    Echo,
    Message,
    ModemDecoder,
    Result,
    ResultCode,
    Ring,
    Shielded,
    encode,
    encode_command,
    encode_report,
    read_number,
)

FORMS: dict[str, Callable[..., Message]] = {
    "ring": Ring,
    "code": Shielded,
    "ringing": lambda tenths: Cadence(ringing=True, tenths=tenths),
    "silence": lambda tenths: Cadence(ringing=False, tenths=tenths),
    "field": CallerField,
    "result": lambda text: Result(ResultCode(text)),
    "echo": Echo,
}

VECTORS = tomllib.loads((Path(__file__).parent / "vectors" / "modem.toml").read_text("utf-8"))["vector"]
SAID = [pytest.param(vector, id=vector["name"]) for vector in VECTORS if vector["direction"] == "from-device"]
EXACT = [
    pytest.param(vector, id=vector["name"])
    for vector in VECTORS
    if vector["direction"] == "from-device" and vector.get("exact", True)
]
TOLD = [pytest.param(vector, id=vector["name"]) for vector in VECTORS if vector["direction"] == "to-device"]


def messages(vector: dict[str, Any]) -> list[Message]:
    return [FORMS[form](*values) for form, *values in vector["says"]]


def decoder(vector: dict[str, Any]) -> ModemDecoder:
    return ModemDecoder(voice=vector.get("voice", True))


def wire(vector: dict[str, Any]) -> bytes:
    return bytes.fromhex(vector["bytes"])


def one_by_one(reader: ModemDecoder, data: bytes) -> list[Message]:
    return [message for byte in data for message in reader.feed(bytes([byte]))]


@pytest.mark.parametrize("vector", SAID)
def test_reads_a_vector_whole_byte_by_byte_and_with_bytes_behind(vector: dict[str, Any]) -> None:
    expected = messages(vector)
    assert decoder(vector).feed(wire(vector)) == expected
    assert one_by_one(decoder(vector), wire(vector)) == expected
    assert decoder(vector).feed(wire(vector) + b"\r\nRI") == expected
    assert decoder(vector).feed(wire(vector) + wire(vector)) == expected + expected


@pytest.mark.parametrize("vector", EXACT)
def test_says_a_vector_byte_for_byte(vector: dict[str, Any]) -> None:
    if vector.get("report"):
        fields = [message for message in messages(vector) if isinstance(message, Cadence | CallerField)]
        assert encode_report(fields) == wire(vector)
    else:
        spaced = vector.get("spaced", True)
        assert b"".join(encode(message, spaced=spaced) for message in messages(vector)) == wire(vector)


@pytest.mark.parametrize("vector", TOLD)
def test_commands_both_ways(vector: dict[str, Any]) -> None:
    assert encode_command(vector["command"]) == wire(vector)
    assert CommandDecoder().feed(wire(vector)) == [vector["command"]]
    reader = CommandDecoder()
    assert [line for byte in wire(vector) for line in reader.feed(bytes([byte]))] == [vector["command"]]
    assert CommandDecoder().feed(wire(vector) + b"\n" + wire(vector) + b"AT") == [vector["command"]] * 2


PRINTABLE = st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E), max_size=40)
MESSAGES = st.one_of(
    st.just(Ring()),
    st.sampled_from(Code).map(lambda code: Shielded(code.value)),
    st.builds(Cadence, st.booleans(), st.integers(0, 99999)),
    st.builds(CallerField, st.sampled_from(["DATE", "TIME", "NMBR", "NAME", "MESG"]), PRINTABLE),
    st.sampled_from(ResultCode).map(Result),
)


@given(st.lists(MESSAGES), st.booleans(), st.randoms(use_true_random=False))
def test_what_is_said_is_read_however_it_is_cut(said: list[Message], spaced: bool, cut: random.Random) -> None:
    stream = b"".join(encode(message, spaced=spaced) for message in said)
    reader, read = ModemDecoder(), []
    while stream:
        size = cut.randint(1, len(stream))
        read += reader.feed(stream[:size])
        stream = stream[size:]
    assert read == said
    assert (reader.ignored, reader.unreadable) == (0, 0)


@given(st.binary(max_size=300), MESSAGES, st.booleans())
def test_after_any_noise_the_next_line_is_read(noise: bytes, message: Message, voice: bool) -> None:
    if isinstance(message, Shielded):
        message = Ring()
    reader = ModemDecoder(voice=voice)
    reader.feed(noise)
    assert reader.feed(encode(message))[-1:] == [message]


@pytest.mark.parametrize("voice", [True, False])
def test_100_kb_of_noise_are_bounded_and_forgotten(voice: bool) -> None:
    noise = random.Random(7).randbytes(100_000)
    reader = ModemDecoder(voice=voice)
    made_up = [message for message in reader.feed(noise) if not isinstance(message, Shielded)]
    assert made_up == []
    assert reader.unreadable > 50_000
    assert len(reader._line) <= 256
    assert reader.feed(encode(Ring()))[-1:] == [Ring()]


def test_a_line_without_end_is_no_message() -> None:
    reader = ModemDecoder()
    assert reader.feed(b"RING" + b" " * 100_000 + b"\r\n") == []
    assert reader.feed(b"RING\r\n") == [Ring()]


@given(st.binary())
def test_data_mode_knows_no_codes(noise: bytes) -> None:
    assert not any(isinstance(message, Shielded) for message in ModemDecoder(voice=False).feed(noise))


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("13800138000", ("13800138000", False)),
        ("010-8888 6666", ("01088886666", False)),
        ("+8613800138000", ("+8613800138000", False)),
        ("P", (None, True)),
        ("O", (None, False)),
        ("", (None, False)),
        ("9" * 33, (None, False)),
        ("PRIVATE", (None, False)),
        ("8613\x001380", (None, False)),
    ],
)
def test_numbers(value: str, expected: tuple[str | None, bool]) -> None:
    assert read_number(value) == expected


@pytest.mark.parametrize("command", ["", "ATZ\rATD110", "hello", "AT\x10R", "AT" + "0" * MAX_COMMAND_BYTES, "AT中"])
def test_commands_that_no_modem_may_be_told(command: str) -> None:
    with pytest.raises(ValueError, match=r"expected a modem command|longer than"):
        encode_command(command)


def test_no_control_character_leaves_in_a_field() -> None:
    for bad in ("1\r\nRING", "1\x10R", "号"):
        with pytest.raises(ValueError, match="printable ASCII"):
            encode(CallerField("NAME", bad))
        with pytest.raises(ValueError, match="printable ASCII"):
            encode_report([CallerField("NAME", bad)])


def test_a_command_is_found_behind_noise_and_not_in_it() -> None:
    reader = CommandDecoder()
    assert reader.feed(b"\xff" * 5000 + b"ATE0\r") == ["ATE0"]
    assert reader.feed(b"AT\xffE0\r" + b"AT" + b"0" * 5000 + b"\r") == []
    assert reader.feed(random.Random(3).randbytes(100_000) + b"\rATZ\r")[-1:] == ["ATZ"]
