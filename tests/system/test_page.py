"""docs/install.md, as far as it needs no machine of its own."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from daemon import __version__
from tests.system.page import commands, sections

ROOT = Path(__file__).parents[2]

USE = re.compile(r"""(?:commands\(|title(?:: str )?= ?)"(?P<title>[^"]+)"(?:, (?P<block>\d+))?""")


@pytest.mark.essential
def test_every_command_of_the_page_is_typed_by_a_test() -> None:
    written = {(title, number) for title, blocks in sections().items() for number in range(len(blocks))}
    sources = "".join(file.read_text() for file in Path(__file__).parent.glob("*.py"))
    assert {(use["title"], int(use["block"] or 0)) for use in USE.finditer(sources)} == written


def test_the_wheelhouse_installs_without_an_index(tmp_path: Path) -> None:
    wheelhouse = ROOT / "dist/wheelhouse"
    script = commands("Other distributions", 0).replace("/opt/kioskd", str(tmp_path / "kioskd"))
    script = script.replace("python3 -m venv", f"{sys.executable} -m venv")
    subprocess.run(["bash", "-c", script], cwd=wheelhouse.parent, check=True, stdout=subprocess.DEVNULL)
    said = subprocess.run([tmp_path / "kioskd/bin/kioskd", "--version"], capture_output=True, text=True, check=True)
    assert said.stdout == f"kioskd {__version__}\n"
