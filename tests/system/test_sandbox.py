"""What the service can reach, seen from inside its own sandbox."""

from __future__ import annotations

import json

import pytest

from tests.system.kiosk import LIVES_ON, START_S, USB, Attached, InstalledKiosk
from tests.system.page import commands

pytestmark = LIVES_ON

DROP_INS = "/etc/systemd/system/kioskd.service.d"

# Nodes that everybody may open, so that only the sandbox stands in the way.
FORBIDDEN = {"disk": "b 254 0", "memory": "c 1 1", "uinput": "c 10 223", "console": "c 4 1", "video": "c 81 0"}

PROBE = """\
import json, os, socket
def opens(path):
    try:
        os.close(os.open(path, os.O_RDWR | os.O_NONBLOCK | os.O_NOCTTY))
    except OSError as error:
        return error.strerror
    return "open"
def writes(path):
    try:
        open(path, "w").close()
    except OSError as error:
        return error.strerror
    return "open"
found = {path: opens(path) for path in %s}
found |= {path: writes(path) for path in ("/opt/kioskd/x", "/etc/kioskd/x", "/usr/x", "/var/x", "/var/lib/kioskd/x")}
found["uid"] = str(os.getuid())
try:
    socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
except OSError as error:
    found["packets"] = error.strerror
print("FOUND", json.dumps(found))
"""


OVERRIDE = """\
[Service]
Type=oneshot
Restart=no
ExecStart=
ExecStart=/opt/kioskd/bin/python3 -I /usr/local/lib/probe.py
"""


async def probe(kiosk: InstalledKiosk, *paths: str) -> dict[str, str]:
    """Which of `paths` can be opened inside the service's own sandbox; the same program, run as another."""
    await kiosk.write("/usr/local/lib/probe.py", PROBE % json.dumps(paths))
    await kiosk.run("mkdir -p /run/systemd/system/kioskd.service.d; systemctl stop kioskd")
    await kiosk.write("/run/systemd/system/kioskd.service.d/zz-probe.conf", OVERRIDE)
    await kiosk.run("systemctl daemon-reload; systemctl start kioskd", START_S)
    said = await kiosk.run("journalctl --no-pager -o cat -u kioskd -g '^FOUND' -n 1")
    await kiosk.run("rm /run/systemd/system/kioskd.service.d/zz-probe.conf; systemctl daemon-reload")
    found: dict[str, str] = json.loads(said.removeprefix("FOUND "))
    return found


async def test_the_service_sees_only_its_classes_of_devices(kiosk: InstalledKiosk, attached: Attached) -> None:
    for name, numbers in FORBIDDEN.items():
        await kiosk.run(f"mknod -m 666 /dev/probe-{name} {numbers}")
    forbidden = [f"/dev/probe-{name}" for name in FORBIDDEN]
    adapter = f"/dev/serial/by-path/{USB}:1:1.0-port0"
    keypad = f"/dev/input/by-path/{USB}:2:1.0-event-kbd"
    usb = await kiosk.run("ls -d /dev/bus/usb/*/* | head -n 1")
    await kiosk.run(f"chmod 666 {usb}")
    found = await probe(kiosk, adapter, keypad, usb, "/dev/ttyS0", *forbidden)
    assert found["uid"] == await kiosk.run("id -u kioskd")
    assert {path: found[path] for path in (adapter, keypad, usb)} == dict.fromkeys((adapter, keypad, usb), "open")
    assert {found[path] for path in forbidden} <= {"Operation not permitted"}
    assert found["/dev/ttyS0"] == "Operation not permitted"
    for path in ("/opt/kioskd/x", "/etc/kioskd/x", "/usr/x", "/var/x"):
        assert found[path] in ("Read-only file system", "Permission denied")
    assert found["/var/lib/kioskd/x"] == "open"
    assert found["packets"] == "Address family not supported by protocol"

    await kiosk.run(commands("Special cases", 1))
    await kiosk.run(commands("Special cases", 0))
    narrowed = await probe(kiosk, adapter, keypad, usb, "/dev/ttyS0")
    assert [narrowed[path] for path in (adapter, "/dev/ttyS0")] == ["open", "open"]
    assert [narrowed[path] for path in (keypad, usb)] == ["Operation not permitted"] * 2
    await kiosk.run(f"rm -r {DROP_INS} /dev/probe-* /var/lib/kioskd/x; systemctl daemon-reload")
    await kiosk.configure()


@pytest.mark.essential
async def test_nothing_runs_as_root(kiosk: InstalledKiosk) -> None:
    await kiosk.configure()
    await kiosk.run(commands("Simulated devices"))
    for unit in ("kioskd", "kioskd-simulator@escpos"):
        group = await kiosk.property("ControlGroup", unit)
        processes = (await kiosk.run(f"cat '/sys/fs/cgroup{group}/cgroup.procs'")).split()
        assert processes
        for process in processes:
            status = dict(
                line.split(":\t", 1)
                for line in (await kiosk.run(f"cat /proc/{process}/status")).splitlines()
                if ":\t" in line
            )
            assert set(status["Uid"].split()) == {await kiosk.run("id -u kioskd")}
            assert {status[name].strip("0") for name in ("CapEff", "CapPrm", "CapInh", "CapBnd", "CapAmb")} == {""}
            assert (status["NoNewPrivs"], status["Seccomp"]) == ("1", "2")
    await kiosk.run("systemctl stop 'kioskd-simulator@*'")


@pytest.mark.essential
async def test_presses_reach_no_console(kiosk: InstalledKiosk, attached: Attached) -> None:
    before = await kiosk.run(CONSOLE)
    assert "login:" in before
    await kiosk.machine.press("4")
    await kiosk.event("rating.unsolicited", panel="panel-1", level=2)
    assert await kiosk.run(CONSOLE) == before
    # without the service, the same key does type there
    await kiosk.run("systemctl stop kioskd")
    await kiosk.machine.press("4")
    await kiosk.run(f"until {CONSOLE} | grep -q login:4; do sleep 0.1; done", 10)


CONSOLE = "tr -d ' \\0' </dev/vcs1"
"""What stands on the first text console, without the blanks."""
