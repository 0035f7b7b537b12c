"""Onbon BX-5K/6K protocol: sourced frames both ways, round trips, noise."""

from __future__ import annotations

import random
import tomllib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.display.bx_area_protocol import Area, Malformed
from drivers.display.bx_frame_protocol import (
    CARD_LEAD,
    END,
    HOST_LEAD,
    MAX_DATA_BYTES,
    START,
    Fault,
    Garbled,
    Packet,
    PacketDecoder,
    crc16,
    encode_packet,
    escape,
    unescape,
)
from drivers.display.bx_protocol import (
    ClearScreen,
    OtherRequest,
    Ping,
    QueryStatus,
    Request,
    SetBrightness,
    SetClock,
    SetPower,
    Speak,
    UpdateAreas,
    decode_request,
    encode_request,
)
from drivers.display.bx_reply_protocol import Ack, Error, Nack, OtherReply, Reply, Status, decode_reply, encode_reply
from drivers.display.bx_text import Colour, Content, decode_content, encode_content, unshowable

VECTORS: list[dict[str, Any]] = tomllib.loads(
    (Path(__file__).parent / "vectors" / "bx.toml").read_text(encoding="utf-8")
)["vector"]
FRAMES = [vector for vector in VECTORS if "data" in vector]

CLOCK = bytes.fromhex("2026112206091500")


def area_128x32(content: bytes) -> Area:
    return Area(0, 0, 128, 32, content)


REQUESTS: dict[str, Request] = {
    "dynamic-area": UpdateAreas((area_128x32("欢迎光临".encode("gb2312")),)),
    "ping": Ping(),
    "set-clock": SetClock(2013, 1, 25, 11, 17, 26, 5),
    "own-query-status": QueryStatus(),
    "own-on": SetPower(True),
    "own-off": SetPower(False),
    "own-brightness-8": SetBrightness(8),
    "own-clear": ClearScreen(),
    "own-call": UpdateAreas((area_128x32(encode_content(Content("请A012号到3号窗口", 16, Colour.RED))),)),
    "own-call-escaped": UpdateAreas((area_128x32(encode_content(Content("Z[ァΖ", 16, Colour.RED))),)),
    "own-speak": Speak("请您".encode("gb2312"), repeats=1, delay_10ms=100),
}
"""What those of the frames mean whose commands are in use; the others are OtherRequest."""

REPLIES: dict[str, Reply] = {
    "ack": Ack(),
    "nack-checksum": Nack(Error.CHECKSUM),
    "own-ack-from-screen-1": Ack(),
    "own-nack-busy": Nack(Error.BUSY),
    "own-status": Status(True, 15, CLOCK, 0, bytes(4), 0, 0, (0, 3)),
    "own-status-5k1": Status(False, 8, CLOCK, 1, b"P000", None, None, (0,)),
}


def wire(vector: dict[str, Any]) -> bytes:
    return bytes.fromhex(vector["bytes"])


def packet_of(vector: dict[str, Any]) -> Packet:
    return Packet(
        vector["destination"],
        vector["from"],
        bytes.fromhex(vector["data"]),
        vector.get("display_mode", 0),
        vector.get("device_type", 0xFE),
        2,
        bytes.fromhex(vector.get("reserved", "00 00 00")),
    )


def names(vectors: list[dict[str, Any]]) -> list[str]:
    return [vector["name"] for vector in vectors]


# Frames


@pytest.mark.parametrize("vector", FRAMES, ids=names(FRAMES))
def test_a_sourced_frame_is_read_and_written(vector: dict[str, Any]) -> None:
    lead = HOST_LEAD if vector["direction"] == "to-device" else CARD_LEAD
    assert PacketDecoder().feed(wire(vector)) == [packet_of(vector)]
    assert encode_packet(packet_of(vector), lead=lead) == wire(vector)


@pytest.mark.parametrize("vector", FRAMES, ids=names(FRAMES))
def test_a_frame_is_read_byte_by_byte_between_noise_and_twice_in_one_piece(vector: dict[str, Any]) -> None:
    decoder = PacketDecoder()
    frame = wire(vector)
    singly = [packet for byte in b"\x00\x5a" + frame + b"\x5a\x01" for packet in decoder.feed(bytes([byte]))]
    assert singly == [packet_of(vector)]
    assert decoder.skipped_bytes == 4
    assert decoder.feed(frame + frame + frame[:-1]) == [packet_of(vector)] * 2
    assert decoder.feed(frame[-1:]) == [packet_of(vector)]


