"""docs/install.md as a script: what the page says is what the tests type."""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

PAGE = Path(__file__).parents[2] / "docs" / "install.md"

_SECTION = re.compile(r"^##+ (?P<title>.+)\n(?P<text>(?:(?!##).*\n)*)", re.MULTILINE)
_BLOCK = re.compile(r"^```sh\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def sections() -> dict[str, list[str]]:
    """The blocks of commands below each heading that has some."""
    found = {match["title"]: _BLOCK.findall(match["text"]) for match in _SECTION.finditer(PAGE.read_text())}
    return {title: blocks for title, blocks in found.items() if blocks}


def commands(
    title: str,
    block: int = 0,
    edits: Mapping[str, str] = MappingProxyType({}),
    written: Mapping[str, str] = MappingProxyType({}),
) -> str:
    """One block as a script. `edits`: what is typed in place of something, such as a file's name.

    An editor is where a person works: its line becomes one that puts the file's text of `written` there.
    """
    lines = [_edit(line, written) for line in sections()[title][block].splitlines()]
    script = "\n".join(["set -e", *lines])
    for old, typed in edits.items():
        assert old in script, f"{PAGE}: {title} has no {old}"
        script = script.replace(old, typed)
    return script


def _edit(line: str, written: Mapping[str, str]) -> str:
    if not line.startswith("nano "):
        return line
    path = line.removeprefix("nano ")
    return f"printf %s {shlex.quote(written[path])} >{path}"
