"""The bridge's console in a Django site: for its staff, with its own session."""

import asyncio

import pytest
from django.conf import settings
from django.contrib.auth.models import Permission, User
from django.contrib.auth.signals import user_login_failed
from django.test import Client, override_settings

from orderflow_bridge_django.bridge import get_bridge
from orderflow_bridge_django.console.views import _in_threads

CONSOLE = "/bridge-console"
VIEWS = ("view_order", "view_connection")


@pytest.fixture
def site(staffed) -> None:
    """Give a site with staff, and a bridge with one connection."""
    get_bridge().connections.create("A storefront", scopes=["carts:read"])


def person(name: str, *permissions: str, staff: bool = True) -> Client:
    """Sign somebody in; Django's own check of forms is on, as in a site."""
    user = User.objects.create_user(name, password="x", is_staff=staff)
    user.user_permissions.set(Permission.objects.filter(codename__in=permissions))
    client = Client(enforce_csrf_checks=True)
    client.force_login(user)
    return client


def token_in(answer) -> str:
    """Read the token that a page's forms send back."""
    return answer.content.decode().partition('name="csrf" value="')[2].partition('"')[0]


def test_staff_enters_with_the_session_it_has(site):
    """Who may view orders and connections sees them, and no other login is asked for."""
    page = person("vera", *VIEWS).get(f"{CONSOLE}/connections")
    assert page.status_code == 200
    assert "A storefront" in page.content.decode()
    assert "vera" in page.content.decode()
    assert '<a href="/admin/">Site administration</a>' in page.content.decode()


@pytest.mark.parametrize(
    ("permissions", "role"),
    [
        (VIEWS, "viewer"),
        ((*VIEWS, "change_order"), "operator"),
        ((*VIEWS, "change_connection"), "viewer"),
        ((*VIEWS, "change_connection", "reveal_secret"), "admin"),
    ],
)
def test_permissions_make_the_role(site, permissions, role):
    """An admin both changes connections and reveals secrets; one of the two is not enough."""
    page = person("vera", *permissions).get(f"{CONSOLE}/connections").content.decode()
    assert f'<span class="pill">{role}</span>' in page


def test_nobody_is_led_to_the_login_of_the_admin_and_back(site):
    """A page asked for by a stranger is shown after the login."""
    answer = Client().get(f"{CONSOLE}/connections")
    assert answer.status_code == 303
    assert answer["Location"] == "/admin/login/?next=%2Fbridge-console%2Fconnections"


def test_an_act_of_nobody_leads_back_to_the_page_that_has_its_form(site):
    """What cannot be asked for by a link is not where the login leads."""
    answer = Client().post(f"{CONSOLE}/orders/order_1/settle")
    assert answer.status_code == 401
    assert 'href="/admin/login/?next=%2Fbridge-console%2Forders%2Forder_1"' in (
        answer.content.decode()
    )


def test_commands_are_named_as_they_are_typed_in_a_django_site(staffed):
    """What Health says to type works on the site's own bridge."""
    page = person("vera", *VIEWS).get(f"{CONSOLE}/health").content.decode()
    assert "python manage.py bridge connections create NAME" in page


@pytest.mark.parametrize("staff", [True, False])
def test_who_is_signed_in_and_may_not_enter_is_told_so(site, staff):
    """A customer of the shop, and staff without permissions, see no page and no circle."""
    permissions = () if staff else VIEWS
    answer = person("carl", *permissions, staff=staff).get(f"{CONSOLE}/connections")
    assert answer.status_code == 401
    assert "A storefront" not in answer.content.decode()


def test_the_pages_keep_their_own_rules_under_django(site):
    """The policy, the cookie and the ban on frames are the console's, whatever the site sets."""
    answer = person("vera", *VIEWS).get(f"{CONSOLE}/connections")
    assert answer["Content-Security-Policy"].startswith("default-src 'none'")
    assert answer["X-Frame-Options"] == "DENY"
    assert answer["Cache-Control"] == "no-store"
    cookie = answer.cookies["ofb-console"]
    assert cookie["httponly"]
    assert cookie["samesite"] == "Lax"
    assert cookie["path"] == CONSOLE


