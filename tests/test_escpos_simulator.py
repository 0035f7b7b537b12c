"""The simulated printer by itself: its command language, buffer, motor, answers and run-time commands."""

from __future__ import annotations

import asyncio
import json
from io import BytesIO
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from drivers.printer import escpos_protocol as protocol
from drivers.printer import qr
from drivers.printer.escpos_status_protocol import Topic
from drivers.printer.fonts import Fonts
from drivers.printer.page import QrCode
from simulators.device import CommandError
from simulators.escpos_model import MODELS, EscposModel
from simulators.escpos_paper import Blank
from simulators.escpos_paper import Image as Dots
from simulators.escpos_png import roll_as_png
from simulators.escpos_printer import EscposPrinterSimulator
from tests.escpos_rig import until

GB = "号窗口".encode("gb18030")


class Cable:
    """The host's end, in memory: what the printer sent."""

    def __init__(self) -> None:
        self.sent = b""

    def send(self, data: bytes) -> None:
        self.sent += data

    def take(self) -> bytes:
        sent, self.sent = self.sent, b""
        return sent


def plugged(model: EscposModel = MODELS["full"], **settings: object) -> tuple[EscposPrinterSimulator, Cable]:
    printer = EscposPrinterSimulator(model, **{"mm_per_s": None, **settings})  # type: ignore[arg-type]
    cable = Cable()
    printer.attach(cable)
    return printer, cable


def command(printer: EscposPrinterSimulator, text: str) -> None:
    name, *words = text.split()
    printer.commands[name].run(words)


# --- the command language ------------------------------------------------------------------------------------------


def test_chinese_prints_without_being_asked_for_and_not_after_it_was_switched_off() -> None:
    printer, _ = plugged()
    printer.receive(GB + b"\n\x1c." + GB + b"\n\x1c&" + GB + b"\n")
    first, garbled, third = printer.printed_text().splitlines()
    assert first == third == "号窗口"
    assert garbled == GB.decode("cp437")


def test_initialising_brings_double_byte_mode_back_and_drops_the_line_begun() -> None:
    printer, _ = plugged()
    printer.receive(b"\x1c.lost\x1b@" + GB + b"\n")
    assert printer.printed_text() == "号窗口"


@pytest.mark.parametrize("code_page", [(0, "é", b"\x82"), (16, "é", b"\xe9"), (17, "Я", b"\x9f"), (19, "€", b"\xd5")])
def test_single_byte_text_is_read_by_its_code_page(code_page: tuple[int, str, bytes]) -> None:
    number, text, data = code_page
    printer, _ = plugged()
    printer.receive(b"\x1c.\x1bt" + bytes((number,)) + data + b"\n")
    assert printer.printed_text() == text


def test_the_chinese_character_set_turns_dollars_into_yuan() -> None:
    printer, _ = plugged()
    printer.receive(b"\x1bR\x0f$5\n\x1bR\x00$5\n")
    assert printer.printed_text() == "¥5\n$5"


def test_a_raster_image_may_hold_any_byte() -> None:
    printer, cable = plugged()
    data = b"\x1b@\x0a\x1d\x10\x04\x01\x1c"
    printer.receive(b"\x1dv0\x00\x02\x00\x04\x00" + data + b"after\n")
    assert printer.paper.hanging.items[0] == Dots(16, 4, data.hex())
    assert printer.printed_text() == "after"
    assert cable.take() == b"\x12"  # Epson: real-time commands are seen inside image data, too


def test_a_real_time_command_inside_an_image_that_has_to_wait_stays_part_of_it() -> None:
    printer, cable = plugged()
    command(printer, "cover-open")
    data = b"\x10\x04\x01\x00"
    printer.receive(b"\x1dv0\x00\x01\x00\x04\x00" + data + b"\x10\x04\x02" + b"after\n")
    assert cable.take() == b"\x1a\x16"
    command(printer, "cover-close")
    assert printer.paper.hanging.items[0] == Dots(8, 4, data.hex())
    assert printer.printed_text() == "after"


