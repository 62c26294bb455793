"""What the README promises is there."""

import re
from pathlib import Path

import pytest

from cli.app import COMMANDS
from experiments.settings import Settings

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text()
NAMED = r"winback ([a-z][a-z-]*(?: (?:create|verify|list|replay|refresh|show|load|revoke|rotate|accept))?)"
MAKEFILE = (ROOT / "Makefile").read_text()


def test_both_commands_are_named() -> None:
    assert "make run" in README and "make test" in README


@pytest.mark.parametrize("target", sorted(set(re.findall(r"make ([a-z]+)", README))))
def test_every_make_target_exists(target: str) -> None:
    if target not in ("nothing", "sure"):
        assert re.search(rf"^{target}:", MAKEFILE, re.MULTILINE)


@pytest.mark.parametrize("words", sorted(set(re.findall(NAMED, README))))
def test_every_command_exists(words: str) -> None:
    assert words in COMMANDS or words.partition(" ")[0] in COMMANDS


def test_every_command_is_told() -> None:
    assert [words for words in COMMANDS if f"winback {words}" not in README] == []


def test_the_configuration_table_is_the_settings() -> None:
    told = {name.removeprefix("WINBACK_").lower() for name in re.findall(r"`(WINBACK_[A-Z_]+)`", README)}
    assert told == set(Settings.model_fields)


@pytest.mark.parametrize("link", sorted(set(re.findall(r"\]\(([^)#:]+)\)", README))))
def test_every_link_leads_somewhere(link: str) -> None:
    assert (ROOT / link).exists()


@pytest.mark.parametrize("path", sorted(set(re.findall(r"`([a-z_]+/)`", README))))
def test_every_folder_exists(path: str) -> None:
    places = [ROOT, ROOT / "bandit", ROOT / "offline_eval", ROOT / "experiments", ROOT / "docs"]
    assert any((place / path).is_dir() for place in places)


def test_every_decision_record_is_in_the_index() -> None:
    index = (ROOT / "docs/adr/README.md").read_text()
    pages = [path.name for path in (ROOT / "docs/adr").glob("0*.md")]
    assert pages and all(f"({name})" in index for name in pages)
    assert all("\n> " in (ROOT / "docs/adr" / name).read_text() for name in pages), "one line worth quoting each"
