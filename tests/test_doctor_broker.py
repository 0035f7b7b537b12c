"""`kioskd doctor` and the broker: each fault is planted in a real mosquitto, found, and gone once it was mended."""

from __future__ import annotations

import asyncio
import os
import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from daemon.doctor.finding import Finding, Level
from tests.broker_rig import (
    ROOT,
    ShippedBroker,
    make_authority,
    make_broker_certificate,
    make_kiosk_certificate,
    started,
)
from tests.conftest import free_port, mosquitto_path
from tests.doctor_rig import NOBODY, Patient, is_root, needs_root_reason, type_in

pytestmark = pytest.mark.skipif(mosquitto_path() is None, reason="mosquitto is not installed")


@pytest.fixture
def patient(tmp_path: Path) -> Patient:
    return Patient(tmp_path)


@pytest.fixture
async def shipped(tmp_path: Path) -> AsyncIterator[ShippedBroker]:
    (tmp_path / "broker").mkdir()
    broker = await started(ShippedBroker(tmp_path / "broker"))
    yield broker
    broker.kill()


@pytest.fixture
async def certified(tmp_path: Path) -> AsyncIterator[ShippedBroker]:
    (tmp_path / "broker").mkdir()
    broker = ShippedBroker(tmp_path / "broker", certificates=True)
    make_kiosk_certificate(broker.certs)
    yield await started(broker)
    broker.kill()


def by_password(patient: Patient, broker: ShippedBroker, **changes: object) -> None:
    """Configure the kiosk as docs/broker.md says."""
    secret = patient.directory / "password"
    secret.write_text(f"{changes.pop('password', 'pw-k1')}\n")
    secret.chmod(0o600)
    keys = {
        "username": "k1",
        "password_file": str(secret),
        "tls": True,
        "ca_file": str(broker.certs / "ca.pem"),
        **changes,
    }
    write(patient, broker, keys)


def by_certificate(patient: Patient, broker: ShippedBroker, **changes: object) -> None:
    files = {"cert_file": str(broker.certs / "k1.pem"), "key_file": str(broker.certs / "k1.key")}
    write(patient, broker, {"tls": True, "ca_file": str(broker.certs / "ca.pem"), **files, **changes})


def write(patient: Patient, broker: ShippedBroker, keys: dict[str, object]) -> None:
    host, port = str(keys.pop("host", broker.host)), int(str(keys.pop("port", broker.port)))
    lines = [f"{key} = {str(value).lower() if isinstance(value, bool) else repr(value)}" for key, value in keys.items()]
    patient.configure(host=host, port=port, mqtt="\n".join(lines))


async def broker_fault(patient: Patient) -> Finding:
    (fault,) = [finding for finding in await patient.examine() if finding.level is Level.FAULT]
    assert fault.subject.en == "broker"
    return fault


async def is_well(patient: Patient) -> bool:
    findings = await patient.examine()
    assert [finding.code for finding in findings if finding.level is Level.FAULT] == []
    return any(finding.code == "connected" for finding in findings)


async def again(broker: ShippedBroker) -> None:
    await asyncio.to_thread(broker.stop)
    await started(broker)


async def test_a_broker_as_documented_is_well(patient: Patient, shipped: ShippedBroker) -> None:
    by_password(patient, shipped)
    assert await is_well(patient)


async def test_a_broker_that_does_not_run(patient: Patient, shipped: ShippedBroker) -> None:
    by_password(patient, shipped)
    await asyncio.to_thread(shipped.stop)
    fault = await broker_fault(patient)
    assert (fault.code, fault.commands[0]) == ("broker-down", "systemctl start mosquitto")
    await started(shipped)
    assert await is_well(patient)


async def test_a_name_that_nobody_knows(patient: Patient, shipped: ShippedBroker) -> None:
    by_password(patient, shipped, host="no-such-broker.invalid")
    assert (await broker_fault(patient)).code == "name-unknown"


async def test_a_wrong_password(patient: Patient, shipped: ShippedBroker) -> None:
    by_password(patient, shipped, password="guess")  # noqa: S106
    fault = await broker_fault(patient)
    assert fault.code == "wrong-password"
    assert fault.what.en.startswith("the broker refuses the user k1: ")
    passwd, reload = fault.commands
    assert reload == "systemctl reload mosquitto"
    mend = passwd.replace("mosquitto_passwd", "mosquitto_passwd -b") + " guess"  # it asks at a terminal
    type_in((mend,), **{"/etc/mosquitto/kioskd.passwd": str(shipped.passwords)})
    shipped.reload()
    assert await is_well(patient)


async def test_a_wrong_password_in_3_1_1(patient: Patient, shipped: ShippedBroker) -> None:
    by_password(patient, shipped, password="guess", protocol="3.1.1")  # noqa: S106
    assert (await broker_fault(patient)).code == "wrong-password"


async def test_an_expired_certificate_of_the_broker(patient: Patient, shipped: ShippedBroker) -> None:
    by_password(patient, shipped)
    make_broker_certificate(shipped.certs, days=0)
    await again(shipped)
    assert (await broker_fault(patient)).code == "certificate-expired"
    make_broker_certificate(shipped.certs)
    await again(shipped)
    assert await is_well(patient)


async def test_a_certificate_for_another_name(patient: Patient, shipped: ShippedBroker) -> None:
    by_password(patient, shipped)
    make_broker_certificate(shipped.certs, address="10.1.2.3")
    await again(shipped)
    assert (await broker_fault(patient)).code == "certificate-name"


