"""What operators do is written down, in the transaction of what they do (docs/operators.md)."""

from hashlib import sha256
from io import BytesIO, StringIO
from pathlib import Path

import pytest

from orderflow_bridge.domain.audit import AuditEntry
from orderflow_bridge.domain.errors import BridgeError, ConfigurationError
from orderflow_bridge.keys import new_key
from orderflow_bridge.storage.memory import MemoryStorage
from orderflow_bridge.testing.entropy import CountedEntropy
from orderflow_bridge.testing.faults import FaultyStorage, fail, lose
from tests.rig import TestShop, open_shop


@pytest.fixture
def shop() -> TestShop:
    return open_shop()


def told(shop: TestShop) -> list[AuditEntry]:
    """Give every entry, oldest first; each act in these tests has a millisecond of its own."""
    return list(shop.bridge.audit.page())[::-1]


def test_every_change_has_an_entry_with_what_it_changed(shop: TestShop) -> None:
    """Who, when, to which connection, and the fields that are different now."""
    connections = shop.bridge.connections
    client_id = connections.create(
        "Tea blog", scopes=["carts:read"], allow=["203.0.113.0/24"], currency="GBP", actor="zoe"
    ).connection.client_id
    acts = [
        lambda: connections.disable(client_id, actor="bob"),
        lambda: connections.enable(client_id, actor="bob"),
        lambda: connections.allow(client_id, [], actor="bob"),
        lambda: connections.set_window(client_id, 30, actor="bob"),
        lambda: connections.set_scopes(client_id, ["orders:read"], actor="bob"),
        lambda: connections.rotate(client_id, grace=60, actor="bob"),
        lambda: connections.revoke_previous(client_id, actor="bob"),
        lambda: connections.reveal(client_id, actor="bob"),
    ]
    start = shop.clock.now()
    for act in acts:
        shop.clock.forward(1)
        act()
    until = start + 6_000 + 60_000
    entries = told(shop)
    assert [(one.actor, one.at) for one in entries[1:]] == [
        ("bob", start + 1_000 * n) for n in range(1, 9)
    ]
    assert {one.subject for one in entries} == {client_id}
    assert [(one.event, one.details) for one in entries[1:]] == [
        ("connection.disabled", {"status": {"from": "enabled", "to": "disabled"}}),
        ("connection.enabled", {"status": {"from": "disabled", "to": "enabled"}}),
        (
            "connection.allow_list_changed",
            {"allow_list": {"from": ["203.0.113.0/24"], "to": []}},
        ),
        ("connection.window_changed", {"window": {"from": 60, "to": 30}}),
        ("connection.scopes_changed", {"scopes": {"from": ["carts:read"], "to": ["orders:read"]}}),
        ("connection.rotated", {"previous_secret_until": {"from": None, "to": until}}),
        (
            "connection.previous_secret_revoked",
            {"previous_secret_until": {"from": until, "to": None}},
        ),
        ("secret.revealed", {}),
    ]
    assert (entries[0].event, entries[0].actor) == ("connection.created", "zoe")
    assert entries[0].details["scopes"] == {"from": None, "to": ["carts:read"]}
    assert entries[0].details["default_currency"] == {"from": None, "to": "GBP"}


def test_a_connection_that_is_made_disabled_says_so_from_the_start(shop: TestShop) -> None:
    """There is no moment in which it lets anybody in, and no second entry; only two words count."""
    made = shop.bridge.connections.create("Later", scopes=["carts:read"], status="disabled")
    assert made.connection.status == "disabled"
    [entry] = told(shop)
    assert entry.details["status"] == {"from": None, "to": "disabled"}
    with pytest.raises(BridgeError, match="status is enabled or disabled"):
        shop.bridge.connections.create("Later", scopes=["carts:read"], status="asleep")
    assert len(told(shop)) == 1


