"""The pages say what the program does."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from typer.main import get_command

from pipeline.cli.console import Exit
from pipeline.cli.main import app
from pipeline.settings import Settings

ROOT = Path(__file__).parents[2]


def page(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def test_every_setting_is_in_the_page_with_its_default() -> None:
    text = page("docs/settings.md")
    for name, field in Settings.model_fields.items():
        assert f"| `{name}` |" in text, name
        default = field.default
        if isinstance(default, (int, float)) and not isinstance(default, bool):
            assert f"| `{name}` | {default:g} |" in text, name


@pytest.mark.parametrize("command", sorted(get_command(app).commands))  # type: ignore[attr-defined]
def test_every_command_is_in_the_page(command: str) -> None:
    assert f"`formpipe {command}" in page("docs/commands.md")


def test_every_exit_code_is_in_the_page() -> None:
    for code in Exit:
        assert f"| {code.value} |" in page("docs/commands.md")


def test_every_room_is_in_the_architecture() -> None:
    text = page("docs/architecture.md")
    rooms = {p.name for p in (ROOT / "pipeline").iterdir() if (p / "__init__.py").exists()}
    assert [room for room in rooms if f"`{room}/`" not in text] == []


def every_command() -> list[tuple[str, object]]:
    found: list[tuple[str, object]] = []

    def walk(name: str, command: object) -> None:
        children = getattr(command, "commands", None)
        if children is None:
            found.append((name, command))
        for child, below in (children or {}).items():
            walk(f"{name} {child}", below)

    walk("formpipe", get_command(app))
    return found


@pytest.mark.parametrize(("name", "command"), every_command())
def test_the_help_of_every_command_has_an_example(name: str, command: object) -> None:
    assert f"Example: {name}" in (getattr(command, "epilog", "") or "")


@pytest.mark.parametrize(("name", "command"), every_command())
def test_the_help_of_a_command_breaks_its_lines_where_the_terminal_does(name: str, command: object) -> None:
    paragraphs = (getattr(command, "help", "") or "").split("\n\n")
    assert [each for each in paragraphs if "\n" in each.strip()] == []


PAGES = ["README.md", *(str(p.relative_to(ROOT)) for p in sorted((ROOT / "docs").glob("*.md")))]


@pytest.mark.parametrize("name", PAGES)
def test_every_link_leads_somewhere(name: str) -> None:
    links = re.findall(r"\]\(([^)#]+)", page(name))
    missing = [
        link for link in links if not link.startswith("http") and not ((ROOT / name).parent / link).exists()
    ]
    assert missing == []


def test_the_readme_has_no_holes() -> None:
    assert not re.findall(r"\b[A-Z]+_[A-Z]+\b(?<!FORMPIPE_)", page("README.md"))


def test_every_command_line_of_the_readme_exists() -> None:
    known = {name for name, _ in every_command()}
    for line in re.findall(r"^formpipe ([^#&\n]*)", page("README.md"), re.M):
        words = line.split()
        assert {f"formpipe {words[0]}", f"formpipe {' '.join(words[:2])}"} & known, line
