"""Operators work with the bridge in Django's admin, and break none of its promises there."""

import re

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.admin.utils import quote
from django.contrib.auth.models import Permission, User
from django.db import connections
from django.test import Client, override_settings
from msgspec.structs import replace
from orderflow_bridge.domain.payment import PaymentIntent
from orderflow_bridge.testing.samples import add, cart, line, order

from orderflow_bridge_django.bridge import get_bridge
from orderflow_bridge_django.storage import DjangoStorage

RING = "k1:7Jq0vXoB2mYd5w9LkTz3RsCfUeHgNiPa1bVxDtQyMuE"
ADMIN = "/admin/orderflow_bridge"
SECRET = re.compile(r"ofs_[\w-]{43}")


@pytest.fixture
def site(staffed) -> None:
    """Give a site with staff, a cart and the order that it became."""
    add(staffed, cart())
    with staffed.writing() as unit:
        unit.orders.place(order())
        unit.intents.add(PaymentIntent(intent="pi_order_1", cart_id=order().cart_id))


@pytest.fixture
def boss(site) -> Client:
    """Give somebody who may do everything."""
    User.objects.create_superuser("boss", password="x")
    client = Client()
    client.login(username="boss", password="x")
    return client


def clerk(*permissions: str) -> Client:
    """Give somebody with a few permissions."""
    user = User.objects.create_user("clerk", password="x", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__in=permissions))
    client = Client()
    client.login(username="clerk", password="x")
    return client


def create(client: Client, **fields) -> str:
    """Create a connection, and give the page that follows."""
    form = {"name": "Tea blog", "scopes": ["carts:read"], "window": 60, "allow": "", "currency": ""}
    answer = client.post(f"{ADMIN}/connection/add/", form | fields)
    assert answer.status_code == 200
    return answer.content.decode()


def test_a_connection_is_made_and_its_secret_is_shown(boss):
    """The page has what the storefront needs, it is stored nowhere, and nothing caches it."""
    answer = boss.post(
        f"{ADMIN}/connection/add/",
        {"name": "Tea blog", "scopes": ["carts:read", "orders:read"], "window": 30,
         "allow": "192.0.2.0/24\n\n2001:db8::1\n", "currency": "GBP"},
    )  # fmt: skip
    [made] = get_bridge().connections.all()
    secret = get_bridge().connections.reveal(made.client_id).secret
    assert secret in answer.content.decode()
    assert made.client_id in answer.content.decode()
    assert "no-store" in answer.headers["Cache-Control"]
    assert made.allow_list == ("192.0.2.0/24", "2001:db8::1")
    assert (made.window, made.default_currency) == (30, "GBP")
    assert made.scopes == {"carts:read", "orders:read"}


@pytest.mark.parametrize(
    ("field", "value", "said"),
    [
        ("allow", "10.0.0.1/8", "10.0.0.1/8"),
        ("currency", "XXQ", "ISO 4217"),
        ("window", 9_999, "seconds"),
        ("scopes", [], "required"),
        ("name", "", "required"),
    ],
)
def test_a_mistake_is_said_in_the_form(boss, field, value, said):
    """Nothing is made, and the person reads what to correct."""
    page = create(boss, **{field: value})
    assert said in page
    assert not SECRET.search(page)
    assert get_bridge().connections.all() == []


def test_a_card_number_in_a_form_is_refused(boss):
    """It is neither kept nor in Django's own log of what was done, and the refusal is said."""
    for field in ("name", "allow"):
        for text in ("4111111111111111", "Blog 4111-1111-1111-1111"):
            page = create(boss, **{field: text})
            assert "holds what looks like a card number" in page
            assert not SECRET.search(page)
    assert get_bridge().connections.all() == []
    assert LogEntry.objects.count() == 0


