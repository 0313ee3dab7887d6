"""The canaries: what the whole suite works with and must find nowhere else.

`tests/rig.py` makes its shops of them, and the tests of the adapters theirs.
"""

from typing import Literal, get_args

__all__ = [
    "CARDS",
    "EMAIL",
    "FAMILY_NAME",
    "KINDS",
    "LINE1",
    "LINE1_OF_KIT",
    "MASTER_KEY",
    "NAME",
    "PEOPLE",
    "PHONE",
    "SECRET",
    "Kind",
]

Kind = Literal["master key", "secret", "card number", "personal data"]

KINDS = frozenset(get_args(Kind))

MASTER_KEY = "7Jq0vXoB2mYd5w9LkTz3RsCfUeHgNiPa1bVxDtQyMuE"
"""The key that every shop of the suite derives its secrets from."""

SECRET = "ofs_5tzu1Z5sNf6KZtkfXJKhYWGKsuKuIBSo4WYUVsCF0ik"
"""What it derives for the first connection of a shop with counted entropy."""

CARDS = ("4111111111111111", "378282246310005", "5555555555554444")
"""The numbers that the tests send in."""

EMAIL = "zoe@example.com"
FAMILY_NAME = "Fairweather"
NAME = f"Zoë {FAMILY_NAME}"
LINE1 = "17 Kestrel Lane"
PHONE = "+44 7700 900123"
LINE1_OF_KIT = "1 High Street"
"""Where the customers of `orderflow_bridge.testing` live."""

PEOPLE = (EMAIL, NAME, FAMILY_NAME, LINE1, PHONE, LINE1_OF_KIT)
"""The customer who buys, her name with a letter that encodings differ on and without."""
