"""The described API in a real browser: it shows every call and makes one, under a policy that lets nothing else in."""

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

from tests.dashboard.browser.conftest import Windows

expect.set_options(timeout=30_000)


@pytest.fixture
def page(browser: Windows, listening):
    page = browser.browser.new_page()
    page.asked, page.faults = [], []
    page.on("request", lambda request: page.asked.append(request.url))
    page.on("console", lambda told: page.faults.append(told.text) if told.type == "error" else None)
    page.on("pageerror", lambda error: page.faults.append(str(error)))
    page.goto(f"{listening.url}/docs")
    expect(page.locator("section").first).to_be_visible()
    yield page
    page.close()


def test_a_call_is_found_described_and_made(page, listening):
    assert page.locator("section > details").count() > 60
    page.get_by_label("Search").fill("put /v1/suppressions/")
    found = page.locator("section > details:visible")
    expect(found).to_have_count(1)
    found.locator("summary").first.click()
    expect(found).to_contain_text("SuppressionRequest")
    found.get_by_text("Try it").click()
    found.get_by_label("unit_id").fill("ana & <b>ben</b>")
    found.get_by_role("button", name="Send").click()
    expect(found.locator("pre")).to_contain_text("401")
    page.get_by_label("API key").fill(listening.key)
    found.get_by_role("button", name="Send").click()
    expect(found.locator("pre")).to_contain_text("204")
    page.get_by_label("Search").fill("get /v1/suppressions")
    found = page.locator("section > details:visible").first
    found.locator("summary").first.click()
    found.get_by_text("Try it").click()
    found.get_by_role("button", name="Send").click()
    expect(found.locator("pre")).to_contain_text("ana & <b>ben</b>")
    assert page.faults == ["Failed to load resource: the server responded with a status of 401 (Unauthorized)"]
    assert all(url.startswith((listening.url, "data:")) for url in page.asked), page.asked


def test_nobody_is_shut_out(page):
    page.locator("section > details summary").first.click()
    violations = Axe().run(page, options={"resultTypes": ["violations"]}).response["violations"]
    assert [each["id"] for each in violations if each["impact"] in ("serious", "critical")] == []


def test_the_policy_keeps_other_scripts_out(page):
    page.evaluate("""() => {
        const script = document.createElement("script");
        script.textContent = "window.intruder = true";
        document.head.append(script);
    }""")
    assert page.evaluate("window.intruder") is None
    assert any("Content Security Policy" in each for each in page.faults)
