"""The `kioskd` command as a process: what it prints, loads and exits with."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from daemon import __version__
from daemon.__main__ import COMMANDS, main

ROOT = Path(__file__).parent.parent
HALL = Path(__file__).parent / "hall.toml"
START_S = 20.0


def kioskd(*words: str, **environ: str) -> subprocess.CompletedProcess[str]:
    """Run the command to its end, in an environment with nothing of kioskd's in it."""
    plain = {"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8", **environ}
    return subprocess.run(
        [sys.executable, "-m", "daemon", *words], cwd=ROOT, env=plain, capture_output=True, text=True, timeout=START_S
    )


def test_help_has_every_command_in_one_line_and_where_to_read_on() -> None:
    found = kioskd("--help")
    assert found.returncode == 0
    for name, (_, summary) in COMMANDS.items():
        assert re.search(rf"^ +{name} +{re.escape(summary.en)}$", found.stdout, re.MULTILINE)
    assert "examples:" in found.stdout
    assert "exit codes:" in found.stdout
    for page in ("docs/configuration.md", "docs/statuses.md"):
        assert page in found.stdout
        assert (ROOT / page).is_file()


@pytest.mark.parametrize("words", [(), ("--language", "zh-CN")])
def test_without_a_command_it_helps_and_fails(words: tuple[str, ...]) -> None:
    found = kioskd(*words)
    assert found.returncode == 2
    assert "kioskd check --explain" in found.stdout


def test_help_in_chinese_by_option_and_by_locale() -> None:
    by_option, by_locale = kioskd("--language", "zh-CN", "--help"), kioskd("--help", LC_ALL="zh_CN.UTF-8")
    assert "检查配置文件" in by_option.stdout
    assert by_option.stdout == by_locale.stdout


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_explains_itself(name: str) -> None:
    found = kioskd(name, "--help")
    assert (found.returncode, found.stderr) == (0, "")
    assert found.stdout.startswith(f"usage: kioskd {name} ")


def test_version() -> None:
    assert kioskd("--version").stdout == f"kioskd {__version__}\n"


@pytest.mark.parametrize(
    "words",
    [
        ("chekc",),
        ("check", "--confg", "x"),
        ("--language", "fr", "check"),
        ("--language",),
        ("--config", "x", "check"),
        ("check", "extra"),
    ],
)
def test_wrong_usage(words: tuple[str, ...]) -> None:
    found = kioskd(*words)
    assert (found.returncode, found.stdout) == (2, "")
    assert "usage: kioskd" in found.stderr
    assert "Traceback" not in found.stderr


def test_check_passes_and_fails() -> None:
    good, bad = kioskd("check", "--config", str(HALL)), kioskd("check", "--config", "/nowhere/kioskd.toml")
    assert good.returncode == 0
    assert good.stdout.startswith(f"OK: {HALL}\n")
    assert (bad.returncode, bad.stdout) == (1, "")
    assert bad.stderr == "/nowhere/kioskd.toml: there is no such file\nerrors: 1\n"


def test_the_environment_is_checked_too() -> None:
    found = kioskd("check", "--config", str(HALL), KIOSKD_MQTT__PORT="x", KIOSKD_MQTT__PASSWORD="hunter2")  # noqa: S106
    assert found.returncode == 1
    assert "environment variable KIOSKD_MQTT__PORT: mqtt.port: expected a whole number\n" in found.stderr
    assert "hunter2" not in found.stderr


def test_a_terminal_without_chinese_is_no_reason_to_crash() -> None:
    found = kioskd("check", "--config", str(HALL), PYTHONIOENCODING="ascii")
    assert found.returncode == 0
    assert "1\\u53f7\\u7a97\\u53e3" in found.stdout


def test_help_loads_no_module_of_any_command() -> None:
    program = (
        "import sys; from daemon.__main__ import main\n"
        "try: main(['--help'])\n"
        "except SystemExit: pass\n"
        "print([name for name in sys.modules if name.startswith(('pydantic', 'drivers', 'simulators', 'paho'))])\n"
    )
    found = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, timeout=START_S)
    assert found.stdout.splitlines()[-1] == "[]"


