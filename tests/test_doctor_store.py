"""`kioskd doctor`, the store, the clock and the configuration: faults planted in real file systems."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from string import Formatter

import pytest

from daemon.doctor import finding
from daemon.doctor.clock import RELEASED, check_clock
from daemon.doctor.finding import Finding, Level
from daemon.doctor.words import WELL, WORDS
from tests.doctor_rig import NOBODY, Patient, another_program, is_root, needs_root_reason, type_in

needs_root = pytest.mark.skipif(not is_root, reason=needs_root_reason)

NOBODY_ID = 65534


@pytest.fixture
def patient(tmp_path: Path) -> Patient:
    return Patient(tmp_path)


@pytest.fixture
def disk(patient: Patient) -> Iterator[Path]:
    """A small file system of its own where the store is."""
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64m", "none", str(patient.store)], check=True)
    yield patient.store
    subprocess.run(["umount", str(patient.store)], check=True)


async def test_a_store_that_is_well(patient: Patient) -> None:
    assert await patient.faults() == {}


@needs_root
async def test_a_full_disk(patient: Patient, disk: Path) -> None:
    with (disk / "filling").open("wb") as file:
        file.write(bytes(60 << 20))
    fault = (await patient.faults())["disk-full"]
    assert "4 MB are free" in fault.what.en
    (disk / "filling").unlink()
    assert await patient.faults() == {}


@needs_root
async def test_a_read_only_disk(patient: Patient, disk: Path) -> None:
    type_in((f"mount -o remount,ro {disk}",))
    fault = (await patient.faults())["store-read-only"]
    assert fault.commands[1] == f"mount -o remount,rw {disk}"
    type_in(fault.commands[1:])
    assert await patient.faults() == {}


async def test_a_folder_that_is_missing(patient: Patient) -> None:
    patient.store.rmdir()
    fault = (await patient.faults())["store-missing"]
    type_in(fault.commands)
    assert await patient.faults() == {}


@needs_root
async def test_a_store_of_somebody_else(patient: Patient) -> None:
    for folder in (patient.directory, *patient.directory.parents[:-1]):
        if folder.stat().st_uid == 0:
            folder.chmod(folder.stat().st_mode | 0o011)
    patient.install_unit(User=NOBODY)
    patient.store.chmod(0o700)
    fault = (await patient.faults())["store-permission"]
    assert fault.commands == (f"chown -R nobody: {patient.store}",)
    type_in(fault.commands)
    assert patient.store.stat().st_uid == NOBODY_ID
    assert await patient.faults() == {}


async def test_another_program_holds_the_store(patient: Patient) -> None:
    take = "import fcntl\nlock = open(sys.argv[1], 'w')\nfcntl.flock(lock, fcntl.LOCK_EX)"
    with another_program(take, str(patient.store / "kioskd.db.lock")) as program:
        fault = (await patient.faults())["store-held"]
        assert f"process {program.pid} (" in fault.what.en
        type_in(fault.commands)
        program.wait(10)
    assert await patient.faults() == {}


async def test_a_file_that_is_no_database(patient: Patient) -> None:
    (patient.store / "kioskd.db").write_bytes(b"\0" * 4096)
    assert list(await patient.faults()) == ["store-damaged"]


@needs_root
async def test_a_service_without_its_account(patient: Patient) -> None:
    patient.install_unit(User="kioskd-of-no-machine")
    fault = (await patient.faults())["no-account"]
    assert fault.commands[1] == "systemd-sysusers"


async def test_no_font(patient: Patient) -> None:
    patient.configure('[devices.p]\ndriver = "escpos"\nlink = "serial:///dev/no-such-tty"\n')
    for font in (patient.font, *patient.rare_fonts):
        font.unlink()
    findings = {finding.code: finding for finding in await patient.examine()}
    assert findings["no-font"].commands == ("apt-get install --no-install-recommends fonts-droid-fallback",)
    patient.font.touch()  # as the package does
    assert "no-font" not in {finding.code for finding in await patient.examine()}


@pytest.mark.parametrize("part", [0, 1])
async def test_no_font_for_rare_characters(part: int, patient: Patient) -> None:
    """Worth knowing, and no fault: nothing is broken until somebody of such a name comes."""
    patient.configure('[devices.p]\ndriver = "escpos"\nlink = "serial:///dev/no-such-tty"\n')
    patient.rare_fonts[part].unlink()
    finding = {finding.code: finding for finding in await patient.examine()}["no-rare-font"]
    assert finding.level is Level.NOTE
    assert finding.commands == ("apt-get install --no-install-recommends fonts-hanazono",)
    assert finding.remedy is not None
    assert "𠮷" in finding.remedy.zh
    patient.rare_fonts[part].touch()
    assert "no-rare-font" not in {finding.code for finding in await patient.examine()}


async def test_no_font_for_letters_where_a_printer_is_sent_dots_alone(patient: Patient) -> None:
    device = '[devices.p]\ndriver = "escpos"\nlink = "serial:///dev/no-such-tty"\n'
    patient.configure(device)
    assert "no-latin-font" not in {finding.code for finding in await patient.examine()}
    patient.configure(f'{device}encoding = "raster"\n')
    finding = {finding.code: finding for finding in await patient.examine()}["no-latin-font"]
    assert finding.level is Level.FAULT
    assert finding.commands == ("apt-get install --no-install-recommends fonts-dejavu-core",)
    font = patient.fonts / "truetype/dejavu/DejaVuSansMono.ttf"
    font.parent.mkdir()
    font.touch()
    assert "no-latin-font" not in {finding.code for finding in await patient.examine()}


async def test_errors_of_the_configuration(patient: Patient) -> None:
    patient.configure(more='[phone]\nrigns = 3\n[devices.x]\ndriver = "bx"\nlink = "tcp:/x"\n')
    findings = [finding for finding in await patient.examine() if finding.level is Level.FAULT]
    assert [finding.code for finding in findings] == ["configuration", "configuration"]
    assert "phone.rigns: there is no such key; did you mean 'rings'?" in findings[0].what.en
    assert findings[0].commands[0] == f"kioskd check --config {patient.configuration}"


# the clock


def clock_fault(now: datetime, *witnesses: Path) -> Finding | None:
    (finding,) = check_clock(now, witnesses)
    return finding if finding.level is Level.FAULT else None


def test_a_clock_in_1970() -> None:
    fault = clock_fault(datetime.fromtimestamp(60, UTC))
    assert fault is not None
    assert "1970-01-01 00:01, which is before 2026-11-21 00:00 (kioskd)" in fault.what.en
    assert fault.commands[0] == "timedatectl set-ntp true"


def test_a_clock_behind_what_was_written_last(tmp_path: Path) -> None:
    file = tmp_path / "kioskd.db"
    file.touch()
    later = (RELEASED + timedelta(days=100)).timestamp()
    os.utime(file, (later, later))
    fault = clock_fault(RELEASED + timedelta(days=99), file)
    assert fault is not None
    assert str(file) in fault.what.en
    assert clock_fault(RELEASED + timedelta(days=101), file) is None
    assert clock_fault(RELEASED + timedelta(days=100) - timedelta(minutes=10), file) is None


async def test_a_clock_behind_the_database(patient: Patient) -> None:
    """As after a power cut on a machine whose battery is empty: the machine is earlier than its own files."""
    database = patient.store / "kioskd.db"
    database.write_bytes(b"SQLite format 3\0")
    later = (datetime.now(UTC) + timedelta(days=2)).timestamp()
    os.utime(database, (later, later))
    assert list(await patient.faults()) == ["clock-past"]
    os.utime(database)
    assert await patient.faults() == {}


# the words


def test_both_languages_carry_the_same_values() -> None:
    texts = [*WELL.values(), *(text for pair in WORDS.values() for text in pair)]
    assert len(texts) > 100
    for text in texts:
        zh, en = ({name for _, name, _, _ in Formatter().parse(words) if name} for words in text)
        assert zh == en, text


def test_every_sentence_is_said_somewhere() -> None:
    sources = "".join(
        path.read_text() for path in Path(finding.__file__).parent.glob("*.py") if path.name != "words.py"
    )
    assert [code for code in (*WORDS, *WELL) if f'"{code}"' not in sources] == [
        "garbled",
        "no-answer",
    ]  # by their reasons