def test_no_entry_has_a_secret_or_what_one_is_made_of(shop: TestShop) -> None:
    """Neither the secrets, nor their nonces, in any spelling."""
    connections = shop.bridge.connections
    made = [connections.create("Tea blog", scopes=["carts:read"])]
    client_id = made[0].connection.client_id
    made.append(connections.rotate(client_id, grace=60))
    made.append(connections.reveal(client_id))
    text = repr(told(shop))
    for one in made:
        assert one.secret not in text
        assert one.secret[4:20] not in text
        assert one.connection.current.nonce.hex() not in text
        assert repr(one.connection.current.nonce) not in text


def test_a_change_that_fails_leaves_no_entry_and_the_other_way_round() -> None:
    """One transaction: both are there, or neither; a conflict writes one entry, not two."""
    memory = MemoryStorage()
    client_id = open_shop(storage=memory).storefront().client_id
    for at in ("audit.append", "connections.save", "commit"):
        broken = FaultyStorage(memory, fail(at, OSError("disk")))
        shop = open_shop(storage=broken, entropy=CountedEntropy(at.encode()), stocked=False)
        with pytest.raises(OSError, match="disk"):
            shop.bridge.connections.disable(client_id)
        assert shop.bridge.connections.find(client_id).status == "enabled"
        assert len(told(shop)) == 1
    busy = FaultyStorage(memory, lose(times=2))
    shop = open_shop(storage=busy, entropy=CountedEntropy(b"busy"), stocked=False)
    shop.bridge.connections.disable(client_id)
    assert len(told(shop)) == 2


def test_what_is_refused_has_no_entry(shop: TestShop) -> None:
    """Nothing was done."""
    connections = shop.bridge.connections
    client_id = shop.storefront().client_id
    connections.rotate(client_id, grace=60)
    before = told(shop)
    with pytest.raises(BridgeError, match="grace"):
        connections.rotate(client_id)
    with pytest.raises(BridgeError, match="not_found"):
        connections.reveal("ofc_nobody")
    assert told(shop) == before


FILE = b"\xef\xbb\xbfsku,name,price,currency\r\nmug,Mug,3.39,GBP\r\npot,,12,GBP\r\n"


@pytest.mark.parametrize("kind", ["binary", "text", "path"])
def test_an_import_has_an_entry_with_counts_and_the_files_digest(
    shop: TestShop, tmp_path: Path, kind: str
) -> None:
    """Who changed the prices, by which file; nothing of what was in it."""
    path = tmp_path / "products.csv"
    path.write_bytes(FILE)
    source = {"binary": BytesIO(FILE), "text": StringIO(FILE.decode(), newline=""), "path": path}
    shop.bridge.catalogue.import_csv(source[kind], skip_bad=True, actor="zoe")
    [entry] = told(shop)
    assert (entry.actor, entry.event, entry.subject) == ("zoe", "catalogue.imported", "catalogue")
    assert entry.details == {"products": 1, "skipped": 1, "sha256": sha256(FILE).hexdigest()}


def test_an_import_that_changes_nothing_has_no_entry(shop: TestShop) -> None:
    """A trial, and a file that is refused for its wrong rows."""
    shop.bridge.catalogue.import_csv(BytesIO(FILE), dry_run=True, actor="zoe")
    assert shop.bridge.catalogue.import_csv(BytesIO(FILE), actor="zoe").refused
    assert told(shop) == []


@pytest.mark.parametrize("at", ["audit.append", "products.put", "commit"])
def test_an_import_and_its_entry_are_one_transaction(at: str) -> None:
    """Both are there, or neither; a conflict writes one entry, not two."""
    memory = MemoryStorage()
    broken = open_shop(storage=FaultyStorage(memory, fail(at, OSError("disk"))), stocked=False)
    with pytest.raises(OSError, match="disk"):
        broken.bridge.catalogue.import_csv(BytesIO(FILE), skip_bad=True)
    assert (list(broken.bridge.catalogue.entries()), told(broken)) == ([], [])
    busy = open_shop(storage=FaultyStorage(memory, lose(times=2)), stocked=False)
    busy.bridge.catalogue.import_csv(BytesIO(FILE), skip_bad=True)
    assert [one.sku for one in busy.bridge.catalogue.entries()] == ["mug"]
    assert [one.actor for one in told(busy)] == ["unknown"]


