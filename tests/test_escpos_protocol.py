"""The printer's answers, both ways: vectors with a source, hypothesis, noise."""

from __future__ import annotations

import dataclasses
import random
import tomllib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.printer import escpos_protocol as protocol
from drivers.printer import escpos_status_protocol as statuses
from drivers.printer.escpos_protocol import Decoder, Event, Info
from drivers.printer.escpos_status_protocol import PrinterStatus, Topic
from simulators.escpos_parser import Instruction, RealTimeFilter, TextMode, read_instruction

FILE = tomllib.loads((Path(__file__).parent / "vectors" / "escpos.toml").read_text("utf-8"))
VECTORS: list[dict[str, Any]] = FILE["vector"]
TO_DEVICE = [vector for vector in VECTORS if vector["direction"] == "to-device"]
FROM_DEVICE = [vector for vector in VECTORS if vector["direction"] == "from-device"]

REQUESTS = {
    "DLE EOT 1": protocol.ask_status(Topic.PRINTER),
    "DLE EOT 2": protocol.ask_status(Topic.OFFLINE_CAUSE),
    "DLE EOT 3": protocol.ask_status(Topic.ERROR),
    "DLE EOT 4": protocol.ask_status(Topic.PAPER),
    "DLE ENQ 1": protocol.recover(resume=True),
    "DLE ENQ 2": protocol.recover(resume=False),
    "DLE DC4 8": protocol.CLEAR_BUFFERS,
    "GS a 0E": protocol.enable_asb(protocol.ASB_ITEMS),
    "GS r 1": protocol.ask_paper(),
    "GS I 67": protocol.ask_info(Info.MODEL),
    "GS ( H 0001": protocol.ask_process_id(b"0001"),
}


def name_of(vector: dict[str, Any]) -> str:
    return str(vector["name"])


def wire(vector: dict[str, Any]) -> bytes:
    return bytes.fromhex(vector["bytes"])


def status_of(vector: dict[str, Any]) -> PrinterStatus:
    return PrinterStatus(**dict.fromkeys(vector["status"], True))


def event_of(vector: dict[str, Any]) -> Event:
    text = vector.get("text", "").encode()
    match vector["event"]:
        case "flow":
            return protocol.FlowControl(vector["ready"])
        case "real-time":
            return protocol.RealTimeReply(wire(vector)[0])
        case "asb":
            return protocol.AutoStatus(status_of(vector))
        case "transmitted":
            return protocol.Transmitted(wire(vector)[0])
        case "process-id":
            return protocol.ProcessId(text)
        case "offline":
            return protocol.OfflineResponse(text)
        case "cleared":
            return protocol.BufferCleared()
        case "information":
            return protocol.Information(text)
    raise AssertionError(vector)


def encode(vector: dict[str, Any]) -> bytes:
    text = vector.get("text", "").encode()
    match vector["event"]:
        case "flow":
            return bytes((protocol.XON if vector["ready"] else protocol.XOFF,))
        case "real-time":
            return statuses.encode_real_time(Topic(vector["topic"]), status_of(vector))
        case "asb":
            return statuses.encode_asb(status_of(vector))
        case "transmitted":
            return statuses.encode_paper(status_of(vector))
        case "process-id":
            return protocol.encode_process_id(text)
        case "offline":
            return protocol.encode_offline(text)
        case "cleared":
            return protocol.BUFFER_CLEARED
        case "information":
            return protocol.encode_information(text)
    raise AssertionError(vector)


def test_every_vector_has_a_source_and_says_whether_it_is_verified() -> None:
    assert FILE["device"]
    assert FILE["source"]
    assert len({name_of(vector) for vector in VECTORS}) == len(VECTORS)
    for vector in VECTORS:
        assert vector["source"], vector
        assert isinstance(vector["verified"], bool), vector


@pytest.mark.parametrize("vector", [each for each in TO_DEVICE if each["name"] in REQUESTS], ids=name_of)
def test_a_request_is_encoded_as_its_vector(vector: dict[str, Any]) -> None:
    assert REQUESTS[vector["name"]] == wire(vector)


def test_every_request_has_its_vector() -> None:
    assert REQUESTS.keys() <= {name_of(vector) for vector in TO_DEVICE}


@pytest.mark.parametrize("vector", TO_DEVICE, ids=name_of)
def test_the_simulated_printer_reads_a_request_as_its_vector(vector: dict[str, Any]) -> None:
    data = wire(vector)
    whole = Instruction(vector["command"], bytes.fromhex(vector["arguments"])), len(data)
    mode = TextMode(double_byte=True, code="gb18030")
    assert read_instruction(data, mode) == whole
    assert read_instruction(data + b"\x1b@", mode) == whole
    for cut in range(len(data)):
        assert read_instruction(data[:cut], mode) is None


@pytest.mark.parametrize("vector", FROM_DEVICE, ids=name_of)
def test_an_answer_is_decoded_and_encoded_as_its_vector(vector: dict[str, Any]) -> None:
    data, expected = wire(vector), event_of(vector)
    assert encode(vector) == data
    assert Decoder().feed(data) == [expected]
    decoder = Decoder()
    assert [event for value in data for event in decoder.feed((value,))] == [expected]
    assert Decoder().feed(data + b"\x37\x22") == [expected]
    assert Decoder().feed(data + data) == [expected, expected]