def test_who_is_called_like_a_card_number_changes_nothing(boss):
    """The audit would keep the name of a person: the page says why nothing was done."""
    create(boss)
    [made] = get_bridge().connections.all()
    User.objects.filter(username="boss").update(username="4111111111111111")
    answer = boss.post(
        f"{ADMIN}/connection/",
        {"action": "disable", "_selected_action": made.client_id},
        follow=True,
    )
    assert answer.status_code == 200
    assert "holds what looks like a card number" in answer.content.decode()
    assert get_bridge().connections.find(made.client_id).status == "enabled"
    assert not LogEntry.objects.filter(change_message__contains="disabled").exists()
    page = create(boss, name="Another")
    assert "holds what looks like a card number" in page
    assert len(get_bridge().connections.all()) == 1
    assert {entry.actor for entry in get_bridge().audit.page()} == {"boss"}


def test_a_secret_is_revealed_to_whom_may_see_it_and_only_when_asked(boss):
    """A look at the page shows none; the confirmed one does, and the log tells of it."""
    create(boss)
    [made] = get_bridge().connections.all()
    secret = get_bridge().connections.reveal(made.client_id).secret
    where = f"{ADMIN}/connection/{quote(made.client_id)}"
    for path in (f"{where}/change/", f"{where}/reveal/"):
        assert secret not in boss.get(path).content.decode()
    answer = boss.post(f"{where}/reveal/")
    assert secret in answer.content.decode()
    assert "no-store" in answer.headers["Cache-Control"]
    history = boss.get(f"{where}/history/").content.decode()
    assert "Revealed the secret." in history
    assert not SECRET.search(history)


def test_the_audit_names_who_is_signed_in(boss):
    """Every page and every action that changes or shows something, and nobody can say another."""
    create(boss, actor="nobody")
    [made] = get_bridge().connections.all()
    where = f"{ADMIN}/connection/{quote(made.client_id)}"
    boss.post(f"{where}/allow/", {"allow": "192.0.2.0/24", "actor": "nobody"})
    boss.post(f"{where}/rotate/", {"grace": 0, "actor": "nobody"})
    boss.post(f"{where}/reveal/", {"actor": "nobody"})
    for action in ("disable", "enable"):
        boss.post(f"{ADMIN}/connection/", {"action": action, "_selected_action": [made.client_id]})
    entries = get_bridge().audit.page(subject=made.client_id)
    assert {one.event for one in entries} == {
        "connection.created",
        "connection.allow_list_changed",
        "connection.rotated",
        "secret.revealed",
        "connection.disabled",
        "connection.enabled",
    }
    assert {one.actor for one in entries} == {"boss"}


def test_without_the_permission_nothing_is_revealed(site):
    """Viewing connections is not seeing their secrets, nor changing them."""
    made = get_bridge().connections.create("Tea blog", scopes=["carts:read"]).connection
    client = clerk("view_connection")
    where = f"{ADMIN}/connection/{quote(made.client_id)}"
    page = client.get(f"{where}/change/")
    assert page.status_code == 200
    assert "reveal" not in page.content.decode()
    for name in ("reveal", "rotate", "allow"):
        assert client.get(f"{where}/{name}/").status_code == 403
        assert client.post(f"{where}/{name}/", {"grace": 0, "allow": ""}).status_code == 403
    assert client.post(f"{ADMIN}/connection/add/", {"name": "x"}).status_code == 403
    assert get_bridge().connections.all() == [made]


def test_a_secret_is_rotated_with_grace(boss):
    """The new one is shown, and the old one works on for a while."""
    create(boss)
    [made] = get_bridge().connections.all()
    before = get_bridge().connections.reveal(made.client_id).secret
    answer = boss.post(f"{ADMIN}/connection/{quote(made.client_id)}/rotate/", {"grace": 60})
    after = get_bridge().connections.reveal(made.client_id).secret
    assert before != after
    assert after in answer.content.decode()
    again = boss.post(f"{ADMIN}/connection/{quote(made.client_id)}/rotate/", {"grace": 60})
    assert "grace period" in again.content.decode()
    assert get_bridge().connections.reveal(made.client_id).secret == after
    form = {"grace": 0, "end_earlier": "on"}
    ended = boss.post(f"{ADMIN}/connection/{quote(made.client_id)}/rotate/", form)
    last = get_bridge().connections.reveal(made.client_id).secret
    assert last in ended.content.decode()
    assert last != after


