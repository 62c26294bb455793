"""The door itself: exit status, JSON on stdout, errors that name the remedy."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from cli.app import COMMANDS, GROUPS, build
from cli.errors import CallError, JobError, exit_status, sentence
from cli.running.ports import free_port, require_free
from experiments import errors
from experiments.settings import Settings


def winback(folder: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run the command in a folder of its own, as a user would."""
    settings = {
        "PATH": "/usr/bin:/bin",
        "PYTHONPATH": str(Path.cwd()),
        "COLUMNS": "200",
        "NO_COLOR": "1",
        **environment,
    }
    command = [sys.executable, "-m", "cli", *arguments]
    return subprocess.run(command, check=False, cwd=folder, env=settings, capture_output=True, text=True, timeout=60)


def test_every_group_has_commands_and_every_command_a_sentence() -> None:
    assert {words.split()[0] for words in COMMANDS if " " in words} == set(GROUPS)
    for words, command in COMMANDS.items():
        assert command.__doc__, words
    assert build().registered_commands


def test_every_error_of_the_service_has_an_exit_status() -> None:
    raised = [
        kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, errors.WinbackError)
    ]
    assert {exit_status(kind.__new__(kind)) for kind in raised} == {1, 2}
    assert (exit_status(JobError()), exit_status(CallError()), exit_status(KeyError())) == (1, 2, None)


def test_a_missing_file_is_named() -> None:
    with pytest.raises(FileNotFoundError) as caught:
        Path("/no/such/spec.toml").read_text()
    assert sentence(caught.value) == "/no/such/spec.toml: no such file or directory"


def test_help_lists_every_command(tmp_path: Path) -> None:
    shown = winback(tmp_path, "--help")
    assert shown.returncode == 0
    assert all(words.split()[0] in shown.stdout for words in COMMANDS)


@pytest.mark.parametrize(
    ("arguments", "remedy"),
    [
        (("drive",), "Missing argument"),
        (("drive", "log.csv", "--spec", "missing.toml"), "missing.toml: no such file"),
        (("drive", "log.csv", "--spec", "bad.toml"), "/log/arm"),
        (("drive", "log.csv", "--spec", "bad.toml", "--seed", "9..1"), "smaller number first"),
        (("drive", "log.csv", "--spec", "bad.toml", "--url", "http://127.0.0.1:1"), "winback key create"),
        (("key", "create", "--scope", "admin"), "winback migrate"),
        (("dance",), "No such command"),
    ],
)
def test_a_wrong_call_is_status_2_and_names_the_remedy(tmp_path: Path, arguments: tuple[str, ...], remedy: str) -> None:
    (tmp_path / "bad.toml").write_text("[log]\nname = 'x'\n")
    shown = winback(tmp_path, *arguments)
    assert shown.returncode == 2
    assert remedy in shown.stderr and "Traceback" not in shown.stderr
    assert not shown.stdout


def test_an_empty_variable_means_none_whatever_the_file_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    names = ("BROKER_URL", "DATA_DIR", "BATCH_DIR")
    Path(".env").write_text("".join(f"WINBACK_{name}=amqp://here\n" for name in names))
    assert Settings().broker_url == "amqp://here"
    for name in names:
        monkeypatch.setenv(f"WINBACK_{name}", "")
    found = Settings()
    assert (found.broker_url, found.data_dir, found.batch_dir) == (None, None, None)


def test_faults_of_the_configuration_name_the_variable(tmp_path: Path) -> None:
    shown = winback(tmp_path, "migrate", WINBACK_API_PORT="many", WINBACK_BROKER_URL="mqtt://here")
    assert shown.returncode == 2
    assert "WINBACK_API_PORT" in shown.stderr and "Traceback" not in shown.stderr
    assert "WINBACK_BROKER_URL: must begin with amqp://" in shown.stderr


def test_key_and_audit_print_one_json_document(tmp_path: Path) -> None:
    assert winback(tmp_path, "migrate").returncode == 0
    made = json.loads(winback(tmp_path, "key", "create", "--scope", "read", "--name", "till", "--json").stdout)
    assert made["key"].startswith(made["prefix"]) and made["scopes"] == ["read"]
    several = winback(tmp_path, "key", "create", "--scope", "assign", "--scope", "read, outcomes", "--json")
    assert json.loads(several.stdout)["scopes"] == ["assign", "read", "outcomes"]
    checked = winback(tmp_path, "audit", "verify", "--json")
    assert checked.returncode == 0
    assert json.loads(checked.stdout)["entries"] >= 1
    refused = winback(tmp_path, "key", "create", "--scope", "everything")
    assert refused.returncode == 2 and "unknown scope 'everything'; there are assign, outcomes, read" in refused.stderr


def test_the_last_administrators_key_goes_only_when_asked_twice(sqlite_template: Path, tmp_path: Path) -> None:
    (tmp_path / "var").mkdir()
    shutil.copy(sqlite_template, tmp_path / "var" / "winback.db")
    made = json.loads(winback(tmp_path, "key", "create", "--scope", "admin,read", "--json").stdout)
    refused = winback(tmp_path, "key", "revoke", made["prefix"])
    assert refused.returncode == 2 and "--force" in refused.stderr and "winback key create" in refused.stderr
    assert winback(tmp_path, "key", "revoke", made["key"], "--force").returncode == 0
    assert winback(tmp_path, "key", "revoke", "wb_00000000").returncode == 2
    listed = json.loads(winback(tmp_path, "key", "list", "--json").stdout)["keys"]
    assert listed[0]["revoked_at"] and made["key"] not in str(listed)
    assert "revoked" in winback(tmp_path, "key", "list").stdout


def test_a_taken_port_says_what_to_do() -> None:
    import socket

    port = free_port()
    require_free("127.0.0.1", port, "WINBACK_API_PORT")
    with socket.socket() as other:
        other.bind(("127.0.0.1", port))
        other.listen()
        with pytest.raises(CallError, match="WINBACK_API_PORT="):
            require_free("127.0.0.1", port, "WINBACK_API_PORT")
