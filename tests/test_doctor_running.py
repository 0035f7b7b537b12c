"""`kioskd doctor` beside a daemon that runs, and as the command that people type."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from daemon.doctor.processes import Process, lock_holder, node_holders
from simulators.bx_display import BxDisplaySimulator
from simulators.stage import PtyEndpoint, Stage, TcpEndpoint
from tests.broker_rig import ROOT, ShippedBroker, started
from tests.conftest import mosquitto_path
from tests.doctor_rig import PROJECT, Patient, another_program, is_root, needs_root_reason
from tests.harness import SimulatedKiosk, until

needs_root = pytest.mark.skipif(not is_root, reason=needs_root_reason)
needs_mosquitto = pytest.mark.skipif(mosquitto_path() is None, reason="mosquitto is not installed")

DEVICES = ("printer-1", "led-1", "panel-1", "panel-2", "phone-1")


async def doctor(configuration: Path, *words: str, language: str = "en", **options: Any) -> tuple[int, str]:
    """``kioskd doctor`` as a process: its exit code and what it prints."""
    command = [sys.executable, "-m", "daemon", "--language", language, "doctor", "--config", str(configuration), *words]
    process = await asyncio.create_subprocess_exec(*command, cwd=PROJECT, stdout=subprocess.PIPE, **options)
    out, _ = await asyncio.wait_for(process.communicate(), 60)
    assert process.returncode is not None
    return process.returncode, out.decode()


def codes(out: str, level: str = "fault") -> set[tuple[str, str]]:
    return {(one["subject"], one["code"]) for one in json.loads(out)["findings"] if one["level"] == level}


@needs_mosquitto
async def test_a_running_daemon_is_asked_and_not_disturbed(tmp_path: Path, broker: Any, listen: Any) -> None:
    async with SimulatedKiosk(tmp_path, broker, listen(f"{ROOT}/#")) as kiosk:
        kiosk.start()
        await kiosk.ready()
        await kiosk.event("device.changed", len(DEVICES))
        code, out = await doctor(kiosk.configuration, "--json")
        assert (code, codes(out)) == (0, set())
        assert {(f"device {name}", "ready") for name in DEVICES} <= codes(out, "well")
        assert ("this check", "running") in codes(out, "note")
        assert len(kiosk.events("device.changed")) == len(DEVICES)
        kiosk.lines["printer"].pull()
        kiosk.lines["display"].pull()
        await kiosk.device_is("printer-1", "absent")
        await kiosk.device_is("led-1", "absent")
        code, out = await doctor(kiosk.configuration, "--json")
        assert (code, codes(out)) == (1, {("device printer-1", "not-present"), ("device led-1", "refused")})
        kiosk.lines["printer"].restore()
        kiosk.lines["display"].restore()
        await kiosk.ready()
        assert (await doctor(kiosk.configuration))[0] == 0


SETTINGS = """\
hall = "demo"
kiosk = "k1"
[store]
path = "{directory}/kioskd.db"
[mqtt]
host = "127.0.0.1"
port = {port}
tls = true
ca_file = "{ca}"
username = "k1"
password_file = "{directory}/password"
"""


@needs_mosquitto
async def test_a_running_daemon_whose_events_are_refused(tmp_path: Path) -> None:
    (tmp_path / "broker").mkdir()
    broker = ShippedBroker(tmp_path / "broker")
    right = broker.acl.read_text()
    broker.acl.write_text(right.replace("pattern write kioskd/demo/%u/event/+/+\n", ""))
    await started(broker)
    configuration = tmp_path / "kioskd.toml"
    configuration.write_text(
        SETTINGS.format(directory=tmp_path, port=broker.port, ca=broker.certs / "ca.pem"), encoding="utf-8"
    )
    (tmp_path / "password").write_text("pw-k1\n")
    (tmp_path / "password").chmod(0o600)
    try:
        with daemon(configuration):
            await _doctor_says(configuration, {("broker", "events-refused")})
            broker.acl.write_text(right)
            broker.reload()
        with daemon(configuration):  # or some seconds later, without a restart
            await _doctor_says(configuration, set())
    finally:
        broker.kill()


class daemon:  # noqa: N801 (reads as what it is)
    """A daemon as a process."""

    def __init__(self, configuration: Path) -> None:
        self._command = [sys.executable, "-m", "daemon", "run", "--config", str(configuration)]

    def __enter__(self) -> None:
        self._process = subprocess.Popen(self._command, cwd=PROJECT, stderr=subprocess.DEVNULL)

    def __exit__(self, *exc_info: object) -> None:
        self._process.send_signal(signal.SIGTERM)
        self._process.wait(20)


async def _doctor_says(configuration: Path, expected: set[tuple[str, str]]) -> None:
    """The daemon needs a moment for its first event; the doctor's word is awaited."""
    async with asyncio.timeout(30):
        while True:
            _, out = await doctor(configuration, "--json")
            if codes(out) == expected and ("this check", "running") in codes(out, "note"):
                return