def test_an_import_by_an_actor_that_could_forge_a_line_is_refused(shop: TestShop) -> None:
    """And then no price is changed."""
    before = list(shop.bridge.catalogue.entries())
    with pytest.raises(BridgeError, match="actor"):
        shop.bridge.catalogue.import_csv(BytesIO(FILE), skip_bad=True, actor="a\nb")
    assert list(shop.bridge.catalogue.entries()) == before


@pytest.mark.parametrize("actor", ["", " ", "a\nb", "\x1b[31m", "a\u202eb", "a\u2028b", "x" * 201])
def test_an_actor_that_could_forge_a_line_is_refused(shop: TestShop, actor: str) -> None:
    """And then nothing is changed."""
    client_id = shop.storefront().client_id
    with pytest.raises(BridgeError, match="actor"):
        shop.bridge.connections.disable(client_id, actor=actor)
    assert shop.bridge.connections.find(client_id).status == "enabled"


def test_an_actor_is_no_card_number(shop: TestShop) -> None:
    """Nothing is changed, nothing is kept, and the refusal does not repeat it."""
    with pytest.raises(BridgeError) as refused:
        shop.bridge.connections.create(
            "Tea blog", scopes=["carts:read"], actor="4111 1111 1111 1111"
        )
    assert "4111" not in f"{refused.value} {refused.value.members}"
    assert (list(shop.bridge.connections.all()), told(shop)) == ([], [])


def test_master_keys_are_written_down_before_their_file_changes(tmp_path: Path) -> None:
    """Added, offered where there is no file, and retired."""
    file = tmp_path / "orderflow-bridge.keys"
    first = new_key(CountedEntropy(b"first"))
    file.write_text(first)
    file.chmod(0o600)
    storage = MemoryStorage()
    shop = open_shop(storage=storage, home=str(tmp_path), ring=first)
    made = shop.bridge.keys.rotate(actor="zoe")
    assert made.file == file
    shop = open_shop(
        storage=storage, home=str(tmp_path), ring=",".join(file.read_text().split()),
        clock=shop.clock, entropy=CountedEntropy(b"second"), stocked=False,
    )  # fmt: skip
    shop.clock.forward(1)
    shop.bridge.keys.retire(first.partition(":")[0], actor="bob")
    shop.clock.forward(1)
    file.unlink()
    offered = shop.bridge.keys.rotate(actor="bob")
    assert [(one.actor, one.event, one.subject) for one in told(shop)] == [
        ("zoe", "master_key.added", made.key_id),
        ("bob", "master_key.retired", first.partition(":")[0]),
        ("bob", "master_key.offered", offered.key_id),
    ]
    assert offered.entry.partition(":")[2] not in repr(told(shop)) + repr(offered)


def test_a_storage_without_the_capability_works_and_says_so() -> None:
    """Changes go on; whoever asks for the audit learns that there is none."""

    class Plain(MemoryStorage):
        capabilities = MemoryStorage.capabilities - {"audit"}

        def reading(self):
            reading = super().reading()
            return _WithoutAudit(reading)

    class _WithoutAudit:
        def __init__(self, reading) -> None:
            self._reading = reading

        def __enter__(self):
            unit = self._reading.__enter__()

            class Unit:
                connections = unit.connections

            return Unit()

        def __exit__(self, *error) -> None:
            self._reading.__exit__(*error)

    shop = open_shop(storage=Plain())
    made = shop.bridge.connections.create("Tea blog", scopes=["carts:read"])
    shop.bridge.connections.disable(made.connection.client_id)
    assert shop.bridge.connections.reveal(made.connection.client_id).secret == made.secret
    with pytest.raises(ConfigurationError, match="keeps no audit"):
        shop.bridge.audit.page()
