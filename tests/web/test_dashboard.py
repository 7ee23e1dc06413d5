"""Dashboard in a browser: a pump fails, and somebody sees to it; each page works for everybody and stays at home."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, Route, sync_playwright

from anomaly.web.pages.page_routes import PAGES
from lib.monitor.sound_server import SoundServer
from support.failing_pump import Visit, empty_site, failing_pump, pump_sound
from support.waiting import wait_until

CHROMIUM = "/usr/bin/chromium"
AXE = Path(__file__).with_name("vendor") / "axe" / "axe.min.js"
ALARM_MS = 60_000
RECORDED_S = 33
SERIOUS = ("serious", "critical")


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with failing_pump(tmp_path_factory.mktemp("site")) as address:
        yield address


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def case(base: str, browser: Browser) -> str:
    """Number of the case that the fault opens."""
    page = browser.new_page(locale="en")
    page.goto(base)
    page.wait_for_selector('.tile.ok[data-machine="pump"]', timeout=ALARM_MS)
    # A machine without a model is not known to be well.
    assert page.locator('.tile[data-machine="fan"]').get_attribute("data-kind") == "unknown"
    tile = page.wait_for_selector('.tile.alarm[data-machine="pump"]', timeout=ALARM_MS)
    assert tile is not None
    link = page.wait_for_selector(".tile.alarm a.case")
    assert link is not None
    found = str(link.get_attribute("href")).rpartition("/")[2]
    assert "Pump 3" in page.inner_text("main section:first-of-type")
    page.close()
    return found


def settled(page: Page, url: str) -> Page:
    """Open a page, and wait until it has loaded what it shows."""
    page.goto(url)
    page.wait_for_selector("main h1")
    becomes(page, "!document.querySelector('main .loading, main [aria-busy]')")
    return page


def becomes(page: Page, expression: str) -> None:
    """Wait until an expression is true; the page's own policy forbids what `wait_for_function` does."""
    wait_until(lambda: page.evaluate(expression) or page.wait_for_timeout(50), 30)


def test_a_case_is_acknowledged_by_click_and_its_clip_plays(base: str, browser: Browser, case: str) -> None:
    page = settled(browser.new_page(locale="en"), f"{base}/cases/{case}")
    page.get_by_role("button", name="Acknowledge", exact=True).click()
    page.wait_for_selector("text=open, acknowledged")
    assert "Acknowledged" in page.inner_text(".history")
    page.wait_for_selector("audio", timeout=30_000)
    played = page.evaluate(
        """async () => {
            const audio = document.querySelector("audio");
            await audio.play();
            await new Promise((done) => audio.addEventListener("timeupdate", done));
            return [audio.duration, audio.currentTime];
        }"""
    )
    assert played[0] > 5
    assert page.evaluate("document.querySelector('.clip img').naturalWidth") > 300
    page.close()


def test_a_comment_and_an_assignment_show_in_the_history(base: str, browser: Browser, case: str) -> None:
    page = settled(browser.new_page(locale="en"), f"{base}/cases/{case}")
    page.click("details[data-action=comment] summary")
    page.fill("details[data-action=comment] textarea", "<b>greased</b> & looked at")
    page.click("details[data-action=comment] button")
    page.wait_for_selector(".history >> text=<b>greased</b> & looked at")
    page.click("details[data-action=assign] summary")
    page.fill("details[data-action=assign] input", "night shift")
    page.click("details[data-action=assign] button")
    page.wait_for_selector(".facts >> text=night shift")
    page.close()