@needs_root
async def test_without_root_it_says_what_it_cannot_see(tmp_path: Path) -> None:
    """Another user's store: whether a daemon runs on it cannot be seen, so nothing may be opened."""
    patient = Patient(tmp_path)
    for folder in (tmp_path, *tmp_path.parents[:-1]):
        if folder.stat().st_uid == 0:
            folder.chmod(folder.stat().st_mode | 0o011)
    patient.store.chmod(0o700)
    async with Stage(BxDisplaySimulator(), TcpEndpoint()) as stage:
        patient.configure(f'[devices.led-1]\ndriver = "bx"\nlink = "{stage.endpoint.url}"\n')
        assert ("device led-1", "no-answer") not in [(one.subject.en, one.code) for one in await patient.examine()]
        with another_program("", "kioskd", "run"):  # what a daemon looks like to others
            os.seteuid(65534)
            try:
                findings = await patient.examine()
            finally:
                os.seteuid(0)
    found = {(one.subject.en, one.code) for one in findings}
    assert ("this check", "perhaps-running") in found
    assert not any(subject == "device led-1" for subject, _ in found)


async def test_what_people_read(tmp_path: Path) -> None:
    patient = Patient(tmp_path)
    patient.configure('[devices.led-1]\ndriver = "bx"\nlink = "serial:///dev/no-such-tty"\n')
    code, out = await doctor(patient.configuration)
    assert code == 1
    assert f"ok    configuration: {patient.configuration} is correct\n" in out
    assert "FAULT device led-1: there is no /dev/no-such-tty\n      → plug it in;" in out
    assert out.endswith("\nfaults: 2\n")
    code, out = await doctor(patient.configuration, language="zh-CN")
    assert "故障" in out
    assert "设备 led-1：没有 /dev/no-such-tty" in out
    assert out.endswith("\n故障：2\n")


async def test_only_the_devices_that_were_named(tmp_path: Path) -> None:
    patient = Patient(tmp_path)
    table = '[devices.led-{0}]\ndriver = "bx"\nlink = "serial:///dev/no-such-tty{0}"\n'
    patient.configure(table.format(1) + table.format(2))
    _, out = await doctor(patient.configuration, "led-2", "--json")
    assert ("device led-2", "not-present") in codes(out)
    assert ("device led-1", "not-present") not in codes(out)
    code, out = await doctor(patient.configuration, "led-3")
    assert (code, out) == (2, "")


# /proc


@pytest.mark.parametrize(
    ("command", "daemon"),
    [
        (("/opt/kioskd/bin/python3", "/opt/kioskd/bin/kioskd", "run", ""), True),
        (("python", "-m", "daemon", "run", "--config", "x"), True),
        (("python", "-m", "daemon", "doctor"), False),
        (("kioskd", "check", "--config", "/run"), False),
        (("rsync", "--daemon", "run"), False),
        (("another", "daemon", "run"), False),
        ((), False),
    ],
)
def test_a_daemon_is_known_by_its_command(command: tuple[str, ...], daemon: bool) -> None:
    assert Process(1, "x", command).is_kioskd is daemon


async def test_the_far_side_of_a_pty_takes_nothing_from_us(tmp_path: Path) -> None:
    simulate = [sys.executable, "-m", "daemon", "simulate", "bx", "--pty", str(tmp_path / "tty")]
    process = await asyncio.create_subprocess_exec(
        *simulate, cwd=PROJECT, stdout=subprocess.DEVNULL, stdin=subprocess.PIPE
    )
    try:
        await until((tmp_path / "tty").exists, "the simulator")
        assert node_holders(tmp_path / "tty") == []
    finally:
        process.kill()
        await process.communicate()


def test_a_lock_that_nobody_holds(tmp_path: Path) -> None:
    assert lock_holder(tmp_path / "none") is None
    (tmp_path / "free").touch()
    assert lock_holder(tmp_path / "free") is None


async def test_our_own_descriptors_are_nobody_s(tmp_path: Path) -> None:
    async with Stage(BxDisplaySimulator(), PtyEndpoint(tmp_path / "tty")):
        descriptor = os.open(tmp_path / "tty", os.O_RDWR | os.O_NOCTTY)
        assert node_holders(tmp_path / "tty") == []
        os.close(descriptor)
