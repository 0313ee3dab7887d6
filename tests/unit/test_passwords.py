"""Operators' passwords, as they are kept."""

import hashlib
import re
from base64 import urlsafe_b64decode

import msgspec
import pytest

from orderflow_bridge.domain.errors import ConfigurationError
from orderflow_bridge.domain.operator import SettledOperator
from orderflow_bridge.security.passwords import NOBODYS, hashed, is_password
from orderflow_bridge.settings import Settings


def test_a_password_is_known_again_and_no_other():
    """The right password is right, and one that differs by anything is not."""
    kept = hashed("correct horse battery", bytes(range(16)))
    assert is_password("correct horse battery", kept)
    for other in ("correct horse batter", "Correct horse battery", "", "correct horse battery "):
        assert not is_password(other, kept)


def test_a_hash_is_scrypt_as_rfc_7914_has_it():
    """The numbers in a hash are its cost, and another library finds the same digest."""
    kept = hashed("pässword of anna", b"0123456789abcdef")
    name, n, r, p, salt, digest = kept.split("$")
    assert (name, n, r, p) == ("scrypt", "32768", "8", "1")
    assert urlsafe_b64decode(salt + "==") == b"0123456789abcdef"
    assert urlsafe_b64decode(digest + "=") == hashlib.scrypt(
        "pässword of anna".encode(),
        salt=b"0123456789abcdef",
        n=2**15,
        r=8,
        p=1,
        maxmem=2**26,
        dklen=32,
    )


def test_two_ways_to_write_a_letter_are_the_same():
    """A password typed on another keyboard, which composes its letters otherwise, is the same."""
    kept = hashed("stra\u00dfe caf\u00e9 noir", bytes(16))
    assert is_password("stra\u00dfe cafe\u0301 noir", kept)


def test_no_password_is_nobodys():
    """What stands in for a name that is not known is no password, and costs as much."""
    assert not is_password("", NOBODYS)
    assert not is_password("correct horse battery", NOBODYS)
    kept = hashed("x", bytes(16))
    assert NOBODYS.split("$")[:5] == kept.split("$")[:5]
    assert len(NOBODYS) == len(kept)


def test_a_password_without_an_end_is_refused_unread():
    """A password that nobody types costs nothing; the longest one is a password."""
    assert not is_password("x" * 201, hashed("x" * 201, bytes(16)))
    assert is_password("x" * 200, hashed("x" * 200, bytes(16)))


def test_what_cannot_be_written_is_no_password():
    """Half of a pair of UTF-16 is refused like any wrong password, not with a fault."""
    assert not is_password("\ud83d", NOBODYS)


def test_the_settings_take_operators_and_show_no_hash(tmp_path):
    """The table of operators is read from the file, and a hash is not in what Python shows."""
    kept = hashed("correct horse battery", bytes(16))
    (tmp_path / "orderflow-bridge.toml").write_text(
        f'[[operators]]\nname = "anna"\nrole = "admin"\npassword = "{kept}"\n', encoding="utf-8"
    )
    settings = Settings.load(home=tmp_path, environ={})
    assert settings.operators == (SettledOperator(name="anna", role="admin", password=kept),)
    assert "scrypt" not in repr(settings.operators)
    assert "scrypt" not in repr(settings)
    assert settings.session_lifetime == 8 * 3600


@pytest.mark.parametrize(
    "password",
    [
        "correct horse battery",
        "",
        "scrypt$",
        "scrypt$1$8$1$AAAAAAAAAAAAAAAAAAAAAA$" + "A" * 43,
        "scrypt$32768$8$1$AAAA$" + "A" * 43,
        "scrypt$32768$8$1$AAAAAAAAAAAAAAAAAAAAAA$" + "A" * 44,
        "scrypt$999999999$8$1$AAAAAAAAAAAAAAAAAAAAAA$" + "A" * 43,
    ],
)
def test_a_password_itself_is_refused_and_not_shown(tmp_path, password):
    """Who writes a password into the file is told that it is wrong, without the password."""
    (tmp_path / "orderflow-bridge.toml").write_text(
        f'[[operators]]\nname = "anna"\nrole = "admin"\npassword = "{password}"\n',
        encoding="utf-8",
    )
    with pytest.raises(ConfigurationError, match=re.escape("password")) as refused:
        Settings.load(home=tmp_path, environ={})
    assert "horse" not in str(refused.value)
    assert "AAAA" not in str(refused.value)


@pytest.mark.parametrize("row", [{"role": "owner"}, {"name": ""}, {"name": "n" * 65}, {"more": 1}])
def test_an_operator_is_a_name_a_role_and_a_hash(row):
    """A role that does not exist, and a name that cannot be kept, are refused at the start."""
    right = {"name": "anna", "role": "admin", "password": hashed("x", bytes(16))}
    msgspec.convert(right, SettledOperator)
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert(right | row, SettledOperator)


def test_operators_are_only_in_the_file():
    """A variable for the table is refused, and says where the table stands."""
    with pytest.raises(ConfigurationError, match=re.escape("orderflow-bridge.toml")):
        Settings.load(environ={"ORDERFLOW_BRIDGE_OPERATORS": "anna"})
