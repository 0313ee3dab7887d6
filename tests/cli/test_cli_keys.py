"""`keys`: the ring changes, and no secret with it until its owner rotates."""

import os
import stat
from pathlib import Path

import pytest

from orderflow_bridge.bridge import Bridge
from orderflow_bridge.domain.errors import ConfigurationError
from orderflow_bridge.keys import add_to_file, new_key, remove_from_file
from orderflow_bridge.testing.entropy import CountedEntropy

pytest.importorskip("click")

KEYS = Path("orderflow-bridge.keys")
CART = ("request", "cart.create", "-d", '{"currency":"GBP"}')


def listed(line) -> dict[str, dict]:
    """Give what `keys list` says, by key."""
    return {one["key"]: one for one in line("keys", "list", "--json").document["keys"]}


def test_a_new_key_issues_and_the_old_one_goes_on(ready):
    """The new key comes first; secrets of the old one work until their owner rotates."""
    first = ready.connect()
    before = KEYS.read_text().split()
    made = ready("keys", "rotate", "--json").document
    assert KEYS.read_text().split()[1:] == before
    assert KEYS.read_text().startswith(made["key"] + ":")
    ready(*CART)
    shown = ready("connections", "reveal", first["client_id"], "--json").document
    assert shown["secret"] == first["secret"]
    ready("connections", "rotate", first["client_id"])
    assert listed(ready)[made["key"]]["connections"] == [first["client_id"]]
    ready(*CART)


def test_list_says_whom_each_key_serves_and_never_a_key(ready):
    """Current secrets and those in their grace period, apart."""
    one, two = (ready.connect()["client_id"] for _ in "ab")
    old = KEYS.read_text().partition(":")[0]
    ready("keys", "rotate")
    new = KEYS.read_text().partition(":")[0]
    ready("connections", "rotate", one, "--grace", "1h")
    found = listed(ready)
    assert found[new] == {"key": new, "state": "issues", "connections": [one], "in_grace": []}
    assert found[old] == {
        "key": old, "state": "verifies", "connections": [two], "in_grace": [one]
    }  # fmt: skip
    keys = [entry.partition(":")[2] for entry in KEYS.read_text().split()]
    for words in (("list",), ("list", "--json")):
        ended = ready("keys", *words)
        assert not any(key in ended.out + ended.err for key in keys)


def test_a_key_that_is_missed_is_listed(ready, monkeypatch):
    """With the connections that cannot be verified without it."""
    client_id = ready.connect()["client_id"]
    old = KEYS.read_text().partition(":")[0]
    monkeypatch.setenv("ORDERFLOW_BRIDGE_MASTER_KEYS", new_key(CountedEntropy()))
    assert listed(ready)[old]["state"] == "missing"
    warned = ready("keys", "list").err
    assert old in warned
    assert client_id in warned


def test_retire_waits_for_the_last_live_secret(ready):
    """Refused for a current one and for one in its grace period, with their names."""
    one, two = (ready.connect()["client_id"] for _ in "ab")
    old = KEYS.read_text().partition(":")[0]
    ready("keys", "rotate")
    new = KEYS.read_text().partition(":")[0]
    before = KEYS.read_text()
    error = ready("keys", "retire", old, "--json", code=3).document["error"]
    assert error["connections"] == [one, two]
    assert one in error["detail"]
    ready("connections", "rotate", one)
    ready("connections", "rotate", two, "--grace", "1h")
    error = ready("keys", "retire", old, "--json", code=3).document["error"]
    assert error["connections"] == [two]
    ready("keys", "retire", new, code=3)
    ready("keys", "retire", "k-none", code=3)
    assert KEYS.read_text() == before
    ready("connections", "revoke-previous", two)
    ready("keys", "retire", old)
    assert [entry.partition(":")[0] for entry in KEYS.read_text().split()] == [new]
    ready("request", "cart.create", "--connection", two, "-d", '{"currency":"GBP"}')


def test_a_ring_of_the_environment_is_left_to_who_sets_it(ready, monkeypatch):
    """The new entry is printed, the old ones are not, and no file changes."""
    ready.connect()
    old = KEYS.read_text().strip()
    monkeypatch.setenv("ORDERFLOW_BRIDGE_MASTER_KEYS", old)
    ended = ready("keys", "rotate")
    assert KEYS.read_text().strip() == old
    assert old.partition(":")[2] not in ended.out + ended.err
    entry = ended.out.strip()
    monkeypatch.setenv("ORDERFLOW_BRIDGE_MASTER_KEYS", f"{entry},{old}")
    assert listed(ready)[entry.partition(":")[0]]["state"] == "issues"
    ready(*CART)
    key_id = old.partition(":")[0]
    ready("keys", "retire", key_id, code=3)
    client_id = listed(ready)[key_id]["connections"][0]
    ready("connections", "rotate", client_id)
    ended = ready("keys", "retire", key_id)
    assert "take its entry out" in ended.out
    assert old.partition(":")[2] not in ended.out + ended.err


def test_a_ring_that_code_gave_is_no_file(tmp_path):
    """A key file beside a bridge that does not use it is never changed."""
    entropy = CountedEntropy()
    file = tmp_path / KEYS
    file.write_text(new_key(entropy))
    file.chmod(0o600)
    before = file.read_text()
    with Bridge.open("memory://", home=tmp_path, master_keys=new_key(entropy)) as bridge:
        assert bridge.keys.file() is None
        assert bridge.keys.rotate().entry
    assert file.read_text() == before


@pytest.mark.skipif(os.name != "posix", reason="modes are POSIX's")
def test_the_file_stays_private_and_whole(tmp_path):
    """Mode 0600, nothing left beside it, and a link goes on leading to it."""
    entropy = CountedEntropy()
    real, link = tmp_path / "vault" / "keys", tmp_path / KEYS
    real.parent.mkdir()
    first, second = new_key(entropy), new_key(entropy)
    real.write_text(first)
    real.chmod(0o600)
    link.symlink_to(real)
    add_to_file(link, second)
    assert link.is_symlink()
    assert real.read_text().split() == [second, first]
    assert stat.S_IMODE(real.stat().st_mode) == 0o600
    remove_from_file(link, first.partition(":")[0])
    assert real.read_text().split() == [second]
    assert [path.name for path in real.parent.iterdir()] == ["keys"]
    real.chmod(0o640)
    with pytest.raises(ConfigurationError, match="chmod 600"):
        add_to_file(link, first)


def test_a_change_that_fails_leaves_the_file_as_it_was(tmp_path, monkeypatch):
    """A full disk, or another process that is changing it."""
    entropy = CountedEntropy()
    file = tmp_path / KEYS
    first = new_key(entropy)
    file.write_text(first)
    file.chmod(0o600)

    def full(_descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        with pytest.raises(OSError, match="No space"):
            add_to_file(file, new_key(entropy))
    assert [path.name for path in tmp_path.iterdir()] == [file.name]
    assert file.read_text() == first

    (tmp_path / "orderflow-bridge.keys.new").touch()
    with pytest.raises(ConfigurationError, match="Another process is changing"):
        add_to_file(file, new_key(entropy))
    assert file.read_text() == first