@pytest.mark.parametrize("vector", [vector for vector in VECTORS if "fault" in vector])
def test_the_documents_misprints_are_recognised(vector: dict[str, Any]) -> None:
    (garbled,) = PacketDecoder().feed(wire(vector))
    assert isinstance(garbled, Garbled)
    assert garbled.fault == vector["fault"]


def test_all_24_frames_of_the_document_are_here() -> None:
    documented = [vector for vector in VECTORS if vector["source"].startswith("document")]
    assert len(documented) == 24
    assert all(vector["verified"] for vector in documented)
    assert not any(vector["verified"] for vector in VECTORS if vector not in documented)


def test_check_value_of_the_crc() -> None:
    assert crc16(b"123456789") == 0xBB3D


PING = encode_packet(Packet(1, 0x8000, encode_request(Ping())))


@pytest.mark.parametrize(
    ("broken", "fault"),
    [
        (PING[:12] + PING, Fault.CUT_SHORT),
        (PING[:-3] + bytes([PING[-3] ^ 1]) + PING[-2:], Fault.CHECKSUM),
        (b"\xa5\xa6\x03\x5a", Fault.ESCAPE),
        (b"\xa5\x5b\x5a", Fault.ESCAPE),
        (b"\xa5\x5a", Fault.LENGTH),
        (b"\xa5" + bytes(2 * MAX_DATA_BYTES + 100), Fault.TOO_LONG),
    ],
)
def test_a_broken_frame_is_named_and_the_next_one_read(broken: bytes, fault: Fault) -> None:
    first, *rest = PacketDecoder().feed(broken + PING)
    assert isinstance(first, Garbled)
    assert first.fault == fault
    assert rest[-1] == Packet(1, 0x8000, encode_request(Ping()))


def sealed(body: bytes) -> bytes:
    return bytes([START]) + escape(body + crc16(body).to_bytes(2, "little")) + bytes([END])


@pytest.mark.parametrize(
    ("offset", "value", "fault"),
    [(7, 1, Fault.UNSUPPORTED), (8, 1, Fault.UNSUPPORTED), (8, 2, Fault.UNSUPPORTED), (12, 4, Fault.LENGTH)],
)
def test_a_header_that_asks_for_what_is_not_done_here(offset: int, value: int, fault: Fault) -> None:
    body = bytearray(unescape(PING[HOST_LEAD:-1])[:-2])
    body[offset] = value
    assert PacketDecoder().feed(sealed(bytes(body))) == [Garbled(fault)]


def test_a_wrong_check_sum_still_tells_the_destination() -> None:
    frame = encode_packet(Packet(7, 0x8000, b"\xa2\0\1\0\0"), spoil=1)
    assert PacketDecoder().feed(frame) == [Garbled(Fault.CHECKSUM, 7)]


def test_a_frame_is_found_behind_100_kb_of_noise() -> None:
    decoder = PacketDecoder()
    noise = random.Random(1).randbytes(100_000)
    found = decoder.feed(noise)
    assert all(isinstance(event, Garbled) for event in found)
    assert decoder.feed(PING)[-1] == Packet(1, 0x8000, encode_request(Ping()))


@given(st.binary(max_size=300))
def test_escaping_leaves_no_start_and_no_end_and_comes_back(data: bytes) -> None:
    assert not {START, END} & set(escape(data))
    assert unescape(escape(data)) == data


@given(st.lists(st.binary(max_size=80), max_size=8))
def test_no_bytes_upset_the_decoder(pieces: list[bytes]) -> None:
    decoder = PacketDecoder()
    for piece in pieces:
        decoder.feed(piece)
    assert decoder.feed(PING)[-1] == Packet(1, 0x8000, encode_request(Ping()))


