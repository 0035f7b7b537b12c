"""The machine that is looked at: where its files are, and whom the service runs as. Tests put another one there."""

from __future__ import annotations

import grp
import os
import pwd
import re
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from drivers.printer.fonts import FONTS

UNIT = "kioskd.service"
UNIT_DIRECTORIES = (
    Path("/etc/systemd/system"),
    Path("/run/systemd/system"),
    Path("/usr/local/lib/systemd/system"),
    Path("/usr/lib/systemd/system"),
    Path("/lib/systemd/system"),
)
"""systemd.unit(5), in the order in which they count."""

CREDENTIAL = "mqtt-password"
CREDENTIAL_STORES = (Path("/etc/credstore"), Path("/run/credstore"), Path("/usr/lib/credstore"))
"""Where systemd looks for a credential that is given by its name: systemd.exec(5). An absolute path stays one."""

ASK_S = 5.0


@dataclass(frozen=True)
class Unit:
    """The settings of the unit's ``[Service]`` part, its drop-ins over it, as lists: most may stand more than once."""

    service: Mapping[str, Sequence[str]]

    def last(self, key: str, default: str = "") -> str:
        """The value in force of a setting that has only one."""
        return (self.service.get(key) or [default])[-1]


def read_unit(directories: Sequence[Path] = UNIT_DIRECTORIES) -> Unit | None:
    """The installed unit, or None where there is none."""
    main = next((path for folder in directories if (path := folder / UNIT).is_file()), None)
    if main is None:
        return None
    drop_ins: dict[str, Path] = {}
    for folder in reversed(directories):
        drop_ins.update({path.name: path for path in folder.glob(f"{UNIT}.d/*.conf")})
    service: dict[str, list[str]] = {}
    for path in (main, *(drop_ins[name] for name in sorted(drop_ins))):
        _read_service(path, service)
    return Unit(service)


_SETTING = re.compile(r"(\w+)\s*=\s*(.*)")


def _read_service(path: Path, service: dict[str, list[str]]) -> None:
    try:
        lines = path.read_text(encoding="utf-8", errors="replace").replace("\\\n", " ").splitlines()
    except OSError:
        return  # a drop-in that only root may read
    inside = False
    for line in map(str.strip, lines):
        if line.startswith("["):
            inside = line == "[Service]"
        elif inside and (setting := _SETTING.fullmatch(line)):
            key, value = setting.groups()
            if value:
                service.setdefault(key, []).append(value)
            else:
                service[key] = []  # systemd: an empty value takes back all before it


@dataclass(frozen=True, slots=True)
class Account:
    """Whom something runs as."""

    name: str
    uid: int
    gid: int
    groups: frozenset[int]

    def may(self, path: Path, *, write: bool = True) -> bool:
        """Whether this account may read, and `write`, what is at `path`: the kernel is asked, not the mode bits."""
        if self.uid == os.geteuid():
            return os.access(path, os.R_OK | (os.W_OK if write else 0), effective_ids=True)
        if os.geteuid() != 0:
            return self._may_by_mode(path, write=write)
        command = ["test", "-r", str(path), *(["-a", "-w", str(path)] if write else [])]
        done = subprocess.run(  # noqa: S603 (coreutils, as the account itself)
            command, user=self.uid, group=self.gid, extra_groups=list(self.groups), check=False, timeout=ASK_S
        )
        return done.returncode == 0

    def _may_by_mode(self, path: Path, *, write: bool) -> bool:
        """As near as one comes without root; access control lists are not seen."""
        try:
            status = path.stat()
        except OSError:
            return False
        wanted = 0o6 if write else 0o4
        shift = 6 if status.st_uid == self.uid else 3 if status.st_gid in {self.gid, *self.groups} else 0
        return self.uid == 0 or status.st_mode >> shift & wanted == wanted


def account_of(name: str) -> Account | None:
    """The account `name` with its groups, or None where there is none."""
    try:
        entry = pwd.getpwnam(name)
    except KeyError:
        return None
    return Account(name, entry.pw_uid, entry.pw_gid, frozenset(os.getgrouplist(name, entry.pw_gid)))


def own_account() -> Account:
    """Whoever runs this."""
    uid, gid = os.geteuid(), os.getegid()
    try:
        name = pwd.getpwuid(uid).pw_name
    except KeyError:
        name = str(uid)
    return Account(name, uid, gid, frozenset({gid, *os.getgroups()}))


def user_name(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)


def group_name(gid: int) -> str:
    try:
        return grp.getgrgid(gid).gr_name
    except KeyError:
        return str(gid)


@dataclass(frozen=True)
class Machine:
    """What is looked at."""

    unit_directories: Sequence[Path] = UNIT_DIRECTORIES
    fonts: Path = FONTS
    proc: Path = Path("/proc")
    sysfs: Path = Path("/sys")
    credentials: Path = Path("/run/credentials") / UNIT
    credential_stores: Sequence[Path] = CREDENTIAL_STORES
    environ: Mapping[str, str] = field(default_factory=lambda: dict(os.environ))

    @property
    def is_root(self) -> bool:
        return os.geteuid() == 0

    @cached_property
    def unit(self) -> Unit | None:
        return read_unit(self.unit_directories)

    @property
    def user(self) -> str:
        """The service's user; whoever runs this where no service is installed."""
        return self.unit.last("User", "root") if self.unit else own_account().name

    @cached_property
    def account(self) -> Account | None:
        """The account of `user`, with the groups that the unit adds; None where there is none."""
        if self.unit is None:
            return own_account()
        account = account_of(self.user)
        if account is None:
            return None
        added = {grp.getgrnam(name).gr_gid for name in self._added_groups if _is_group(name)}
        return Account(account.name, account.uid, account.gid, account.groups | added)

    @property
    def _added_groups(self) -> Sequence[str]:
        return " ".join(self.unit.service.get("SupplementaryGroups", ()) if self.unit else ()).split()

    @property
    def environment(self) -> Mapping[str, str]:
        """The environment to read the configuration with: a running service's credentials, where they may be read."""
        if "CREDENTIALS_DIRECTORY" in self.environ or not os.access(self.credentials, os.X_OK, effective_ids=True):
            return self.environ
        return {**self.environ, "CREDENTIALS_DIRECTORY": str(self.credentials)}

    @property
    def password_file(self) -> Path | None:
        """Where the unit takes the broker's password from: systemd.exec(5), LoadCredential=."""
        for name, _, source in (line.partition(":") for line in self._credentials_loaded):
            if name == CREDENTIAL:
                places = [folder / (source or name) for folder in self.credential_stores]
                return next((place for place in places if place.exists()), None)
        return None

    @property
    def _credentials_loaded(self) -> Sequence[str]:
        return self.unit.service.get("LoadCredential", ()) if self.unit else ()


def _is_group(name: str) -> bool:
    try:
        grp.getgrnam(name)
    except KeyError:
        return False
    return True