@pytest.mark.parametrize("data", [b"\x1bz", b"\x1d\x99", b"\x1c\xff", b"\x07", b"\x1f"])
def test_an_unknown_command_is_reported_and_what_follows_is_read_on(data: bytes) -> None:
    printer, _ = plugged()
    printer.receive(data + b"A\n")
    assert list(printer.unknown_commands) == [data.hex(" ")]
    assert printer.printed_text() == "A"


def test_an_unknown_function_of_a_known_family_is_passed_over_whole() -> None:
    printer, _ = plugged()
    printer.receive(b"\x1d(k\x03\x00\x32\x51\x30A\n\x1d(L\x02\x00\x30\x32B\n")
    assert list(printer.unknown_commands) == ["1d 28 6b 32 51", b"GS ( L".hex(" ")]
    assert printer.printed_text() == "A\nB"


def test_alignment_takes_effect_at_the_beginning_of_a_line_only() -> None:
    printer, _ = plugged()
    printer.receive(b"A\x1ba\x01B\nC\n\x1ba\x01D\n")
    assert [item["align"] for item in printer.state()["slips"][0]["items"]] == ["left", "left", "centre"]


@given(st.binary(max_size=300))
def test_no_bytes_whatever_stop_it(data: bytes) -> None:
    printer, _ = plugged()
    printer.receive(data)
    json.dumps(printer.state())
    command(printer, "power-off")
    command(printer, "power-on")
    printer.receive(b"\x1b@A012\n")
    assert printer.paper.hanging.lines[-1:] == ["A012"]


# --- answers -------------------------------------------------------------------------------------------------------


def test_automatic_status_is_sent_when_enabled_and_at_each_selected_change_alone() -> None:
    printer, cable = plugged()
    printer.receive(protocol.enable_asb(0x08))
    assert cable.take().hex(" ") == "10 00 00 00"
    command(printer, "cover-open")
    assert cable.take() == b""
    command(printer, "paper-near-end")
    assert cable.take().hex(" ") == "38 00 03 00"
    command(printer, "cover-close")
    printer.receive(protocol.enable_asb(0))
    command(printer, "paper-end")
    command(printer, "refill")
    assert cable.take() == b""


def test_buffered_questions_wait_for_a_printer_that_is_offline() -> None:
    printer, cable = plugged()
    command(printer, "cover-open")
    printer.receive(b"A\n" + protocol.ask_paper() + protocol.ask_process_id(b"0007"))
    assert cable.take() == b""
    printer.receive(protocol.ask_status(Topic.OFFLINE_CAUSE))
    assert cable.take() == b"\x16"
    command(printer, "cover-close")
    assert cable.take() == b"\x00" + protocol.encode_process_id(b"0007")


def test_going_offline_is_told_to_those_who_asked_for_it() -> None:
    printer, cable = plugged()
    printer.receive(b"\x1d(H\x03\x00\x31\x30\x01")
    command(printer, "cover-open")
    assert cable.take() == protocol.encode_offline(b"")


@pytest.mark.parametrize(("resume", "lines"), [(True, ["A", "B"]), (False, ["A"])])
def test_a_cutter_error_ends_by_dle_enq_once_its_cause_is_gone(resume: bool, lines: list[str]) -> None:
    printer, cable = plugged()
    printer.receive(b"A\n")
    command(printer, "cutter-error")
    printer.receive(b"B\n" + protocol.recover(resume=resume))
    command(printer, "clear")
    printer.receive(protocol.ask_status(Topic.ERROR))
    assert cable.take() == b"\x1a"
    printer.receive(protocol.recover(resume=resume) + protocol.ask_status(Topic.ERROR))
    assert cable.take() == b"\x12"
    assert printer.printed_text().splitlines() == lines


def test_clearing_the_buffers_drops_what_waits() -> None:
    printer, cable = plugged()
    printer.receive(b"begun")
    command(printer, "cover-open")
    printer.receive(b" and waiting\n" + protocol.CLEAR_BUFFERS)
    assert cable.take() == protocol.BUFFER_CLEARED
    command(printer, "cover-close")
    printer.receive(b"next\n")
    assert printer.printed_text() == "next"


