"""The pages: links lead somewhere, commands exist, and what is there in two languages is there twice."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/*.md")])
TRANSLATED = [page for page in PAGES if page.with_name(page.name.replace(".md", ".zh-CN.md")).exists()]

LINK = re.compile(r"(?<!!)\[[^\]]*\]\(([^)\s]+)\)")
FENCE = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)
HEADING = re.compile(r"^(#+) ", re.MULTILINE)


def name(page: Path) -> str:
    return str(page.relative_to(ROOT))


def prose(page: Path) -> str:
    return FENCE.sub("", page.read_text())


def anchors(page: Path) -> set[str]:
    """The headings as GitHub links to them."""
    titles = re.findall(r"^#+ (.+)$", prose(page), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


def test_there_are_pages_to_look_at() -> None:
    assert {"README.md", "CONTRIBUTING.md", "docs/install.md", "docs/try-it.md"} <= {name(page) for page in PAGES}
    assert {"README.md", "docs/install.md", "docs/try-it.md"} <= {name(page) for page in TRANSLATED}


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_links_within_the_project_lead_somewhere(page: Path) -> None:
    for target in LINK.findall(prose(page)):
        if "://" in target or target.startswith("mailto:"):
            continue
        path, _, anchor = target.partition("#")
        file = (page.parent / path).resolve() if path else page
        assert file.exists(), f"{name(page)} links to {target}"
        assert not anchor or anchor in anchors(file), f"{name(page)} links to {target}"


@pytest.mark.parametrize("page", TRANSLATED, ids=name)
def test_the_chinese_page_has_the_same_headings_and_commands(page: Path) -> None:
    chinese = page.with_name(page.name.replace(".md", ".zh-CN.md"))
    assert HEADING.findall(prose(page)) == HEADING.findall(prose(chinese))
    assert [commands(block) for block in FENCE.findall(page.read_text())] == [
        commands(block) for block in FENCE.findall(chinese.read_text())
    ]


def commands(block: str) -> list[str]:
    """The lines of a block without the remarks, which are translated."""
    return [line.partition(" #")[0].rstrip() for line in block.splitlines()]


def make(*arguments: str) -> str:
    """What make says to somebody at a prompt, even if another make runs these tests, with options of its own."""
    inherited = ("ARGS", "MAKEFLAGS", "MAKELEVEL", "MAKEOVERRIDES", "MFLAGS")
    environment = {name: value for name, value in os.environ.items() if name not in inherited}
    command = ["make", *arguments]
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=True).stdout


@pytest.mark.parametrize("readme", ["README.md", "README.zh-CN.md"])
@pytest.mark.parametrize(("target", "program"), [("bench", ".venv/bin/kioskd bench"), ("test", ".venv/bin/pytest")])
def test_the_readme_s_commands_do_what_it_says(readme: str, target: str, program: str) -> None:
    assert re.search(rf"^make {target}\b", (ROOT / readme).read_text(), re.MULTILINE)
    plan = make("--dry-run", target).splitlines()
    assert [line.rstrip() for line in plan] == [f".ci/setup {target}", program]


def test_make_lists_its_targets() -> None:
    makefile = (ROOT / "Makefile").read_text()
    (declared,) = re.findall(r"^\.PHONY: (.+)$", makefile, re.MULTILINE)
    listed = make("help")
    assert [line.split()[1] for line in listed.splitlines()] == declared.split()


def test_constraints_are_names_and_versions_only() -> None:
    lines = (ROOT / "constraints.txt").read_text().splitlines()
    pins = [line for line in lines if not line.startswith("#")]
    assert len(pins) > 50
    assert all(re.fullmatch(r"[A-Za-z0-9._-]+==[A-Za-z0-9.]+", pin) for pin in pins)
    assert len({pin.partition("==")[0].lower() for pin in pins}) == len(pins)
