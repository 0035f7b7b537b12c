"""Slips other than tickets by command: checked, printed once, told of like a ticket (rules 4, 5, 7, 8 and 19)."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from daemon.commands import MAX_PAYLOAD_BYTES, Refusal, SlipPrint, Status, command_types
from daemon.hall import slip_commands
from daemon.orders import read_order
from daemon.refused import Refused
from daemon.settings import load_settings
from daemon.slips.examples import example_data
from tests.conftest import Listen, Mosquitto
from tests.harness import SimulatedKiosk
from tests.machine_rig import CommandLog, Message
from tests.store_rig import Ledger, open_ledger

HALL = Path(__file__).parent / "hall.toml"
TEMPLATES = {
    "supplement": "营业执照复印件",  # what stands on each
    "referral": "不动产登记",
    "report-pickup": "门诊一楼自助取单机",
    "fee-list": "费用清单",
}
LINES = 500


def fees(lines: int) -> dict[str, Any]:
    """A fee list of so many lines that adds up."""
    prices = [Decimal(number % 97 + 1) / 4 for number in range(lines)]
    total = sum(prices, Decimal(0))
    name = "静脉采血及一次性采血器材费"
    items = [
        {"name": f"{name}（第{n}项）", "unit": "次", "quantity": 1, "price": str(price), "amount": str(price)}
        for n, price in enumerate(prices)
    ]
    return {
        **example_data("fee-list"),
        "items": items,
        "total": str(total),
        "insurance": "0",
        "personal": str(total),
    }


def order(data: dict[str, Any], template: str = "fee-list", *, name: str = "slip/print", pad: int = 0) -> Message:
    body = {"id": "fees-1", "deadline": "2100-01-01T00:00:00Z", "data": data}
    if name == "slip/print":
        body["data"] = {"printer": "printer-1", "template": template, "data": data}
    return Message(f"command/{name}", json.dumps(body, ensure_ascii=False).encode() + b" " * pad)


def refusal(message: Message) -> Refused:
    with pytest.raises(Refused) as refused:
        read_order(message, command_types())
    return refused.value


# what is taken


def test_a_fee_list_of_five_hundred_lines_is_taken_whole() -> None:
    message = order(fees(LINES))
    assert MAX_PAYLOAD_BYTES < len(message.payload) < SlipPrint.MAX_BYTES
    command = read_order(message, command_types()).command
    assert isinstance(command, SlipPrint)
    assert len(command.data.model_dump()["items"]) == LINES


def test_a_longer_list_is_refused_and_other_commands_stay_small() -> None:
    too_many = refusal(order(fees(LINES + 1)))
    assert too_many.reason is Refusal.INVALID
    assert "data.items: Tuple should have at most 500 items" in too_many.detail
    assert refusal(order(fees(1), pad=SlipPrint.MAX_BYTES)).reason is Refusal.TOO_LARGE
    text = {"display": "led-1", "text": "欢迎"}
    assert refusal(order(text, name="display/show", pad=MAX_PAYLOAD_BYTES)).reason is Refusal.TOO_LARGE
    assert refusal(order({}, name="no/such", pad=MAX_PAYLOAD_BYTES)).reason is Refusal.TOO_LARGE


@pytest.mark.parametrize(
    ("template", "change", "detail"),
    [
        ("fee-list", {"total": "1.00"}, "data.total"),
        ("fee-list", {"items": [{"name": "x", "quantity": 1, "price": "1", "amount": "y"}]}, "data.items.0.amount"),
        ("supplement", {"missing": []}, "data.missing"),
        ("supplement", {"item": "a\x1b@"}, "data.item"),
        ("referral", {"place": None}, "data.place"),
        ("report-pickup", {"due": "2026-03-02"}, "data.due"),
        ("report-pickup", {"due_at": "9999-12-31T23:59:59Z"}, "data.due_at"),  # the year 10000 in China
        ("fee-list", {"issued_at": "0001-01-01T00:00:00+14:00"}, "data.issued_at"),
        ("ticket", {}, "template"),
        ("readiness", {}, "template"),
    ],
)
def test_what_is_wrong_is_named_by_its_field(template: str, change: dict[str, Any], detail: str) -> None:
    refused = refusal(order(example_data(template) | change, template))
    assert refused.reason is Refusal.INVALID
    assert refused.detail.startswith(f"{detail}: ")


@pytest.mark.parametrize("due_at", ["9999-12-31T23:59:59Z", "0001-01-01T00:00:00+14:00"])
def test_a_time_that_the_hall_cannot_tell_is_refused_for_tickets_too(due_at: str) -> None:
    refused = refusal(order({"number": "A1", "service": "a", "due_at": due_at}, name="ticket/print"))
    assert refused.detail == "due_at: Value error, expected a year from 1900 to 2999"


# the rules, on a real database


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    with open_ledger(tmp_path / "kioskd.db") as ledger:
        yield ledger


@pytest.fixture
def commands(ledger: Ledger) -> CommandLog:
    return CommandLog(ledger, load_settings(HALL, {}), ())


def ask(commands: CommandLog, template: str = "referral", **more: Any) -> Any:
    return commands.send(
        "slip/print", **{"printer": "printer-1", "template": template, "data": example_data(template)} | more
    )


def test_refusals_have_no_effect(ledger: Ledger, commands: CommandLog) -> None:
    assert ask(commands, printer="printer-9").reason == "unknown-printer"
    assert ask(commands, ticket="20261121-A001").reason == "unknown-ticket"
    assert commands.send("slip/reprint", slip="c-99").reason == "unknown-slip"
    first = ask(commands)
    assert first.status is Status.ACCEPTED
    assert commands.send("slip/reprint", slip=first.id).reason == "in-print"
    assert ledger.rows("SELECT count(*) FROM print_job") == [(1,)]


def test_a_printer_keeps_a_bounded_number_of_slips(commands: CommandLog, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(slip_commands, "WAITING_MAX", 2)
    assert [ask(commands).reason for _ in range(3)] == [None, None, "busy"]


def test_the_same_id_prints_once(ledger: Ledger, commands: CommandLog) -> None:
    ask(commands)
    commands.repeat(0)
    assert ledger.rows("SELECT count(*) FROM print_job") == [(1,)]


def test_the_halls_lines_stand_where_the_command_has_none(ledger: Ledger) -> None:
    words = {"KIOSKD_TICKET__HALL_NAME": "区政务服务中心", "KIOSKD_TICKET__NOTICE": "请妥善保管"}
    settings = load_settings(HALL, words)
    commands = CommandLog(ledger, settings, ())
    data = example_data("referral") | {"notice": "自己的"}
    del data["hall"]
    ask(commands, data=data, language="zh-TW")
    ((slip,),) = ledger.rows("SELECT slip FROM print_job")
    stored = json.loads(slip)
    assert (stored["language"], stored["template"]) == ("zh-TW", "referral")
    assert (stored["data"]["hall"], stored["data"]["notice"]) == ("区政务服务中心", "自己的")


def test_a_slip_whose_id_looks_like_a_ticket_leaves_the_ticket_alone(ledger: Ledger, commands: CommandLog) -> None:
    ticket = commands.send("ticket/take", service="a").data["ticket"]
    ledger.do(lambda change: change.write("UPDATE print_job SET state = 'printed'"))
    ledger.do(
        lambda change: change.insert(
            "INSERT INTO print_job (printer, slip_id, slip, copy_number, deadline, state)"
            " VALUES ('printer-1', ?, '{}', 7, 0, 'queued')",
            ticket,
        )
    )
    ledger.do(lambda change: change.write("UPDATE ticket SET state = 'waiting'"))
    assert commands.send("ticket/reprint", ticket=ticket).data["copy_number"] == 2


# the whole way, to the paper


@pytest.fixture
async def kiosk(tmp_path: Path, broker: Mosquitto, listen: Listen) -> AsyncIterator[SimulatedKiosk]:
    async with SimulatedKiosk(tmp_path, broker, listen()) as simulated:
        simulated.start()
        await simulated.ready()
        yield simulated


async def test_every_slip_comes_out_once_and_again_as_a_copy(kiosk: SimulatedKiosk) -> None:
    command = ""
    for count, (template, mark) in enumerate(TEMPLATES.items(), 1):
        command = kiosk.send("slip/print", printer="printer-1", template=template, data=example_data(template))
        reply = await kiosk.answer(command)
        assert (reply["status"], reply["data"]) == ("done", {"slip": command, "copy_number": 1})
        assert any(mark in line for line in kiosk.slips[-1]), kiosk.slips[-1]
        told = (await kiosk.event("print.printed", count))["data"]
        assert (told["slip"], told["ticket"], told["template"]) == (command, None, template)
    again = await kiosk.ask("slip/reprint", slip=command)
    assert (again["status"], again["data"]) == ("done", {"slip": command, "copy_number": 2})
    assert [slip for slip in kiosk.slips[-2:] if any("补打" in line for line in slip)] == kiosk.slips[-1:]
    assert len(kiosk.slips) == len(TEMPLATES) + 1
    assert not kiosk.events("ticket.withdrawn")
    assert not kiosk.printer.unknown_commands


async def test_five_hundred_fees_come_out_line_by_line(kiosk: SimulatedKiosk) -> None:
    reply = await kiosk.ask("slip/print", printer="printer-1", template="fee-list", data=fees(LINES))
    assert reply["status"] == "done"
    (slip,) = kiosk.slips
    text = "".join(slip)
    assert all(f"（第{number}项）" in text for number in range(LINES))


async def test_a_slip_that_nobody_waits_for_any_more_is_not_printed(kiosk: SimulatedKiosk) -> None:
    kiosk.lines["printer"].command("paper-end")
    await kiosk.device_is("printer-1", "faulted")
    data = example_data("referral")
    command = kiosk.send("slip/print", deadline_s=1, printer="printer-1", template="referral", data=data)
    reply = await kiosk.answer(command)
    assert (reply["status"], reply["reason"]) == ("expired", "paper-end")
    assert (await kiosk.event("print.expired"))["data"]["slip"] == command
    kiosk.lines["printer"].command("refill")
    await kiosk.device_is("printer-1", "ready")
    again = await kiosk.ask("slip/reprint", slip=command)
    assert again["status"] == "done"
    assert len(kiosk.slips) == 1
