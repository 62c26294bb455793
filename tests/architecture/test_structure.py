"""The project lints its own architecture: arrows, names, sizes, registries, and what must not be in a repository."""

import ast
import importlib
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
ROOMS = (
    "bandit",
    "offline_eval",
    "experiments",
    "api",
    "dashboard",
    "cli",
    "winback_client",
    "migrations",
    "benchmarks",
    "tests",
)
SOURCES = sorted(path for room in ROOMS for path in (ROOT / room).rglob("*.py") if "__pycache__" not in path.parts)

BANNED_NAMES = {"util", "utils", "helper", "helpers", "common", "misc", "manager", "managers"}

LONGEST = 300

# Written in pieces, so that this file does not hold what it forbids.
LEAKS = re.compile(
    "|".join(
        [
            r"py" r"pi\.org",
            r"python" r"hosted",
            r"registry\.npm" r"js",
            r"(^|[^A-Za-z0-9_.])/(wor" r"k|far" r"m)/",
            r"/ro" r"ot/",
        ]
    )
)


def tracked() -> list[Path]:
    """Every file that git would commit; all text files where there is no git."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        check=False,
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    if listed.returncode:
        return [*SOURCES, *ROOT.glob("*.*"), *ROOT.glob("docs/**/*.*"), *ROOT.glob("requirements/*")]
    return [path for name in listed.stdout.splitlines() if (path := ROOT / name).is_file()]


def test_the_arrows_point_down() -> None:
    program = Path(sys.executable).with_name("lint-imports")
    checked = subprocess.run([program, "--no-cache"], check=False, cwd=ROOT, capture_output=True, text=True)
    assert checked.returncode == 0, checked.stdout


def test_no_file_is_too_long() -> None:
    written = [path for path in SOURCES if "versions" not in path.parts]  # those are generated
    lengths = {str(path.relative_to(ROOT)): len(path.read_text().splitlines()) for path in written}
    assert {path: length for path, length in lengths.items() if length > LONGEST} == {}


def test_nothing_is_named_for_nothing() -> None:
    assert {str(path.relative_to(ROOT)): found for path in SOURCES if (found := _words(path) & BANNED_NAMES)} == {}


def _words(path: Path) -> set[str]:
    """The words in the names of a file, its folders and its classes."""
    classes = [node.name for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.ClassDef)]
    in_classes = {word.lower() for name in classes for word in re.findall(r"[A-Z][a-z]+", name)}
    return in_classes | {word for part in path.relative_to(ROOT).parts for word in re.split(r"[._-]", part)}


def test_nothing_of_a_machine_or_an_index_is_in_the_repository() -> None:
    found = []
    for path in tracked():
        try:
            lines = path.read_text().splitlines()
        except UnicodeDecodeError:
            continue
        found += [f"{path.relative_to(ROOT)}:{number}" for number, line in enumerate(lines, 1) if LEAKS.search(line)]
    assert not found


def test_every_package_is_pinned_with_hashes() -> None:
    for lock in ("bootstrap", "run", "dev"):
        text = (ROOT / "requirements" / f"{lock}.lock").read_text()
        entries = re.split(r"\n(?=[a-z0-9])", text.strip())
        assert entries
        assert all("==" in entry.splitlines()[0] and "--hash=sha256:" in entry for entry in entries), lock


REGISTRIES = (
    "bandit.policies.POLICIES",
    "offline_eval.ope.ESTIMATORS",
    "offline_eval.intervals.INTERVALS",
    "offline_eval.ab.comparisons.COMPARISONS",
    "offline_eval.ab.checks.CHECKS",
    "offline_eval.models.OUTCOME_MODELS",
    "offline_eval.activity.ACTIVITY_MODELS",
    "experiments.jobs.JOBS",
    "experiments.connectors.CONNECTORS",
    "experiments.connectors.destinations.DESTINATIONS",
    "experiments.services.segmenting.SEGMENTERS",
    "experiments.views.exports.EXPORTS",
    "experiments.ingestion.streams.STREAMS",
    "dashboard.pages.PAGES",
)
"""Dicts whose entries come from a file each, in the folder of the dict."""


@pytest.mark.parametrize("registry", REGISTRIES)
def test_every_entry_has_a_file_of_its_own(registry: str) -> None:
    module, name = registry.rsplit(".", 1)
    folder = module if (ROOT / module.replace(".", "/")).is_dir() else module.rpartition(".")[0]
    homes = _homes(module, name, folder)
    assert homes.keys() == getattr(importlib.import_module(module), name).keys()
    assert all(len(found) == 1 for found in homes.values()), homes
    assert len({home for found in homes.values() for home in found}) == len(homes), homes


def _homes(module: str, name: str, folder: str) -> dict[str, set[str]]:
    """Entry of a dict as it is written → the modules of the folder that the names in its value are imported from."""
    source = ROOT / (module.replace(".", "/") + ".py")
    source = source if source.exists() else ROOT / module.replace(".", "/") / "__init__.py"
    tree = ast.parse(source.read_text())
    origin = {
        alias.asname or alias.name: node.module if node.module != folder else f"{folder}.{alias.name}"
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and node.module
        for alias in node.names
    }
    (written,) = (
        node.value
        for node in tree.body
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) and node.target.id == name
    )
    assert isinstance(written, ast.Dict)
    return {
        ast.literal_eval(key): {
            origin[part.id]
            for part in ast.walk(value)
            if isinstance(part, ast.Name) and origin.get(part.id, "").startswith(f"{folder}.")
        }
        for key, value in zip(written.keys, written.values, strict=True)
        if key is not None
    }


def test_every_command_is_listed() -> None:
    from cli.app import COMMANDS

    files = {path.stem for path in (ROOT / "cli/commands").glob("*.py")} - {"__init__"}
    assert files == {command.__module__.rsplit(".", 1)[-1] for command in COMMANDS.values()}