async def test_another_authority(patient: Patient, shipped: ShippedBroker) -> None:
    other = patient.directory / "other"
    other.mkdir()
    make_authority(other)
    by_password(patient, shipped, ca_file=str(other / "ca.pem"))
    assert (await broker_fault(patient)).code == "certificate-authority"


async def test_our_own_certificate(patient: Patient, certified: ShippedBroker) -> None:
    by_certificate(patient, certified)
    make_kiosk_certificate(certified.certs, days=0)
    fault = await broker_fault(patient)
    assert fault.code == "own-certificate-expired"
    assert "k1.pem expired on " in fault.what.en
    make_kiosk_certificate(certified.certs, days=20)
    notes = [finding.code for finding in await patient.examine() if finding.level is Level.NOTE]
    assert "own-certificate-soon" in notes
    make_kiosk_certificate(certified.certs, days=60)
    assert await is_well(patient)


async def test_a_certificate_that_the_broker_does_not_know(patient: Patient, certified: ShippedBroker) -> None:
    other = patient.directory / "other"
    other.mkdir()
    make_authority(other)
    make_kiosk_certificate(other, days=60)
    by_certificate(patient, certified, cert_file=str(other / "k1.pem"), key_file=str(other / "k1.key"))
    fault = await broker_fault(patient)
    assert (fault.code, fault.what.en) == (
        "own-certificate",
        "the broker does not accept our certificate: unknown ca",
    )


async def test_a_key_that_does_not_fit(patient: Patient, certified: ShippedBroker) -> None:
    make_kiosk_certificate(certified.certs, name="k2")
    shutil.copy(certified.certs / "k2.key", certified.certs / "k1.key")
    by_certificate(patient, certified)
    fault = await broker_fault(patient)
    assert fault.code == "tls-file"
    assert fault.what.en.endswith("k1.pem: the key does not belong to it")


async def test_the_password_is_where_the_unit_takes_it_from(patient: Patient, shipped: ShippedBroker) -> None:
    patient.install_unit(User="root")
    write(patient, shipped, {"username": "k1", "tls": True, "ca_file": str(shipped.certs / "ca.pem")})
    patient.secrets.mkdir()
    (patient.secrets / "kioskd.mqtt-password").write_text("pw-k1\n")
    assert await is_well(patient)


@pytest.mark.skipif(not is_root, reason=needs_root_reason)
async def test_who_may_not_read_the_password_is_not_told_that_it_is_wrong(
    patient: Patient, shipped: ShippedBroker
) -> None:
    await test_the_password_is_where_the_unit_takes_it_from(patient, shipped)
    for folder in (patient.directory, shipped.certs, *shipped.certs.parents[:-1]):
        if folder.stat().st_uid == 0:
            folder.chmod(folder.stat().st_mode | 0o011)
    (patient.secrets / "kioskd.mqtt-password").chmod(0o600)
    os.seteuid(65534)
    try:
        found = {(one.subject.en, one.code) for one in await patient.examine()}
    finally:
        os.seteuid(0)
    assert ("broker", "password-hidden") in found
    assert ("broker", "wrong-password") not in found


@pytest.mark.skipif(not is_root, reason=needs_root_reason)
async def test_a_configuration_that_may_not_be_read(patient: Patient) -> None:
    patient.configuration.chmod(0o600)
    await patient.examine()
    os.seteuid(65534)
    try:
        (finding,) = await patient.examine()
    finally:
        os.seteuid(0)
    assert (finding.code, finding.commands) == ("configuration-closed", ("sudo kioskd doctor",))


@pytest.mark.skipif(not is_root, reason=needs_root_reason)
async def test_a_key_that_the_service_may_not_read(patient: Patient, certified: ShippedBroker) -> None:
    for folder in (certified.certs, *certified.certs.parents[:-1]):
        if folder.stat().st_uid == 0:
            folder.chmod(folder.stat().st_mode | 0o011)
    patient.install_unit(User=NOBODY)
    patient.store.chmod(0o777)
    make_kiosk_certificate(certified.certs, days=60)
    by_certificate(patient, certified)
    fault = await broker_fault(patient)
    assert fault.code == "file-closed"
    assert fault.what.en == f"nobody may not read {certified.certs}/k1.key"
    type_in(fault.commands)
    assert await is_well(patient)


async def test_tls_on_a_port_without_it(patient: Patient, shipped: ShippedBroker) -> None:
    by_password(patient, shipped, port=shipped.plain_port)
    assert (await broker_fault(patient)).code == "not-tls"


async def test_no_tls_on_a_port_with_it(patient: Patient, shipped: ShippedBroker) -> None:
    secret = patient.directory / "password"
    secret.write_text("pw-k1\n")
    secret.chmod(0o600)
    write(patient, shipped, {"username": "k1", "password_file": str(secret)})
    assert (await broker_fault(patient)).code == "not-plain"


async def test_an_access_list_that_refuses(patient: Patient, shipped: ShippedBroker) -> None:
    by_password(patient, shipped)
    right = shipped.acl.read_text()
    shipped.acl.write_text(right.replace("kioskd/demo/", "kioskd/elsewhere/"))
    await again(shipped)
    fault = await broker_fault(patient)
    assert fault.code == "acl"
    assert fault.what.en.startswith(f"the broker does not let the user k1 publish to {ROOT}/reply/doctor: Not auth")
    shipped.acl.write_text(right)
    shipped.reload()
    assert await is_well(patient)


async def test_a_broker_that_cannot_be_reached(patient: Patient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("daemon.doctor.broker.CONNECT_S", 0.2)
    patient.configure(host="192.0.2.1", port=free_port())  # RFC 5737: an address that is nobody's
    fault = await broker_fault(patient)
    assert fault.code in ("broker-unreachable", "broker-down")  # a network may refuse in its place
