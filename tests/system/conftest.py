"""One virtual machine for all system tests: booted, and kioskd installed as docs/install.md says.

Each test puts the configuration it needs in force, and leaves a machine that runs.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import pytest_asyncio

from daemon import __version__
from tests.conftest import Listener, Mosquitto, free_port
from tests.system.kiosk import Attached, InstalledKiosk
from tests.system.machine import Machine, make_medium
from tests.system.page import commands

ROOT = Path(__file__).parents[2]
CACHE = Path(os.environ.get("SYSTEM_TESTS_CACHE") or Path.home() / ".cache/kioskd-system")

LONG = bool(os.environ.get("LONG_TESTS"))

PREVIOUS = "0.0.9"
INSTALL_S = 300.0


A_KIOSK_S_LIFE = ["page", "install", "visit", "hotplug", "identity", "sandbox", "faults", "power", "upgrade"]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The first start comes first, the removal last."""
    files = [f"test_{name}" for name in A_KIOSK_S_LIFE]
    items.sort(key=lambda item: files.index(item.path.stem) if item.path.parent == Path(__file__).parent else -1)


@pytest.fixture(scope="session")
def package() -> Path:
    """The package of this version."""
    found = sorted((ROOT / "dist").glob(f"kioskd_{__version__}_*.deb"))
    assert len(found) == 1, "make deb"
    return found[0]


@pytest.fixture(scope="session")
def previous(package: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The package as it could have been one version ago: another number, a module less and one more, other defaults."""
    tree = tmp_path_factory.mktemp("previous") / "tree"
    subprocess.run(["dpkg-deb", "-R", package, tree], check=True)
    _edit(tree / "DEBIAN/control", f"Version: {__version__}", f"Version: {PREVIOUS}")
    for site in (tree / "opt/kioskd/lib").glob("python*/site-packages"):
        _edit(site / "daemon/__init__.py", __version__, PREVIOUS)
        (site / "daemon/abandoned.py").write_text('"""A module that the new version has no more."""\n')
    _edit(tree / "etc/kioskd/kioskd.toml", "[mqtt]", "# As the previous version had it.\n[mqtt]")
    target = tree.parent / package.name.replace(__version__, PREVIOUS)
    subprocess.run(["dpkg-deb", "--root-owner-group", "-Zgzip", "-z1", "-b", tree, target], check=True)
    shutil.rmtree(tree)
    return target


def _edit(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert (old in text) or (new in text), f"{path} has no {old!r}"  # hard links: another name was edited already
    path.write_text(text.replace(old, new))


@pytest.fixture(scope="session")
def medium(package: Path, previous: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What somebody brings to the kiosk."""
    directory = tmp_path_factory.mktemp("medium")
    folder = directory / "files"
    folder.mkdir()
    for file in (package, previous):
        shutil.copy(file, folder)
    if LONG:
        shutil.copytree(ROOT / "dist/wheelhouse", folder / "wheelhouse")
    make_medium(directory / "medium.img", folder)
    return directory / "medium.img"


@pytest.fixture(scope="session")
def hall(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mosquitto]:
    """The hall's broker, on another machine than the kiosk: here."""
    broker = Mosquitto(tmp_path_factory.mktemp("broker"))
    broker.start()
    yield broker
    broker.kill()


@pytest.fixture(scope="session")
def own_broker_port() -> int:
    """The port here that leads to the machine's own broker."""
    return free_port()


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def machine(
    medium: Path, own_broker_port: int, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Machine]:
    """The machine, up and running, with the medium mounted, and without kioskd."""
    assert (CACHE / "root.img").exists(), f"no image in {CACHE}: make test-system"
    machine = Machine(CACHE, tmp_path_factory.mktemp("machine"), medium, {own_broker_port: 1883})
    try:
        await machine.boot()
        await machine.running()
        yield machine
    finally:
        machine.cut()


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def kiosk(machine: Machine, hall: Mosquitto, package: Path) -> AsyncIterator[InstalledKiosk]:
    """A kiosk on which kioskd was just installed, with its shipped configuration."""
    listener = Listener(hall.host, hall.port)
    kiosk = InstalledKiosk(machine, hall, listener)
    await install(kiosk, package)
    yield kiosk
    listener.close()


async def install(kiosk: InstalledKiosk, package: Path, title: str = "The package", written: str = __version__) -> None:
    """Type what the page says to install, or upgrade to, `package`. `written`: the version that the page names."""
    script = commands(title, edits={f"kioskd_{written}_amd64.deb": package.name})
    await kiosk.run(f"mountpoint -q /mnt || mount -o ro LABEL=MEDIUM /mnt\ncd /mnt\n{script}", INSTALL_S)


@pytest_asyncio.fixture(loop_scope="session")
async def attached(kiosk: InstalledKiosk) -> AsyncIterator[Attached]:
    """The devices on their cables, plugged in, and ready in a new run of the service."""
    async with Attached(kiosk.machine) as devices:
        try:
            await devices.plug()
            await kiosk.configure()
            await kiosk.ready("printer-1", "panel-1", "panel-2")
            yield devices
        finally:
            # qemu forgets what the kernel asks of an adapter that is being pulled: whoever closes it waits for 5 s
            await kiosk.run("systemctl stop kioskd")
            for name in await plugged(kiosk.machine):
                await kiosk.machine.pull(name)


async def plugged(machine: Machine) -> list[str]:
    """The devices that are plugged in."""
    found = await machine.monitor.ask("qom-list", path="/machine/peripheral")
    return [entry["name"] for entry in found if entry["name"] in ("printer-1", "panel-1", "panel-2")]


@pytest.fixture
def cuts() -> int:
    """How often the power is cut: many times in the long form, ``LONG_TESTS=1``."""
    return 20 if LONG else 3