words = st.integers(0, 0xFFFF)
octets = st.integers(0, 0xFF)
packets = st.builds(
    Packet, words, words, st.binary(max_size=100), octets, octets, octets, st.binary(min_size=3, max_size=3)
)


@given(packets, st.integers(1, 20))
def test_packets_come_back(packet: Packet, lead: int) -> None:
    assert PacketDecoder().feed(encode_packet(packet, lead=lead)) == [packet]


def test_more_data_than_any_card_takes_is_not_sent() -> None:
    with pytest.raises(ValueError, match="at most 4096"):
        encode_packet(Packet(1, 0x8000, bytes(MAX_DATA_BYTES + 1)))


# Requests and replies


@pytest.mark.parametrize("vector", FRAMES, ids=names(FRAMES))
def test_the_frames_mean_what_the_document_says(vector: dict[str, Any]) -> None:
    data = bytes.fromhex(vector["data"])
    if vector["direction"] == "from-device":
        assert decode_reply(data) == REPLIES[vector["name"]]
        assert encode_reply(REPLIES[vector["name"]]) == data
        return
    expected = REQUESTS.get(vector["name"], OtherRequest(*data[:2]))
    assert decode_request(data) == (expected, True)
    if vector["name"] in REQUESTS and not vector.get("decode_only"):
        assert encode_request(expected) == data


def test_a_request_that_wants_no_answer_says_so() -> None:
    data = encode_request(ClearScreen(), answer=False)
    assert data == bytes.fromhex("a3 10 02 00 00")
    assert decode_request(data) == (ClearScreen(), False)


dots = st.integers(0, 0x7FFF)
eighths = st.integers(0, 0xFFF).map(lambda units: units * 8)
details = {
    "y": words, "height": words, "content": st.binary(max_size=60), "id": octets, "line_spacing": octets,
    "run_mode": octets, "timeout_s": words, "align": octets, "single_line": st.booleans(), "auto_wrap": st.booleans(),
    "effect": octets, "exit_mode": octets, "speed": octets, "stay_half_s": octets,
}  # fmt: skip
areas = st.builds(Area, x=dots, width=dots, coarse=st.just(False), **details) | st.builds(
    Area, x=eighths, width=eighths, coarse=st.just(True), **details
)
digits = st.integers(0, 99)
requests = st.one_of(
    st.sampled_from([Ping(), QueryStatus(), ClearScreen()]),
    st.builds(SetClock, st.integers(0, 9999), digits, digits, digits, digits, digits, digits),
    st.builds(SetPower, st.booleans()),
    st.builds(SetBrightness, st.integers(0, 15)),
    st.builds(
        UpdateAreas,
        st.lists(areas, max_size=8).map(tuple),
        st.none() | st.lists(octets, max_size=8).map(tuple),
        st.booleans(),
    ),
    st.builds(Speak, st.binary(max_size=40), octets, octets, octets, st.integers(0, 2**32 - 1), words),
)
optional_special = st.one_of(st.tuples(st.none(), st.none()), st.tuples(st.integers(0, 1), octets))
statuses = st.builds(
    lambda on, brightness, clock, programmes, name, special, ids, bar_code, custom: Status(
        on, brightness, clock, programmes, name, special[0], special[1], ids, bar_code, custom
    ),
    st.booleans(),
    octets,
    st.binary(min_size=8, max_size=8),
    octets,
    st.binary(min_size=4, max_size=4),
    optional_special,
    st.lists(octets, max_size=8).map(tuple),
    st.binary(min_size=16, max_size=16),
    st.binary(min_size=12, max_size=12),
)
replies = st.just(Ack()) | st.builds(Nack, octets) | statuses


@given(requests, st.booleans())
def test_requests_come_back(request: Request, answer: bool) -> None:
    assert decode_request(encode_request(request, answer=answer)) == (request, answer)


@given(replies)
def test_replies_come_back(reply: Reply) -> None:
    assert decode_reply(encode_reply(reply)) == reply


@given(st.binary(max_size=120) | st.binary(max_size=100).map(lambda tail: bytes.fromhex("a306010000") + tail))
def test_no_data_upsets_the_request_decoder(data: bytes) -> None:
    try:
        request, answer = decode_request(data)
    except Malformed:
        return
    if not isinstance(request, OtherRequest | SetClock):
        assert decode_request(encode_request(request, answer=answer)) == (request, answer)