@pytest.mark.parametrize("vector", [each for each in FROM_DEVICE if each["event"] == "real-time"], ids=name_of)
def test_a_real_time_answer_means_what_its_vector_says(vector: dict[str, Any]) -> None:
    assert statuses.decode_real_time(Topic(vector["topic"]), wire(vector)[0], PrinterStatus()) == status_of(vector)


@pytest.mark.parametrize("vector", [each for each in FROM_DEVICE if each["event"] == "transmitted"], ids=name_of)
def test_a_paper_answer_means_what_its_vector_says(vector: dict[str, Any]) -> None:
    assert statuses.decode_paper(wire(vector)[0], PrinterStatus()) == status_of(vector)


def test_xoff_inside_an_automatic_status_leaves_it_whole() -> None:
    events = Decoder().feed(bytes.fromhex("38 13 00 00 11 00"))
    assert events == [
        protocol.FlowControl(ready=False),
        protocol.FlowControl(ready=True),
        protocol.AutoStatus(PrinterStatus(offline=True, cover_open=True)),
    ]


def test_reserved_bits_of_an_automatic_status_mean_nothing() -> None:
    assert statuses.decode_asb(bytes.fromhex("10 00 60 0f")) == PrinterStatus()


def test_an_unanswered_byte_of_a_later_answer_does_not_change_what_is_known() -> None:
    known = PrinterStatus(paper_near_end=True)
    assert statuses.decode_real_time(Topic.PRINTER, 0x1A, known) == PrinterStatus(paper_near_end=True, offline=True)


STATUSES = st.builds(
    PrinterStatus, **{field.name: st.booleans() for field in dataclasses.fields(PrinterStatus)}
)  # fmt: skip


@given(STATUSES)
def test_four_real_time_answers_carry_a_whole_status(status: PrinterStatus) -> None:
    known = PrinterStatus()
    for topic in Topic:
        (event,) = Decoder().feed(statuses.encode_real_time(topic, status))
        assert isinstance(event, protocol.RealTimeReply)
        known = statuses.decode_real_time(topic, event.value, known)
    assert known == status


@given(STATUSES)
def test_an_automatic_status_carries_all_but_what_only_dle_eot_2_knows(status: PrinterStatus) -> None:
    (event,) = Decoder().feed(statuses.encode_asb(status))
    assert event == protocol.AutoStatus(dataclasses.replace(status, stopped_for_paper=False, error=False))


@pytest.mark.parametrize("token", [b"", b"abc", b"abcde", b"ab\x1bd", b"ab\x00d", "每".encode()])
def test_a_process_id_that_is_not_four_printable_characters_is_refused(token: bytes) -> None:
    with pytest.raises(ValueError, match="four printable"):
        protocol.ask_process_id(token)


@pytest.mark.parametrize("frame", ["12", "10 00 00 00", "37 22 30 30 30 31 00"])
@pytest.mark.parametrize("seed", range(5))
def test_after_100_kb_of_noise_the_next_answer_is_still_read(seed: int, frame: str) -> None:
    decoder = Decoder()
    decoder.feed(random.Random(seed).randbytes(100_000))
    assert decoder.skipped > 10_000
    assert decoder.feed(bytes.fromhex(frame)) == Decoder().feed(bytes.fromhex(frame))


@pytest.mark.parametrize("begun", ["35", "37", "3b", "5f", "5f 54 4d", "37 22 30 30", "10", "10 00 00"])
def test_a_confirmation_survives_what_only_looked_like_the_beginning_of_an_answer(begun: str) -> None:
    events = Decoder().feed(bytes.fromhex(begun) + protocol.encode_process_id(b"0042"))
    assert events == [protocol.ProcessId(b"0042")]


def test_a_block_without_an_end_is_given_up() -> None:
    decoder = Decoder()
    assert decoder.feed(b"\x5f" + b"A" * 1000) != [protocol.Information(b"A" * 1000)]
    assert decoder.skipped >= protocol.MAX_BLOCK_BYTES
    assert len(decoder._frame) <= protocol.MAX_BLOCK_BYTES


@given(st.binary(max_size=200), st.integers(min_value=1, max_value=7))
def test_what_is_decoded_does_not_depend_on_how_the_bytes_arrive(data: bytes, step: int) -> None:
    pieces = Decoder()
    events = [event for at in range(0, len(data), step) for event in pieces.feed(data[at : at + step])]
    whole = Decoder()
    assert events == whole.feed(data)
    assert pieces.skipped == whole.skipped


@given(
    st.lists(st.sampled_from([b"\x10\x04\x01", b"\x10\x05\x02", b"\x10", b"\x10\x04", b"\x1b@", "号".encode("gbk")]))
)
def test_real_time_commands_are_found_wherever_the_stream_is_cut(parts: list[bytes]) -> None:
    data = b"".join(parts) + b"\n"
    in_bytes = RealTimeFilter()
    found = [piece for value in data for piece in in_bytes.feed(bytes((value,)))]
    at_once = list(RealTimeFilter().feed(data))
    assert b"".join(piece for piece, _ in found) == data
    assert [piece for piece, real_time in found if real_time] == [piece for piece, real_time in at_once if real_time]
