"""The plugin that keeps CI from passing with tests that did not run."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

HEAD = "import pytest\n"
MISSING = "@pytest.mark.skipif(True, reason='no mosquitto')\ndef test_broker(): pass\n"
LONG = "@pytest.mark.long\n@pytest.mark.skip('LONG_TESTS is not set')\ndef test_soak(): pass\n"
XFAIL = "@pytest.mark.xfail\ndef test_wish(): assert False\n"
MODULE = "pytest.skip('no uinput', allow_module_level=True)\n"


def run(tmp_path: Path, *options: str) -> str:
    settings = ["-c", "/dev/null", "-p", "no:cacheprovider", "-W", "ignore::pytest.PytestUnknownMarkWarning"]
    command = [sys.executable, "-m", "pytest", *settings, *options, str(tmp_path)]
    path = str(Path(__file__).parent)
    return subprocess.run(
        command, env={"PYTHONPATH": path}, capture_output=True, text=True, timeout=60, cwd=tmp_path
    ).stdout


@pytest.mark.parametrize(("source", "reason"), [(HEAD + MISSING, "no mosquitto"), (HEAD + MODULE, "no uinput")])
def test_what_is_skipped_for_want_of_a_tool_fails(tmp_path: Path, source: str, reason: str) -> None:
    (tmp_path / "test_sample.py").write_text(source)
    output = run(tmp_path, "-p", "no_skips")
    assert "1 error" in output.splitlines()[-1]
    assert f"must not be skipped here: Skipped: {reason}" in output


def test_long_tests_and_expected_failures_may_stay_out(tmp_path: Path) -> None:
    (tmp_path / "test_sample.py").write_text(HEAD + LONG + XFAIL)
    assert "1 skipped, 1 xfailed" in run(tmp_path, "-p", "no_skips").splitlines()[-1]


def test_without_the_plugin_a_skip_is_a_skip(tmp_path: Path) -> None:
    (tmp_path / "test_sample.py").write_text(HEAD + MISSING)
    assert "1 skipped" in run(tmp_path).splitlines()[-1]