def test_one_way_is_silent_whatever_it_is_asked() -> None:
    printer, cable = plugged(MODELS["one-way"])
    printer.receive(b"\x10\x04\x01" + protocol.enable_asb(0xFF) + protocol.ask_paper())
    command(printer, "cover-open")
    assert cable.take() == b""


# --- buffer, motor, power ------------------------------------------------------------------------------------------


def test_a_full_buffer_says_so_in_time_and_then_loses_what_comes() -> None:
    printer, cable = plugged(buffer_bytes=100)
    command(printer, "cover-open")
    printer.receive(b"x" * 83)
    assert cable.take() == b""
    printer.receive(b"x")
    assert cable.take() == b"\x13"
    printer.receive(b"x" * 26)
    assert printer.discarded == 10
    printer.receive(b"\x10\x04\x02")
    assert cable.take() == b"\x16"
    command(printer, "cover-close")
    assert cable.take() == b"\x11"
    printer.receive(b"\n")
    assert len(printer.printed_text().replace("\n", "")) == 100


async def test_paper_moves_at_the_speed_of_the_motor() -> None:
    printer, cable = plugged(mm_per_s=100.0)
    loop = asyncio.get_running_loop()
    began = loop.time()
    printer.receive(b"A\n" * 8 + protocol.ask_process_id(b"0001"))
    assert printer.printed_text() == "A"
    await until(lambda: bool(cable.sent))
    paper_mm = 8 * 30 / 8
    assert loop.time() - began >= paper_mm / 100 - 0.02
    assert printer.printed_text().splitlines() == ["A"] * 8
    assert printer.paper.printed_mm == paper_mm
    printer.close()


def test_power_off_forgets_everything_but_the_paper() -> None:
    printer, cable = plugged()
    printer.receive(protocol.enable_asb(0xFF) + b"\x1c.\x1bE\x01A\nbegun")
    cable.take()
    command(printer, "power-off")
    printer.receive(b"nobody listens\n\x10\x04\x01")
    assert cable.take() == b""
    command(printer, "power-on")
    assert cable.take() == b"\x11"
    printer.receive(GB + b"\n")
    assert printer.printed_text() == "A\n号窗口"
    assert printer.state()["slips"][0]["items"][1]["spans"][0]["style"]["bold"] is False
    command(printer, "cover-open")
    assert cable.take() == b""


def test_a_planned_fault_strikes_between_two_bytes() -> None:
    printer, _ = plugged()
    command(printer, "power-off at 3")
    printer.receive(b"A\nB\nC\n")
    assert printer.printed_text() == "A"
    assert not printer.powered


@pytest.mark.parametrize("close", ["paper-end", "refill"])
def test_a_slip_that_hung_out_goes_with_its_roll(close: str) -> None:
    printer, _ = plugged()
    printer.receive(b"half\n")
    command(printer, close)
    assert printer.paper.slips[0].torn
    assert printer.paper.hanging.items == []


# --- run-time commands and state -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text", ["cover-close now", "power-off soon", "power-off at noon", "model thin", "gb18030 maybe", "refill 3"]
)
def test_a_run_time_command_that_is_wrong_is_refused(text: str) -> None:
    printer, _ = plugged()
    with pytest.raises(CommandError):
        command(printer, text)


def test_plans_are_bounded() -> None:
    printer, _ = plugged()
    for _ in range(16):
        command(printer, "paper-end at 1000")
    with pytest.raises(CommandError, match="planned already"):
        command(printer, "paper-end at 1000")


def test_it_can_be_turned_into_another_model() -> None:
    printer, cable = plugged()
    command(printer, "model plain")
    printer.receive(protocol.ask_paper())
    assert cable.take() == b""
    command(printer, "gs-r")
    printer.receive(protocol.ask_paper())
    assert cable.take() == b"\x00"


def test_the_state_is_json_and_bounded() -> None:
    printer, _ = plugged()
    printer.receive(b"A\n\x1dV\x00" * 200 + b"\x1bz" * 200 + b"B\n" * 5000)
    state = json.loads(json.dumps(printer.state()))
    assert len(state["slips"]) == 50
    assert len(state["unknown_commands"]) == 50
    assert len(state["slips"][-1]["items"]) == 2000
    command(printer, "take-slips")
    assert len(printer.state()["slips"]) == 1