def test_the_live_picture_moves_and_the_curve_is_drawn(base: str, browser: Browser, case: str) -> None:
    page = settled(browser.new_page(locale="en"), f"{base}/machines/pump")
    page.wait_for_selector(".chart canvas")
    drawn = """() => {
        const canvas = document.querySelector(".picture canvas");
        const pixels = canvas.getContext("2d").getImageData(canvas.width - 40, 0, 40, canvas.height).data;
        return pixels.reduce((sum, value) => sum + value, 0);
    }"""
    becomes(page, f"({drawn})() > 0")
    first = page.evaluate(drawn)
    becomes(page, f"({drawn})() !== {first}")
    becomes(page, "document.querySelector('.chart ~ p').textContent.includes('at the most')")
    page.get_by_role("button", name="Closer").click()
    page.wait_for_selector('button[data-span=hour][aria-pressed="false"]')
    page.get_by_role("button", name="Day").click()
    page.wait_for_selector('button[data-span=day][aria-pressed="true"]')
    page.close()


@pytest.mark.parametrize(("width", "colours", "language"), [(360, "dark", "de"), (1280, "light", "en")])
def test_pages_are_accessible_fit_and_stay_at_home(
    base: str, browser: Browser, case: str, width: int, colours: Any, language: str
) -> None:
    visit, found = Visit(base), []
    context = browser.new_context(
        viewport={"width": width, "height": 800}, color_scheme=colours, locale=language
    )
    for path, name in PAGES.items():
        page = context.new_page()
        visit.watch(page)
        settled(page, base + path.replace("{machine}", "pump").replace("{case}", case))
        assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0, name
        assert page.evaluate("document.documentElement.lang") == language
        page.evaluate(AXE.read_text(encoding="utf-8"))
        result = page.evaluate("axe.run({resultTypes: ['violations']})")
        found += [(name, one["id"]) for one in result["violations"] if one["impact"] in SERIOUS]
        page.close()
    context.close()
    assert found == []
    assert visit.elsewhere == []
    assert visit.complaints == []


def test_a_machine_is_commissioned_from_a_microphone_to_its_first_alarm(
    browser: Browser, pulse_microphone: SoundServer, tmp_path: Path
) -> None:
    pulse_microphone.play(*pump_sound(7, 40))
    with empty_site(tmp_path) as base:
        page = settled(browser.new_page(locale="en"), f"{base}/setup")
        page.get_by_label("Name").fill("Pump 9")
        page.get_by_label("Place").fill("Hall 2")
        proceed(page, "Next")
        page.check('input[name=device][value="pulse:mic"]')
        page.wait_for_selector("text=The microphone is fine.", timeout=ALARM_MS)
        proceed(page, "Next")
        page.route("**/api/v1/jobs", shortened)
        page.get_by_label("How long").select_option("1")
        proceed(page, "Start the recording")
        page.wait_for_selector("text=So far: microphone", timeout=ALARM_MS)
        # The work goes on without the page.
        page = settled(page, f"{base}/setup")
        page.wait_for_selector("input[name=profile]", timeout=2 * ALARM_MS)
        page.check("input[name=profile][value=fast]")
        proceed(page, "Start the training")
        page.wait_for_selector("text=How many false alarms are acceptable", timeout=6 * ALARM_MS)
        page.get_by_label("How many false alarms are acceptable").select_option("24")
        proceed(page, "Next")
        page.wait_for_selector("text=No receiver is set up")
        proceed(page, "Next")
        proceed(page, "Watch the machine")
        page.wait_for_selector("text=Open the machine", timeout=ALARM_MS)
        page.goto(base)
        page.wait_for_selector('.tile.ok[data-machine="pump-9"]', timeout=ALARM_MS)
        pulse_microphone.play(*pump_sound(8, 20, "outer_race"))
        page.wait_for_selector('.tile.alarm[data-machine="pump-9"] a.case', timeout=ALARM_MS)
        page.close()


def proceed(page: Page, name: str) -> None:
    """Click a button of the step that is open."""
    page.locator(".step.now").get_by_role("button", name=name).click()


def shortened(route: Route) -> None:
    """Record for less than the shortest time that the page offers."""
    body = route.request.post_data_json
    route.continue_(post_data={**body, "seconds": RECORDED_S} if body["kind"] == "record" else body)