def test_every_client_id_has_its_pages(boss):
    """The admin writes some characters as an underscore and digits: some ids begin like that."""
    created = get_bridge().connections.create("Tea blog", scopes=["carts:read"]).connection
    made = replace(created, client_id="ofc_23" + "a" * 18)
    with DjangoStorage(using="sqlite").writing() as unit:
        unit.connections.add(made)
    listed = boss.get(f"{ADMIN}/connection/").content.decode()
    [change] = re.findall(r'href="([^"]*a{18}/change/)', listed)
    page = boss.get(change).content.decode()
    links = {name: re.search(rf'href="([^"]*/{name}/)"', page)[1] for name in ("allow", "reveal")}
    moved = boss.post(links["allow"], {"allow": "192.0.2.1"})
    assert moved.headers["Location"] == change
    assert get_bridge().connections.find(made.client_id).allow_list == ("192.0.2.1",)
    shown = boss.post(links["reveal"]).content.decode()
    assert SECRET.search(shown)
    assert f'href="{change}"' in shown


def test_connections_are_allowed_disabled_and_enabled(boss):
    """Each works with the next request."""
    create(boss)
    [made] = get_bridge().connections.all()
    boss.post(f"{ADMIN}/connection/{quote(made.client_id)}/allow/", {"allow": "198.51.100.7"})
    for action, status in (("disable", "disabled"), ("enable", "enabled")):
        boss.post(f"{ADMIN}/connection/", {"action": action, "_selected_action": made.client_id})
        found = get_bridge().connections.find(made.client_id)
        assert (found.status, found.allow_list) == (status, ("198.51.100.7",))


def test_orders_are_shown_and_found_by_their_number(boss):
    """An operator reads what was bought, by whom, for how much."""
    [placed] = get_bridge().orders.search()
    listed = boss.get(f"{ADMIN}/order/", {"q": placed.number.lower()}).content.decode()
    assert placed.number in listed
    assert "7.50 GBP" in listed
    assert placed.number not in boss.get(f"{ADMIN}/order/", {"q": "OF-9"}).content.decode()
    row = re.search(r"/admin/orderflow_bridge/order/(\d+)/change/", listed)[1]
    page = boss.get(f"{ADMIN}/order/{row}/change/").content.decode()
    assert "2 × Tea ☕ (TEA-1): 5.00 GBP" in page
    assert "1 High Street" in page
    assert "Save" not in page


def test_orders_are_settled_and_cancelled_through_the_bridge(boss):
    """A paid order cannot be cancelled, and the operator is told."""
    [placed] = get_bridge().orders.search()
    serial = int(placed.number.removeprefix("OF-"))
    boss.post(f"{ADMIN}/order/", {"action": "settle", "_selected_action": serial})
    assert get_bridge().orders.find(placed.order_id).status == "paid"
    page = boss.post(
        f"{ADMIN}/order/", {"action": "cancel", "_selected_action": serial}, follow=True
    )
    assert get_bridge().orders.find(placed.order_id).status == "paid"
    assert placed.number in page.content.decode()


def test_nothing_is_added_edited_or_deleted_past_the_bridge(boss):
    """Carts and orders are there to look at; connections only change through the bridge."""
    create(boss)
    [made] = get_bridge().connections.all()
    [placed] = get_bridge().orders.search()
    serial = int(placed.number.removeprefix("OF-"))
    assert boss.get(f"{ADMIN}/cart/cart_1/change/").status_code == 200
    for path in (
        "order/add/", "cart/add/", f"order/{serial}/delete/", "cart/cart_1/delete/",
        f"connection/{made.client_id}/delete/",
    ):  # fmt: skip
        assert boss.post(f"{ADMIN}/{path}").status_code == 403
    for path in (f"order/{serial}/change/", "cart/cart_1/change/"):
        assert boss.post(f"{ADMIN}/{path}", {"status": "paid"}).status_code == 403
    assert get_bridge().orders.search() == [placed]


