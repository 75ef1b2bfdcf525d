"""The deployed explorer: behind a stage, with the user pool's own sign-in page."""

from collections.abc import Mapping
from urllib.parse import urlsplit

from shared.local import pool
from shared.local.client import client
from shared.local.conversation import Conversation
from shared.local.emulator import Emulator
from shared.local.examples import session
from shared.local.stack import outputs
from tests.explorer.browsing import Visitor

PASSWORD = "Correct-horse-1-battery"


def opened(service: Mapping[str, str]) -> str:
    with client(service["FHIR_BASE"], service["TOKEN_PRACTITIONER"]) as http:
        return str(Conversation(http).create(session()).id)


def test_people_sign_in_on_the_page_of_the_pool_and_close_a_session(
    visitor: Visitor, service: Mapping[str, str]
) -> None:
    session_id, name = opened(service), user(service)
    visitor.page.get_by_role("button", name="Sign in with your account").click()
    visitor.page.get_by_label("Username").fill(name)
    visitor.page.get_by_label("Password").fill(PASSWORD)
    visitor.page.get_by_role("button", name="Sign in").click()
    visitor.list("Open sessions").first.wait_for()
    assert visitor.page.url == service["EXPLORE_URL"]
    visitor.goes_to(f"session/{session_id}")
    visitor.sees("only by hand")
    visitor.page.get_by_role("button", name="Close session").click()
    visitor.page.get_by_role("button", name="Close it now").click()
    visitor.sees("finished")


def user(service: Mapping[str, str]) -> str:
    """Set the password of a practitioner in the emulator's pool."""
    running = Emulator(urlsplit(service["TOKEN_URL"]).port or 0)
    cognito, stack = running.client("cognito-idp"), outputs(running)
    pool.access_token(cognito, stack, pool.USERS["TOKEN_PRACTITIONER"])
    name = "practitioner-Practitioner-doctor-alice-smith"
    cognito.admin_set_user_password(
        UserPoolId=stack["UserPoolId"], Username=name, Password=PASSWORD, Permanent=True
    )
    return name
