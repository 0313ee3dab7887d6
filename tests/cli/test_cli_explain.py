"""`explain`: an operator learns at once why a request was refused, kept or pasted."""

import json
import shlex

import pytest

pytest.importorskip("click")

from tests.canary.marks import CARDS

BODY = '{"currency": "GBP"}'


@pytest.fixture
def connected(ready):
    """Give the command line, the client id and the secret of its one connection."""
    made = ready.connect()
    return ready, made["client_id"], made["secret"]


def signed(ready, *words):
    """Sign a request; give its headers as words for `explain`."""
    document = ready("sign", *words, "--json").document
    headers = document["headers"]
    return headers, [
        word for name, value in headers.items() for word in ("--header", f"{name}: {value}")
    ]


def refused(ready, *words, **options):
    """Send a request in process that is refused; give its request id."""
    ended = ready("request", *words, code=1, **options)
    return ended.err.split("(")[1].partition(")")[0]


def test_a_kept_request_is_explained(connected):
    """The checks up to the one that failed, what the server would have signed, and the fix."""
    ready, client_id, _ = connected
    request_id = refused(
        ready, "cart.create", "--client-id", client_id, "--secret", "ofs_" + "x" * 43
    )
    ended = ready("explain", request_id)
    assert ended.out.startswith(f"{request_id}: 401 authentication_failed\n")
    assert "  failed       signature: not met: " in ended.out
    assert "  not reached  enabled: " in ended.out
    assert "  passed       server window: " in ended.out
    assert f"  {client_id}\n  POST cart.create\n" in ended.out
    assert "Fix: " in ended.out
    document = ready("explain", request_id, "--json").document
    assert document["request"]["request_id"] == request_id
    assert document["explanation"]["verdict"] == "unexplained"
    failed = [check["step"] for check in document["checks"] if check["state"] == "failed"]
    assert failed == ["signature"]


def test_a_kept_request_tells_the_mistake_by_its_first_digits(connected):
    """The body is gone, and the old secret is known all the same."""
    ready, client_id, secret = connected
    ready("connections", "rotate", client_id, "--grace", "1h")
    ready("connections", "revoke-previous", client_id)
    request_id = refused(ready, "cart.create", "--client-id", client_id, "--secret", secret)
    assert "no common mistake" in ready("explain", request_id).out
    other = ready.connect()
    request_id = refused(
        ready, "cart.create", "--client-id", client_id, "--secret", other["secret"]
    )
    out = ready("explain", request_id).out
    assert f"a secret of another connection: Storefront ({other['client_id']})" in out
    assert other["secret"] not in out


def test_a_kept_request_that_was_right_says_what_refused_it(connected):
    """A signature that is right needs no words; the check that failed has them."""
    ready, client_id, _ = connected
    ready("connections", "disable", client_id)
    out = ready("explain", refused(ready, "cart.create")).out
    assert "failed       enabled" in out
    assert "connections enable" in out
    assert "made over something else" not in out


def test_an_allowed_request_passed_every_check(connected):
    """Its cart is named."""
    ready, _, _ = connected
    ended = ready("request", "cart.create", "-d", BODY)
    request_id = ended.err.split("(")[1].partition(")")[0]
    out = ready("explain", request_id).out
    assert "failed" not in out
    assert json.loads(ended.out)["cart_id"] in out


def test_a_request_that_is_not_kept_is_refused(ready):
    """With the two reasons there may be."""
    assert "not kept any more" in ready("explain", "req_none", code=3).err
    assert ready("explain", "req_none", "--json", code=3).document["error"]["code"] == "not_found"


def test_nothing_is_explained_where_nothing_is_kept(ready, monkeypatch):
    """The setting is named; a pasted request is explained all the same."""
    client_id = ready.connect()["client_id"]
    monkeypatch.setenv("ORDERFLOW_BRIDGE_JOURNAL_ROWS", "0")
    assert "journal_rows" in ready("explain", "req_none", code=2).err
    assert "journal_rows" in ready("tail", "--once", code=2).err
    _, words = signed(ready, "cart.create")
    ready("explain", "--connection", client_id, "--action", "cart.create", *words, "--data", "{}")


def test_a_pasted_request_that_is_right_ends_with_0(connected):
    """By connection and action, or by the address it was sent to."""
    ready, client_id, _ = connected
    _, words = signed(ready, "cart.create", "-d", BODY)
    place = ("--connection", client_id, "--action", "cart.create")
    assert "The signature is right." in ready("explain", *place, *words, "-d", BODY).out
    url = ("--url", f"https://shop.example/bridge/{client_id}/cart.create")
    document = ready("explain", *url, *words, "-d", BODY, "--json").document
    assert document["explanation"]["verdict"] == "right"
    assert "error" not in document


