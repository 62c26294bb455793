"""An administrator replaces a key and a forgotten password by clicks."""

import shutil

import pytest

from experiments.model.access.principal import SYSTEM
from experiments.services.access.granting_keys import create_key
from experiments.services.access.granting_users import create_user
from experiments.settings import Settings
from experiments.store.core.engine import engine_for
from experiments.views.credentials import keys
from experiments.views.paging import Wanted

from .conftest import run_site


@pytest.fixture(scope="module")
def empty_site(sqlite_template, tmp_path_factory):
    path = tmp_path_factory.mktemp("accounts") / "winback.db"
    shutil.copy(sqlite_template, path)
    yield from run_site(Settings(database_url=f"sqlite:///{path}", _env_file=None))


def test_a_key_is_rotated_with_an_overlap_and_a_password_reset(empty_site, browser, tmp_path):
    engine = engine_for(empty_site.settings)
    create_key(engine, SYSTEM, "crm", ["assign"])
    create_user(engine, SYSTEM, "ana@example.com", "correct horse battery", "viewer", own=True)
    visitor = empty_site.visit(browser, role="admin")
    page = visitor.open("/accounts")
    page.get_by_role("button", name="Rotate: crm").click()
    window = page.get_by_role("dialog")
    window.get_by_role("textbox", name="Days for which the old key goes on").fill("7")
    window.get_by_role("button", name="Replace it").click()
    window.get_by_text("Copy it now").wait_for()
    page.screenshot(path=tmp_path / "rotated.png")
    secret = window.locator("pre, code").first.inner_text()
    window.get_by_role("button", name="Close").click()
    new, old = (each for each in keys(engine, SYSTEM, Wanted())["items"] if each["name"] == "crm")
    assert secret.startswith(new["prefix"]) and old["replaced_by"] == new["id"] and old["expires_at"]
    page.get_by_text("rotated", exact=True).wait_for()
    page.get_by_role("button", name="Reset password: ana@example.com").click()
    window.get_by_role("button", name="Replace it").click()
    window.get_by_text("Copy it now").wait_for()
    password = window.locator("pre, code").first.inner_text()
    page.screenshot(path=tmp_path / "reset.png")
    visitor.settled()
    assert not page.get_by_role("button", name="Reset password: admin@example.com").count(), "it would sign oneself out"
    page.close()
    assert not visitor.faults
    engine.dispose()
    assert len(password) >= 16