def test_blank_paper_is_counted_once() -> None:
    printer, _ = plugged()
    printer.receive(b"\n\n\x1bd\x02\x1bJ\x0a")
    assert printer.paper.hanging.items == [Blank(4 * 30 + 10)]
    assert not printer.paper.hanging.has_ink


# --- the roll as a picture -----------------------------------------------------------------------------------------


def drawn(printer: EscposPrinterSimulator) -> Image.Image:
    return Image.open(BytesIO(printer.png())).convert("L")


def ink(picture: Image.Image) -> int:
    return picture.histogram()[0]


def test_the_roll_is_drawn_with_its_text_its_pictures_and_its_cuts() -> None:
    printer, _ = plugged(columns=16)
    blank = drawn(printer)
    assert (blank.width, ink(blank)) == (16 * 12 + 2 * 24, 0)
    printer.receive(b"A" + GB + b"\n")
    plain = drawn(printer)
    assert plain.height == blank.height + 30
    printer.receive(b"\x1d!\x11A" + GB + b"\n\x1d!\x00")
    magnified = drawn(printer)
    assert magnified.height == plain.height + 60
    assert ink(magnified) == 5 * ink(plain), "every dot becomes four"
    printer.receive(b"\x1dv0\x00\x02\x00\x04\x00" + b"\xff" * 8)
    assert ink(drawn(printer)) == ink(magnified) + 16 * 4
    printer.receive(b"\x1dV\x00")
    assert drawn(printer).height == magnified.height + 4 + 24


def test_a_qr_code_on_the_roll_can_be_read_back() -> None:
    printer, _ = plugged()
    data = b"https://example.org/A012"
    printer.receive(b"\x1d(k\x03\x001C\x06\x1d(k" + bytes((len(data) + 3, 0)) + b"1P0" + data + b"\x1d(k\x03\x001Q0")
    modules = qr.matrix(QrCode(data.decode(), 6, "l"))
    picture = drawn(printer)
    seen = [
        [picture.getpixel((24 + 6 * x + 3, 24 + 6 * y + 3)) == 0 for x in range(len(modules))]
        for y in range(len(modules))
    ]
    assert seen == modules


def test_a_long_roll_is_drawn_up_to_a_bound() -> None:
    printer, _ = plugged()
    printer.receive(b"\x1dV\x00".join([b"\x1d!\x77A\n" * 100] * 60))
    assert drawn(printer).height == 1 << 16


def test_without_a_font_the_package_is_named(tmp_path: Path) -> None:
    printer, _ = plugged()
    printer.receive(GB + b"\n")
    with pytest.raises(CommandError, match="apt install fonts-"):
        roll_as_png(printer.paper.slips, 48, Fonts(tmp_path))


@pytest.mark.parametrize("error", ["cutter-error", "recoverable-error"])
def test_what_jams_is_taken_out_first_and_then_recovered_from(error: str) -> None:
    printer, _ = plugged()
    command(printer, error)
    assert printer.status.offline
    printer.receive(protocol.recover(resume=False))
    assert printer.status.offline
    command(printer, "clear")
    printer.receive(protocol.recover(resume=False))
    assert not printer.status.offline


def test_speed_and_buffer_can_be_set_at_run_time() -> None:
    printer, cable = plugged(buffer_bytes=4096)
    command(printer, "speed 200")
    command(printer, "buffer 64")
    assert (printer.state()["mm_per_s"], printer.state()["buffer_bytes"]) == (200, 64)
    command(printer, "cover-open")
    printer.receive(b"x" * 100)
    assert printer.discarded == 36
    assert cable.take() == b"\x13"
    command(printer, "speed none")
    command(printer, "cover-close")
    assert printer.state()["mm_per_s"] is None
    for wrong in ("speed 0", "buffer 1", "speed fast"):
        with pytest.raises(CommandError):
            command(printer, wrong)