def test_a_pasted_request_that_is_wrong_says_what_differs(connected, tmp_path):
    """The body from a file with a newline, as editors leave one."""
    ready, client_id, _ = connected
    (tmp_path / "body.json").write_text(BODY + "\n")
    headers, words = signed(ready, "cart.create", "-d", BODY)
    place = ("--connection", client_id, "--action", "cart.create")
    ended = ready("explain", *place, *words, "-d", f"@{tmp_path}/body.json", code=1)
    assert "without the white space around it" in ended.out
    assert headers["X-Signature"] not in ended.out
    document = ready(
        "explain", *place, *words, "-d", "-", "--json", code=1, stdin=BODY + "\n"
    ).document
    assert document["explanation"]["verdict"] == "explained"
    assert document["error"]["code"] == "refused"


def test_a_path_that_was_signed_is_known_by_the_address(connected):
    """A mount of one's own is in the address."""
    ready, client_id, secret = connected
    _, words = signed(ready, "cart.create", "-d", BODY)
    url = f"https://shop.example/api/bridge/{client_id}/cart.get"
    out = ready("explain", "--url", url, *words, "-d", BODY, code=1).out
    assert "The signature is for the action `cart.create`." in out
    assert secret not in out


def test_when_it_arrived_can_be_said(connected):
    """A request of yesterday was in time then."""
    ready, client_id, _ = connected
    headers, words = signed(ready, "cart.create", "-d", BODY)
    at = int(headers["X-Timestamp"])
    pasted = ("--connection", client_id, "--action", "cart.create", *words, "-d", BODY)
    ready("explain", *pasted, "--at", str(at))
    assert "61 seconds behind" in ready("explain", *pasted, "--at", str(at + 61), code=1).out


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("", "Give a REQUEST_ID, or paste a request"),
        ("--connection ofc_1", "--connection and --action, or --url"),
        ("--connection ofc_1 --action cart.get", "its body is missing"),
        ("--url https://shop.example/ --data {}", "no client id and action"),
        ("--url https://[ --data {}", "no address"),
        ("--url https://s/b/c/a --action a --data {}", "has client id and action already"),
        ("--connection c --action a -d {} -H nothing", "as on the wire"),
        ("--connection c --action a -d @nowhere.json", "cannot be read"),
        ("--connection c --action a -d {} -H 'X-Signature: a' -H 'x-signature: b'", "there twice"),
        ("req_1 --data {}", "not both"),
        ("req_1 --at 5", "not both"),
        ("req_1 -H 'A: b'", "not both"),
    ],
)
def test_a_line_that_cannot_be_meant_is_misused(ready, words, said):
    """The message says what to write."""
    assert said in " ".join(ready("explain", *shlex.split(words), code=2).err.split())


@pytest.mark.parametrize("card", CARDS)
@pytest.mark.parametrize(
    "words",
    [
        "--connection {} --action cart.create --data {{}}",
        "--connection ofc_1 --action {} --data {{}}",
        "--connection ofc_1 --action a.b --data {}",
        "--connection ofc_1 --action a.b --data {{}} -H 'Idempotency-Key: {}'",
        "--connection ofc_1 --action a.b --data {{}} -H 'X-Timestamp: {}' -H 'X-Signature: {}'",
        "--connection ofc_1 --action a.b --data {{}} --method {}",
        "--connection ofc_1 --action a.b --data @{}",
        "--url https://shop.example/{}/{} --data {{}}",
        "{}",
    ],
)
def test_no_card_is_repeated(ready, words, card):
    """Whatever was pasted, and wherever; terminals are kept and copied."""
    client_id = ready.connect()["client_id"]
    line = words.format(card, card).replace("ofc_1", client_id)
    headers = ("-H", f"X-Client-Id: {client_id}", "-H", "X-Timestamp: 1767225600")
    more = headers if "X-Timestamp" not in line and not line.startswith(card) else ()
    for form in ((), ("--json",)):
        for code in (1, 2, 3):
            try:
                ended = ready("explain", *shlex.split(line), *more, *form, code=code)
                break
            except AssertionError:
                continue
        assert card not in ended.out + ended.err


def test_bytes_that_are_no_text_are_explained(connected):
    """A line may hold anything."""
    ready, client_id, _ = connected
    place = ("--connection", client_id, "--action", "cart.\udcff")
    ended = ready("explain", *place, "-H", "X-Signature: \udcfe", "-d", "\udcff", code=1)
    assert "outside of ASCII" in ended.out