def test_who_may_only_view_orders_cannot_move_them(site):
    """The actions ask for the permission to change."""
    client = clerk("view_order")
    [placed] = get_bridge().orders.search()
    serial = int(placed.number.removeprefix("OF-"))
    assert placed.number in client.get(f"{ADMIN}/order/").content.decode()
    client.post(f"{ADMIN}/order/", {"action": "settle", "_selected_action": serial})
    assert get_bridge().orders.find(placed.order_id).status == "pending_payment"


def test_text_of_a_buyer_is_only_text(boss):
    """What a storefront sent is escaped."""
    mark = "<script>alert(1)</script>"
    marked = replace(line("TEA-1"), name=mark)
    storage = DjangoStorage(using="sqlite")
    add(storage, cart("cart_2", lines=(marked,)), order("order_2", lines=(marked,)))
    serial = int(get_bridge().orders.find("order_2").number.removeprefix("OF-"))
    for path in ("cart/cart_2/change/", f"order/{serial}/change/"):
        page = boss.get(f"{ADMIN}/{path}").content.decode()
        assert mark not in page
        assert "&lt;script&gt;alert(1)" in page


def test_operators_work_under_atomic_requests(boss, monkeypatch):
    """The admin's pages are outside of the site's transactions, as the bridge's units must be."""
    for alias in connections:
        monkeypatch.setitem(connections.settings[alias], "ATOMIC_REQUESTS", True)
    assert SECRET.search(create(boss))
    [made] = get_bridge().connections.all()
    where = f"{ADMIN}/connection/{quote(made.client_id)}"
    assert SECRET.search(boss.post(f"{where}/rotate/", {"grace": 0}).content.decode())
    assert SECRET.search(boss.post(f"{where}/reveal/").content.decode())
    boss.post(f"{where}/allow/", {"allow": "198.51.100.7"})
    boss.post(f"{ADMIN}/connection/", {"action": "disable", "_selected_action": made.client_id})
    found = get_bridge().connections.find(made.client_id)
    assert (found.status, found.allow_list) == ("disabled", ("198.51.100.7",))
    [placed] = get_bridge().orders.search()
    serial = int(placed.number.removeprefix("OF-"))
    boss.post(f"{ADMIN}/order/", {"action": "settle", "_selected_action": serial})
    assert get_bridge().orders.find(placed.order_id).status == "paid"


def test_the_admin_reads_the_alias_that_the_bridge_uses(boss, tmp_path):
    """`USING` is enough; the site needs no router."""
    using = {"MASTER_KEYS": RING, "HOME": str(tmp_path), "USING": "sqlite"}
    with override_settings(DATABASE_ROUTERS=[], ORDERFLOW_BRIDGE=using):
        [placed] = get_bridge().orders.search()
        assert placed.number in boss.get(f"{ADMIN}/order/").content.decode()
        assert SECRET.search(create(boss))


@pytest.mark.parametrize(
    ("setting", "hidden"),
    [
        ({"STORAGE": "memory://"}, {"order", "cart", "connection"}),
        ({"STORAGE": "django://sqlite"}, set()),
        ({"ORDERS": "shop.sales.Sales"}, {"order"}),
        ({"MASTER_KEY": "misspelt"}, {"order", "cart", "connection"}),
    ],
    ids=["another storage", "another alias", "own orders", "no bridge"],
)
def test_what_is_kept_elsewhere_is_not_in_the_admin(boss, tmp_path, setting, hidden):
    """No empty list pretends that nothing was sold, and the other pages work on."""
    sound = {"MASTER_KEYS": RING, "HOME": str(tmp_path)}
    with override_settings(ORDERFLOW_BRIDGE=sound | setting):
        index = boss.get("/admin/").content.decode()
        for name in ("order", "cart", "connection"):
            assert (f"{ADMIN}/{name}/" in index) == (name not in hidden)
            status = boss.get(f"{ADMIN}/{name}/").status_code
            assert status == (403 if name in hidden else 200)
