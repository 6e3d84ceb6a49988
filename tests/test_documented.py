"""What a person can type or set is written down: commands, options, variables, make targets, pages and their links."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from pollux.cli import app

ROOT = Path(__file__).parents[1]
PAGES = sorted(ROOT.glob("docs/**/*.md"))
HANDBOOK = [ROOT / name for name in ("README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "CHANGELOG.md")]
COMMANDS = [name for name in app if not name.startswith("-")]


def read(*names: str) -> str:
    return "\n".join((ROOT / name).read_text(encoding="utf-8") for name in names)


def section(command: str) -> str:
    """What docs/commands.md says of one command."""
    found = re.search(rf"^## pollux {command}\n(.*?)(?=^## |\Z)", read("docs/commands.md"), re.MULTILINE | re.DOTALL)
    assert found, f"docs/commands.md has no section '## pollux {command}'"
    return found[1]


def words(command: str) -> Iterator[str]:
    """Options as they are typed (`--plan`), and arguments without a name as the help shows them (`PERSON`)."""
    for argument in app[command].assemble_argument_collection():
        if argument.field_info.kind is argument.field_info.KEYWORD_ONLY:
            yield from set(argument.names) - set(argument.negatives)
        else:
            yield argument.names[0].removeprefix("--").upper()


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_and_every_option_is_documented(command: str) -> None:
    told = section(command)
    missing = [word for word in words(command) if not re.search(rf"`[^`\n]*{word}\b[^`\n]*`", told)]
    assert not missing, f"docs/commands.md does not say what {', '.join(missing)} of pollux {command} does"


def test_no_command_is_documented_that_does_not_exist() -> None:
    told = re.findall(r"^## pollux (\S+)$", read("docs/commands.md"), re.MULTILINE)
    assert sorted(told) == sorted(COMMANDS)


def test_no_option_is_documented_that_does_not_exist() -> None:
    for command in COMMANDS:
        known = set(words(command))
        told = set(re.findall(r"--[a-z][a-z-]*", section(command)))
        assert told <= known, f"pollux {command} has no {', '.join(sorted(told - known))}"


def test_every_environment_variable_is_documented() -> None:
    code = [p for room in ("src", "tests", "bench") for p in (ROOT / room).rglob("*.py") if p != Path(__file__)]
    text = "\n".join(p.read_text(encoding="utf-8") for p in code) + read("Makefile", ".ci/run")
    used = set(re.findall(r"\bPOLLUX_[A-Z][A-Z_]*[A-Z]\b", text))
    assert used >= {"POLLUX_STORE", "POLLUX_CACHE", "POLLUX_REFERENCE", "POLLUX_SOAK"}
    told = read("CONTRIBUTING.md", "docs/commands.md")
    missing = sorted(name for name in used if not re.search(rf"`{name}\b[^`]*`", told))
    assert not missing, f"neither CONTRIBUTING.md nor docs/commands.md says what {', '.join(missing)} is"


def test_every_make_target_is_documented() -> None:
    targets = re.findall(r"^([a-z][a-z-]*):", read("Makefile"), re.MULTILINE)
    assert {"setup", "demo", "test", "check"} <= set(targets)
    told = read("CONTRIBUTING.md", "README.md")
    missing = [name for name in targets if not re.search(rf"make {name}(?![a-z-])", told)]
    assert not missing, f"neither CONTRIBUTING.md nor README.md says what make {', '.join(missing)} does"


def test_every_page_can_be_reached_from_the_index() -> None:
    index = ROOT / "docs" / "index.md"
    linked = {(index.parent / target).resolve() for target in links(index)}
    missing = [str(p.relative_to(ROOT)) for p in PAGES if p != index and p.resolve() not in linked]
    assert not missing, f"docs/index.md does not name {', '.join(missing)}"


@pytest.mark.parametrize("page", [*HANDBOOK, *PAGES], ids=lambda p: str(p.relative_to(ROOT)))
def test_every_link_leads_somewhere(page: Path) -> None:
    broken = [target for target in links(page) if not (page.parent / target).exists()]
    assert not broken, f"broken links: {', '.join(broken)}"


def links(page: Path) -> list[str]:
    """The relative links of a page, without their anchors."""
    found = re.findall(r"\]\(([^)\s]+)\)", page.read_text(encoding="utf-8"))
    return [target.split("#")[0] for target in found if not re.match(r"[a-z]+:|#", target)]
