"""The bridge's console in a Django site: for its staff, with its own session."""

import pytest
from django.contrib.auth.models import Permission, User
from django.contrib.auth.signals import user_login_failed
from django.test import Client

from orderflow_bridge_django.bridge import get_bridge

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


def test_staff_enters_with_the_session_it_has(site):
    """Who may view orders and connections sees them, and no other login is asked for."""
    page = person("vera", *VIEWS).get(f"{CONSOLE}/connections")
    assert page.status_code == 200
    assert "A storefront" in page.content.decode()
    assert "vera" in page.content.decode()


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
    page = client.get(f"{CONSOLE}/confirm?next=/connections").content.decode()
    token = page.partition('name="csrf" value="')[2].partition('"')[0]
    answer = client.post(
        f"{CONSOLE}/confirm", {"csrf": token, "password": password, "next": "/connections"}
    )
    assert answer.status_code == (303 if right else 422)
    assert ("ofb-confirmed" in answer.cookies) is right


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