def test_a_form_of_another_site_changes_nothing(site):
    """Django's check is off for these forms, because the console has its own."""
    answer = person("vera", *VIEWS).post(
        f"{CONSOLE}/confirm", {"word": "confirm"}, headers={"Origin": "https://elsewhere.example"}
    )
    assert answer.status_code == 403


@pytest.mark.parametrize("confirmed", [("x", True), ("y", False)])
def test_a_password_is_asked_of_the_site(site, confirmed):
    """To confirm, staff gives the password of the site itself."""
    password, right = confirmed
    client = person("vera", *VIEWS)
    token = token_in(client.get(f"{CONSOLE}/confirm?next=/connections"))
    answer = client.post(
        f"{CONSOLE}/confirm", {"csrf": token, "password": password, "next": "/connections"}
    )
    assert answer.status_code == (303 if right else 422)
    assert ("ofb-confirmed" in answer.cookies) is right


@pytest.mark.parametrize(("password", "right"), [("x", True), ("y", False)])
def test_the_sites_password_shows_the_secret(site, password, right):
    """The secret that was asked for is the answer to the password, and the audit has it."""
    bridge = get_bridge()
    [connection] = bridge.connections.all()
    client = person("ada", *VIEWS, "change_connection", "reveal_secret")
    path = f"{CONSOLE}/connections/{connection.client_id}/reveal"
    token = token_in(client.get(f"{CONSOLE}/connections/{connection.client_id}"))
    asked = client.post(path, {"csrf": token})
    assert "The secret of A storefront is about to be shown." in asked.content.decode()
    answer = client.post(path, {"csrf": token_in(asked), "confirming": "1", "password": password})
    assert answer.status_code == (200 if right else 422)
    assert ("secret.revealed" in [entry.event for entry in bridge.audit.page()]) is right
    secret = bridge.connections.reveal(connection.client_id).secret
    assert (secret in answer.content.decode()) is right


def test_the_form_that_asks_for_a_password_is_no_failed_log_in(site):
    """A site that counts failures and locks accounts counts none for a page that was shown."""
    failed = []

    def count(**_told):
        failed.append(1)

    user_login_failed.connect(count)
    try:
        person("vera", *VIEWS).get(f"{CONSOLE}/confirm?next=/connections")
    finally:
        user_login_failed.disconnect(count)
    assert failed == []


def test_nothing_is_made_for_an_operator_who_has_gone():
    """What makes the pieces of an answer is closed where Django ends the answer."""
    made = []

    def pieces():
        try:
            for number in range(400):
                made.append(number)
                yield b"piece"
        finally:
            made.append("closed")

    async def leave():
        sent = _in_threads(pieces())
        await anext(sent)
        await anext(sent)
        await sent.aclose()

    asyncio.run(leave())
    assert made == [0, 1, "closed"]


def test_snippets_name_the_bridge_under_the_sites_prefix(site):
    """Where the server runs the whole site under one."""
    [connection] = get_bridge().connections.all()
    page = person("vera", *VIEWS).get(
        f"{CONSOLE}/connections/{connection.client_id}", SCRIPT_NAME="/shop"
    )
    assert "http://shop.example/shop/bridge<" in page.content.decode()


def test_the_nonce_of_the_sites_policy_is_on_the_pages(site):
    """Where the site's middleware has put one at the request."""
    with override_settings(MIDDLEWARE=[*settings.MIDDLEWARE, f"{__name__}.with_nonce"]):
        page = person("vera", *VIEWS).get(f"{CONSOLE}/connections").content.decode()
    assert page.count(' nonce="n1"') == 2


def with_nonce(get_response):
    """Stand for a middleware that has a policy of the site's own."""

    def middleware(request):
        request.csp_nonce = "n1"
        return get_response(request)

    return middleware


def test_a_form_that_is_too_large_is_shut_too(site):
    """It is refused with the headers of every page, and nothing of it is read."""
    answer = person("vera", *VIEWS).post(
        f"{CONSOLE}/confirm", b"x" * 65_537, content_type="application/x-www-form-urlencoded"
    )
    assert answer.status_code == 413
    assert answer["Content-Security-Policy"].startswith("default-src 'none'")
    assert answer["X-Content-Type-Options"] == "nosniff"
    assert answer["Cache-Control"] == "no-store"
    assert answer["Content-Type"] == "text/plain; charset=utf-8"