def test_check_loads_no_simulator_no_mqtt_and_no_database() -> None:
    program = (
        f"import sys; from daemon.__main__ import main; main(['check', '--config', {str(HALL)!r}])\n"
        "print([name for name in sys.modules if name.startswith(('simulators', 'paho', 'sqlite3'))])\n"
    )
    found = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, timeout=START_S)
    assert found.stdout.splitlines()[-1] == "[]"


@pytest.mark.parametrize("name", ["send", "watch"])
def test_what_only_talks_to_the_broker_loads_no_settings_and_no_driver(name: str) -> None:
    program = (
        "import sys; from daemon.__main__ import main\n"
        f"try: main(['{name}', '--help'])\n"
        "except SystemExit: pass\n"
        "slow = ('daemon.settings', 'pydantic_settings', 'drivers', 'sqlite3')\n"
        "print([name for name in sys.modules if name.startswith(slow)])\n"
    )
    found = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, timeout=START_S)
    assert found.stdout.splitlines()[-1] == "[]"


@pytest.fixture
def command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A sub-command of our own, `probe`, in a module that a test writes."""
    monkeypatch.setenv("PYTHONPATH", f"{tmp_path}:{ROOT}")
    return tmp_path / "probe_command.py"


def probe(*words: str) -> list[str]:
    program = (
        "import sys; from daemon import __main__ as command; from daemon.texts import Text\n"
        "command.COMMANDS = {**command.COMMANDS, 'probe': ('probe_command', Text('试', 'try'))}\n"
        "sys.exit(command.main(sys.argv[1:]))\n"
    )
    return [sys.executable, "-c", program, "probe", *words]


ADD_NOTHING = "def add_arguments(parser): pass\n"


def test_a_command_that_is_not_installed_says_what_is_missing(command: Path) -> None:
    command.write_text("import starlette_of_no_machine\n")
    found = subprocess.run(probe(), capture_output=True, text=True, timeout=START_S)
    assert found.returncode == 1
    assert found.stderr == "kioskd probe: starlette_of_no_machine is not installed (bench needs kioskd[bench])\n"


def test_the_exit_code_is_the_commands_own(command: Path) -> None:
    command.write_text(
        "def add_arguments(parser): parser.add_argument('code', type=int)\ndef run(args): return args.code"
    )
    assert subprocess.run(probe("7"), timeout=START_S).returncode == 7


def test_an_error_that_is_a_bug_is_not_hidden(command: Path) -> None:
    command.write_text(ADD_NOTHING + "def run(args): raise LookupError('a bug')\n")
    found = subprocess.run(probe(), capture_output=True, text=True, timeout=START_S)
    assert found.returncode == 1
    assert "LookupError: a bug" in found.stderr


def test_ctrl_c_ends_a_command_without_a_traceback(command: Path, tmp_path: Path) -> None:
    ready = tmp_path / "ready"
    command.write_text(
        f"import pathlib, time\n{ADD_NOTHING}"
        f"def run(args):\n    pathlib.Path({str(ready)!r}).touch()\n    time.sleep(60)\n"
    )
    process = subprocess.Popen(probe(), stderr=subprocess.PIPE, text=True)
    deadline = time.monotonic() + START_S
    while not ready.exists():
        assert time.monotonic() < deadline, "the command did not start"
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=START_S)
    assert (process.returncode, err) == (130, "")


def test_a_reader_that_goes_away_is_no_crash(command: Path) -> None:
    command.write_text(ADD_NOTHING + "def run(args):\n    while True: print('x' * 1000)\n")
    process = subprocess.Popen(probe(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stdout is not None
    process.stdout.readline()
    process.stdout.close()
    assert process.wait(START_S) == 141
    assert process.stderr is not None
    with process.stderr as err:
        assert err.read() == ""


def test_main_gives_its_code_to_whoever_calls_it(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", "--config", str(HALL)]) == 0
    assert "kioskd/demo/k1" in capsys.readouterr().out
