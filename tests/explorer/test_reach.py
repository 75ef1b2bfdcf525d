"""The explorer for everybody: by keyboard, on a phone, in the dark, with assistive technology."""

from collections.abc import Iterator

import pytest
from axe_playwright_python.sync_playwright import Axe

from tests.explorer import demo
from tests.explorer.browsing import Visitor
from tests.explorer.conftest import Visit
from tests.explorer.gateway import token
from tests.support import care
from tests.support.practice import Practice

ALICE = ("practitioner", care.ALICE)


@pytest.fixture
def demo_clinic(practice: Practice) -> demo.Clinic:
    """Fill the clinic that README's picture shows."""
    return demo.fill(practice)


def views(visitor: Visitor, demo_clinic: demo.Clinic) -> Iterator[str]:
    """Show every view, and yield its name."""
    visitor.sees("Sign in")
    yield "signing in"
    visitor.sign_in(token(*ALICE))
    visitor.list("Open sessions").first.wait_for()
    yield "sessions"
    visitor.goes_to(f"session/{demo_clinic.family}")
    visitor.sees("Itchy rash")
    yield "a session"
    visitor.main().locator("summary").first.click()
    yield "an encounter as it is stored"
    visitor.page.get_by_role("button", name="Close session").click()
    yield "a question"
    visitor.page.get_by_role("button", name="Keep it open").click()
    visitor.goes_to(f"thread/{demo_clinic.thread}")
    visitor.sees("May I go bowling")
    yield "a thread"
    visitor.goes_to("session/nowhere")
    visitor.sees("It does not exist")
    yield "a refusal"


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_view_is_accessible(visit: Visit, demo_clinic: demo.Clinic, scheme: str) -> None:
    visitor = visit(scheme=scheme)
    for view in views(visitor, demo_clinic):
        results = Axe().run(visitor.page)
        assert results.violations_count == 0, f"{view}: {results.generate_report()}"
        assert visitor.page.locator("h1:visible").count() == 1, view


def test_every_view_fits_on_a_phone(
    visit: Visit, practice: Practice, demo_clinic: demo.Clinic
) -> None:
    content = [{"contentString": "w" * 3000}]
    practice.post_message(
        demo_clinic.thread, "2026-03-06 09:50", payload=content, sender={"display": "n" * 300}
    )
    practice.open_session(subject={"display": "n" * 300})
    visitor = visit(width=360)
    for view in views(visitor, demo_clinic):
        widths = "[document.documentElement.scrollWidth, document.body.scrollWidth]"
        assert max(visitor.page.evaluate(widths)) <= 360, view
        for button in visitor.page.get_by_role("button").all():
            box = button.bounding_box()
            assert box is None or box["height"] >= 24, view


def test_everything_can_be_done_by_keyboard(
    visit: Visit, practice: Practice, demo_clinic: demo.Clinic
) -> None:
    visitor = visit()
    press = visitor.page.keyboard.press
    assert visitor.focused() == "Sign in"
    visitor.tabs_to("Access token")
    visitor.page.keyboard.insert_text(token(*ALICE))
    press("Enter")
    visitor.list("Open sessions").first.wait_for()
    assert visitor.focused() == "Sessions"
    visitor.tabs_to("Bart and Lisa Simpson")
    press("Enter")
    visitor.sees("Itchy rash")
    waits_for(visitor, "Bart and Lisa Simpson")
    visitor.tabs_to("Bart Simpson Itchy rash")
    press("Enter")
    assert visitor.page.locator("pre:visible").count() == 1
    visitor.tabs_to("Bart and Lisa")
    press("Enter")
    visitor.sees("contact dermatitis")
    visitor.tabs_to("Session of Bart and Lisa Simpson")
    press("Enter")
    visitor.sees("Itchy rash")
    visitor.tabs_to("Close session")
    press("Enter")
    waits_for(visitor, "Keep it open")
    press("Escape")
    waits_for(visitor, "Close session")
    press("Enter")
    visitor.tabs_to("Close it now")
    press("Enter")
    visitor.sees("finished")
    waits_for(visitor, "Bart and Lisa Simpson")
    assert practice.encounter(demo_clinic.family)["status"] == "finished"


def waits_for(visitor: Visitor, name: str) -> None:
    """Wait until the element with that name has the focus."""
    visitor.page.wait_for_function("name => document.activeElement.textContent === name", arg=name)


def test_the_focused_element_is_outlined(visit: Visit, demo_clinic: demo.Clinic) -> None:
    visitor = visit(*ALICE)
    visitor.goes_to(f"session/{demo_clinic.family}")
    visitor.sees("Itchy rash")
    for name in ("Close session", "Bart and Lisa"):
        visitor.tabs_to(name)
        style = visitor.page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
        assert style == "solid", name


def test_the_title_names_the_view(visit: Visit, demo_clinic: demo.Clinic) -> None:
    visitor = visit(*ALICE)
    visitor.list("Open sessions").first.wait_for()
    assert visitor.page.title() == "Sessions · Async Encounters"
    visitor.goes_to(f"thread/{demo_clinic.thread}")
    visitor.sees("May I go bowling")
    assert visitor.page.title() == "Thread · Async Encounters", (
        "no name of a person, since browsers store titles"
    )
    visitor.page.go_back()
    visitor.list("Open sessions").first.wait_for()
    assert visitor.page.title() == "Sessions · Async Encounters"
