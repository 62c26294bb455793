"""The image and the compose file: the same processes, no password of ours, nobody is root."""

import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from cli.app import COMMANDS

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    return yaml.safe_load((ROOT / "docker-compose.yml").read_text())


def test_the_processes_are_commands(compose: dict[str, Any]) -> None:
    ours = {name: service for name, service in compose["services"].items() if service["image"] == "winback"}
    assert set(ours) == {"migrate", "api", "worker", "consume", "dashboard"}
    assert all(service["command"] == [name] and name in COMMANDS for name, service in ours.items())


def test_api_and_worker_wait_for_the_migrations(compose: dict[str, Any]) -> None:
    for name in ("api", "worker", "consume", "dashboard"):
        waits = compose["services"][name]["depends_on"]
        assert waits["migrate"]["condition"] == "service_completed_successfully"
    for name in ("postgres", "rabbitmq", "api"):
        assert compose["services"][name]["healthcheck"]["test"]


def test_passwords_have_no_defaults(compose: dict[str, Any]) -> None:
    """Every value with a password in it is a variable that must be set: `${NAME:?…}`, never `${NAME:-…}`."""
    found = 0
    for service in compose["services"].values():
        for name, value in service.get("environment", {}).items():
            if "PASS" in name or "@" in str(value):
                assert re.search(r"\$\{[A-Z_]*PASSWORD:\?", value), name
                found += 1
    assert found >= 4


def test_the_audit_trail_has_a_key_and_a_place_for_its_anchors(compose: dict[str, Any]) -> None:
    for service in (each for each in compose["services"].values() if each["image"] == "winback"):
        assert re.search(r"\$\{WINBACK_AUDIT_KEY:\?", service["environment"]["WINBACK_AUDIT_KEY"])
        assert service["volumes"] == [f"data:{service['environment']['WINBACK_DATA_DIR']}"]


def test_ports_stay_on_the_machine(compose: dict[str, Any]) -> None:
    ports = [port for service in compose["services"].values() for port in service.get("ports", [])]
    assert ports and all(port.startswith("127.0.0.1:") for port in ports)


def test_docker_accepts_the_file() -> None:
    known = (
        shutil.which("docker")
        and subprocess.run(["docker", "compose", "version"], check=False, capture_output=True).returncode == 0
    )
    if not known:
        pytest.skip("docker compose is not installed here: only the YAML was checked")
    command = ["docker", "compose", "config", "--quiet"]
    environment = {
        "POSTGRES_PASSWORD": "x",
        "RABBITMQ_PASSWORD": "y",
        "WINBACK_AUDIT_KEY": "z" * 32,
        "PATH": "/usr/local/bin:/usr/bin:/bin",
    }
    checked = subprocess.run(command, check=False, cwd=ROOT, env=environment, capture_output=True, text=True)
    assert checked.returncode == 0, checked.stderr


def test_the_image_is_slim_pinned_and_not_root() -> None:
    lines = (ROOT / "Dockerfile").read_text().splitlines()
    stages = [line.split()[1] for line in lines if line.startswith("FROM ")]
    assert all(stage == "python:3.12-slim" for stage in stages)
    assert any("--require-hashes -r /tmp/run.lock" in line for line in lines)
    last = next(index for index, line in reversed(list(enumerate(lines))) if line.startswith("FROM "))
    assert any(line.startswith("USER ") and line != "USER root" for line in lines[last:])
    copied = {line.split()[1] for line in lines if line.startswith("COPY ") and "--from" not in line}
    assert all((ROOT / path).exists() for path in copied)


def test_the_image_holds_every_room_that_the_shell_imports() -> None:
    copied = set(re.findall(r"^COPY (\w+) /opt/winback", (ROOT / "Dockerfile").read_text(), re.MULTILINE))
    allowed = set(re.findall(r"^!(\w+)", (ROOT / ".dockerignore").read_text(), re.MULTILINE))
    rooms = set()
    for path in [path for room in copied for path in (ROOT / room).rglob("*.py")]:
        rooms |= set(re.findall(r"^\s*(?:from|import) (\w+)", path.read_text(), re.MULTILINE))
    own = {path.name for path in ROOT.iterdir() if (path / "__init__.py").exists()}
    assert rooms & own <= copied <= allowed
