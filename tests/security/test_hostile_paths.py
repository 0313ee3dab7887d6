"""Methods, paths and queries that are not `POST {mount}/{clientId}/{action}`."""

import pytest

from tests.security.attacks import THE_SITE_S_OWN, Attack, Table
from tests.security.playing import rows
from tests.security.stage import CLIENT

FAILED = "401 authentication_failed"
NOWHERE = "404 not_found"
NO_METHOD = "405 method_not_allowed"
NO_QUERY = "400 query_not_allowed"
UNKNOWN = "404 unknown_action"
OVERRIDE = {"X-HTTP-Method-Override": "POST", "X-Method-Override": "POST"}
PREFLIGHT = {
    "Origin": "https://evil.example",
    "Access-Control-Request-Method": "POST",
    "Access-Control-Request-Headers": "x-signature",
}


def method(name: str, **sent: object) -> Attack:
    return Attack(name, NO_METHOD, method=name, **sent)


def path(name: str, after_the_mount: str, expect: str = NOWHERE, **unlike: str) -> Attack:
    return Attack(name, expect, path=after_the_mount, unlike=unlike)


def url(name: str, written: str, expect: str = THE_SITE_S_OWN) -> Attack:
    return Attack(name, expect, url=written)


TABLE: Table = {
    "another method": [
        *[method(name) for name in ("GET", "HEAD", "PUT", "PATCH", "DELETE", "TRACE", "CONNECT")],
        *[method(name) for name in ("post", "Post", "POSTS", "BREW")],
        Attack("GET that says it is POST", NO_METHOD, method="GET", headers=OVERRIDE),
        Attack("PUT that says it is POST", NO_METHOD, method="PUT", headers=OVERRIDE),
        Attack("POST that says it is GET", "200", headers={"X-HTTP-Method-Override": "GET"}),
    ],
    "a preflight of a browser": [
        method("OPTIONS", headers=PREFLIGHT),
        Attack("POST of another origin", "200", headers={"Origin": "https://evil.example"}),
    ],
    # A WSGI server hides how a path was written, so there it counts as if it were decoded.
    "an escape in the path": [
        path("a letter", f"/{CLIENT}/%63art.create", wsgi="200"),
        path("the dot", f"/{CLIENT}/cart%2Ecreate", wsgi="200"),
        path("a letter of the id", f"/%6F{CLIENT[1:]}/cart.create", wsgi="200"),
        path("a slash", f"/{CLIENT}/cart%2Fcreate"),
        path("the slash between", f"/{CLIENT}%2Fcart.create", wsgi="200"),
        path("NUL behind", f"/{CLIENT}/cart.create%00"),
        path("line feed behind", f"/{CLIENT}/cart.create%0A"),
        path("space behind", f"/{CLIENT}/cart.create%20"),
        path("twice escaped", f"/{CLIENT}/%2563art.create"),
        path("broken", f"/{CLIENT}/cart.create%"),
        path("overlong UTF-8", f"/{CLIENT}/cart%C0%AEcreate"),
    ],
    "a path that goes elsewhere": [
        path("dot segments", f"/{CLIENT}/../admin"),
        path("dot segments that come back", f"/x/../{CLIENT}/cart.create"),
        path("a dot segment", f"/./{CLIENT}/cart.create"),
        path("an escaped slash", f"/{CLIENT}/..%2fadmin"),
        path("escaped dots", f"/{CLIENT}/%2e%2e/admin"),
        path("a parameter", f"/{CLIENT}/cart.create;a=b"),
        path("a parameter of the id", f"/{CLIENT};a=b/cart.create"),
        path("a backslash", f"/{CLIENT}\\cart.create"),
        path("an escaped backslash", f"/{CLIENT}/..%5cadmin"),
    ],
    "a slash too many or too few": [
        path("the mount", ""),
        path("the mount and a slash", "/"),
        path("an id alone", f"/{CLIENT}"),
        path("an id and a slash", f"/{CLIENT}/"),
        path("two in front of the id", f"//{CLIENT}/cart.create"),
        path("two in front of the action", f"/{CLIENT}//cart.create"),
        path("one behind", f"/{CLIENT}/cart.create/"),
        path("one more segment", f"/{CLIENT}/cart.create/now"),
        url("two in front of the mount", f"//bridge/{CLIENT}/cart.create"),
        url("letters behind the mount", f"/bridges/{CLIENT}/cart.create"),
        url("the mount in another case", f"/Bridge/{CLIENT}/cart.create"),
        url("a segment in front of the mount", f"/x/bridge/{CLIENT}/cart.create"),
    ],
    "a query": [
        path("a pair", f"/{CLIENT}/cart.create?a=b", NO_QUERY),
        path("a word", f"/{CLIENT}/cart.create?debug", NO_QUERY),
        path("an action", f"/{CLIENT}/cart.create?action=orders.list", NO_QUERY),
        path("a question mark", f"/{CLIENT}/cart.create??", NO_QUERY),
        path("an escape", f"/{CLIENT}/cart.create?%00", NO_QUERY),
        path("nothing but its mark", f"/{CLIENT}/cart.create?", "200"),
    ],
    "an unknown action": [
        Attack("signed", UNKNOWN, action="cart.destroy"),
        Attack("signed, in another case", UNKNOWN, action="cart.Create"),
        Attack("signed, without a dot", UNKNOWN, action="create"),
        Attack("signed, with a long name", UNKNOWN, action="a" * 200 + "." + "b" * 200),
        Attack("not signed", FAILED, action="cart.destroy", secret="ofs_" + "x" * 43),
        path("of another form", f"/{CLIENT}/__class__"),
        path("with two dots", f"/{CLIENT}/cart.create.now"),
        path("with a digit", f"/{CLIENT}/cart.create2"),
    ],
}


@pytest.mark.parametrize(("attack", "level"), rows(TABLE))
def test_only_a_post_to_the_endpoint_acts(player, attack, level):
    """Nothing is decoded, normalised, overridden or redirected."""
    player.play(attack, level)