@given(
    st.binary(min_size=5, max_size=120) | st.binary(max_size=80).map(lambda tail: bytes.fromhex("a102000000") + tail)
)
def test_no_data_upsets_the_reply_decoder(data: bytes) -> None:
    reply = decode_reply(data)
    assert decode_reply(encode_reply(reply)) == reply


@pytest.mark.parametrize(
    "data",
    [
        "a2 00 01 00",
        "a2 03 01 00 00 13 20 01 25 11 17 26",
        "a2 03 01 00 00 1a 20 01 25 11 17 26 05",
        "a3 00 01 00 00 03",
        "a3 02 01 00 00 02 00",
        "a3 02 01 00 00 01 10",
        "a3 06 01 00 00",
        "a3 06 01 00 00 02 00",
        "a3 06 01 00 00 00 01 ff ff 00",
        "a3 06 01 00 00 00 00 00",
        "a2 0e 01 00 00 00",
    ],
)
def test_a_malformed_request_is_named(data: str) -> None:
    with pytest.raises(Malformed):
        decode_request(bytes.fromhex(data))


def test_a_status_in_another_form_is_still_an_answer() -> None:
    assert decode_reply(bytes.fromhex("a102000000 0101")) == OtherReply(0xA1, 0x02, b"\1\1")


def test_a_reply_with_an_error_is_a_refusal_whatever_it_answers() -> None:
    assert decode_reply(bytes.fromhex("a102030000")) == Nack(Error.BUSY)


def test_a_bx_5k_counts_in_units_of_eight_dots() -> None:
    data = encode_request(UpdateAreas((Area(8, 0, 64, 16, b"1", coarse=True),)))
    assert data[10:14] == bytes.fromhex("01 00 00 00")
    assert data[14:16] == bytes.fromhex("08 00")


@pytest.mark.parametrize(
    "box", [{"x": 4, "width": 64, "coarse": True}, {"x": 0x8000, "width": 8}, {"x": -1, "width": 8}]
)
def test_an_area_that_cannot_be_written_is_refused(box: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="dots"):
        Area(y=0, height=16, content=b"", **box)


# Text

GB2312 = [
    bytes((high, low)).decode("gbk")
    for high in range(0xA1, 0xF8)
    for low in range(0xA1, 0xFF)
    if bytes((high, low)).decode("gb2312", errors="ignore")
]
LATIN = [chr(code) for code in range(0x20, 0x7F) if chr(code) != "\\"]


def test_every_character_of_gb2312_is_showable() -> None:
    assert len(GB2312) == 7445
    assert unshowable("".join(GB2312 + LATIN)) == []


@pytest.mark.parametrize("character", "\\\0\t\r\x1b\x1d\x10\x01\x7f\x85\u3402𠮷€ⅰ\ud800\u202e")
def test_what_a_card_has_no_glyph_or_no_escape_for(character: str) -> None:
    assert unshowable(f"请{character}号{character}") == [character]
    with pytest.raises(ValueError, match="GB2312"):
        encode_content(Content(character))


@given(
    st.text(st.sampled_from([*GB2312, *LATIN, "\n"]), max_size=80),
    st.sampled_from([16, 24, 32]),
    st.sampled_from(Colour),
)
def test_texts_come_back_and_carry_no_control_byte(text: str, font_dots: int, colour: Colour) -> None:
    content = Content(text, font_dots, colour)
    data = encode_content(content)
    assert decode_content(data) == content
    assert min(data) >= 0x20


@given(st.binary(max_size=80))
def test_no_bytes_upset_the_text_decoder(data: bytes) -> None:
    assert len(decode_content(data).text) <= len(data)


def test_the_documents_own_text() -> None:
    data = r"\FO000\C1上海仰邦\FE000onbon\n\FO001\C2欢迎你".encode("gb2312")
    assert decode_content(data) == Content("上海仰邦onbon\n欢迎你", 16, Colour.RED)


def test_escapes_that_are_never_written_stay_visible() -> None:
    assert decode_content(rb"\DH\DM \WC01").text == r"\DH\DM \WC01"
