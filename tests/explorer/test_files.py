"""Files of a thread in the explorer: pictures are shown, everything else is only saved."""

from base64 import b64decode
from functools import cache
from typing import Any

import pytest

from shared.store import s3
from tests.explorer.conftest import Visit
from tests.explorer.test_explorer import ALICE
from tests.support import care
from tests.support.api_client import ApiClient
from tests.support.memory_objects import MemoryS3
from tests.support.practice import Practice

PIXEL = b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)
SCRIPT = (
    b"<svg xmlns='http://www.w3.org/2000/svg' onload='hacked=1'><script>hacked=1</script></svg>"
)


@pytest.fixture(autouse=True)
def objects(monkeypatch: pytest.MonkeyPatch) -> MemoryS3:
    memory = MemoryS3()
    monkeypatch.setattr(s3, "client", cache(lambda: memory))
    return memory


def upload(who: ApiClient, content: bytes, kind: str, name: str = "file") -> str:
    answer = who.call("POST", f"/Binary?_filename={name}", content, content_type=kind)
    assert answer.status == 201, answer.text
    return f"Binary/{answer.id}"


def attach(practice: Practice, *attachments: dict[str, Any]) -> str:
    thread = practice.post_header()
    payload = [{"contentAttachment": one} for one in attachments]
    practice.post_message(
        thread, "2026-03-02 10:00", sender=care.reference(care.ALICE), payload=payload
    )
    return thread


@pytest.mark.parametrize("is_absolute", [False, True])
def test_a_picture_of_a_message_is_shown(
    visit: Visit, practice: Practice, origin: str, *, is_absolute: bool
) -> None:
    url = upload(practice.clinic, PIXEL, "image/png")
    base = f"{origin}/fhir/R4/" if is_absolute else ""
    thread = attach(practice, {"url": f"{base}{url}", "title": "The rash"})
    visitor = visit(*ALICE)
    visitor.goes_to(f"thread/{thread}")
    picture = visitor.main().get_by_role("img", name="The rash")
    picture.wait_for()
    assert picture.evaluate("image => image.complete && image.naturalWidth") == 1
    assert (picture.get_attribute("src") or "").startswith("blob:")


@pytest.mark.parametrize(
    ("content", "kind"),
    [(SCRIPT, "image/svg+xml"), (SCRIPT, "text/html"), (SCRIPT, "image/png"), (b"Hm", "a/b")],
)
def test_whatever_is_no_picture_is_only_saved(
    visit: Visit, practice: Practice, content: bytes, kind: str
) -> None:
    thread = attach(
        practice, {"url": upload(practice.clinic, content, kind, "result.dat"), "title": "Result"}
    )
    visitor = visit(*ALICE)
    visitor.goes_to(f"thread/{thread}")
    save = visitor.main().get_by_role("link", name="Save")
    save.wait_for()
    assert visitor.main().locator("img, iframe, object, embed").count() == 0
    assert visitor.page.evaluate("typeof hacked") == "undefined"
    with visitor.page.expect_download() as download:
        save.click()
    assert download.value.suggested_filename == "result.dat"
    assert download.value.path().read_bytes() == content


def test_a_file_that_somebody_may_not_see_is_not_available(
    visit: Visit, practice: Practice
) -> None:
    nick = ApiClient("practitioner", "Practitioner/doctor-nick", claims={"sub": "user-nick"})
    url = upload(nick, PIXEL, "image/png")
    admin = ApiClient("admin", care.ALICE)
    thread = practice.post_header()
    message = care.message(thread, payload=[{"contentAttachment": {"url": url, "title": "Photo"}}])
    assert (
        admin.post("/Communication", message | {"sender": care.reference(care.ALICE)}).status == 201
    )
    visitor = visit(*ALICE)
    visitor.goes_to(f"thread/{thread}")
    visitor.sees("Not available")
