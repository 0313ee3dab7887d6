"""`request`, `sign` and `curl`."""

import hashlib
import hmac
import json
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest

pytest.importorskip("click")

CREATE = '{"currency":"GBP"}'


def test_request_prints_the_answer(ready):
    """Standard output is the answer; status and request id are notes."""
    ready.connect()
    ended = ready("request", "cart.create", "-d", CREATE)
    assert ended.document["status"] == "open"
    assert ended.err.startswith("200 (req_")


def test_a_refused_request_ends_with_1_and_prints_the_problem(ready):
    """As text the problem as it came; as JSON with `error` besides."""
    ready.connect()
    words = ("request", "cart.get", "-d", '{"cart_id":"cart_x"}')
    problem = ready(*words, code=1).document
    assert problem["code"] == "cart_not_found"
    document = ready(*words, "--json", code=1).document
    assert document["error"]["code"] == "cart_not_found"
    assert document["status"] == 404


@pytest.mark.parametrize("given", ["-", "@body.json"])
def test_the_body_comes_from_a_file_or_from_standard_input(ready, given):
    """It is sent byte for byte."""
    ready.connect()
    Path("body.json").write_text(CREATE)
    assert ready("request", "cart.create", "-d", given, stdin=CREATE).document["currency"] == "GBP"
    ready("request", "cart.create", "-d", "@missing.json", code=2)


def test_the_only_connection_signs_and_of_several_one_is_named(ready):
    """Nobody has to repeat what can only be one; nothing is guessed."""
    ready("request", "cart.create", "-d", CREATE, code=2)
    first = ready.connect()["client_id"]
    ready("request", "cart.create", "-d", CREATE)
    second = ready.connect()["client_id"]
    ended = ready("request", "cart.create", "-d", CREATE, "--json", code=2)
    assert ended.document["error"]["code"] == "usage"
    assert first in ended.out
    assert second in ended.out
    ready("request", "cart.create", "-d", CREATE, "--connection", second)
    ready("request", "cart.create", "--connection", "ofc_unknown0", code=3)


def test_an_idempotency_key_repeats_the_answer(ready):
    """The same key and body give the first cart again; without a key each is new."""
    ready.connect()
    words = ("request", "cart.create", "-d", CREATE, "--idempotency-key", "once-1")
    first = ready(*words)
    ready("request", "cart.create", "-d", CREATE)
    assert ready("sign", "cart.create", "--json").document["headers"]["Idempotency-Key"]
    bare = ready("sign", "cart.create", "--no-idempotency-key", "--json").document
    assert "Idempotency-Key" not in bare["headers"]
    assert "Idempotency-Key" not in ready("sign", "cart.get", "--json").document["headers"]
    ready(*words, "--no-idempotency-key", code=2)
    assert first.document["cart_id"]


def test_sign_prints_what_is_signed(ready):
    """The signature is HMAC-SHA256 of the six lines that are shown."""
    made = ready.connect()
    body = '{"cart_id":"cart_1"}'
    shown = ready("sign", "cart.get", "-d", body, "--json").document
    lines = shown["string_to_sign"].split("\n")
    assert lines[0] == "OFB1-HMAC-SHA256"
    assert lines[2:5] == [made["client_id"], "POST cart.get", ""]
    assert lines[5] == hashlib.sha256(body.encode()).hexdigest()
    expected = hmac.new(
        made["secret"].encode(), shown["string_to_sign"].encode(), "sha256"
    ).hexdigest()
    assert shown["headers"]["X-Signature"] == f"v1={expected}"
    assert shown["path"] == f"/bridge/{made['client_id']}/cart.get"
    assert "X-Signature: v1=" in ready("sign", "cart.get").out


def test_signing_shows_no_secret(ready):
    """A signature is enough for everyone who looks."""
    secret = ready.connect()["secret"]
    for words in (("sign", "cart.get"), ("curl", "cart.get"), ("request", "cart.create")):
        result = ready(*words, code=1 if words[0] == "request" else 0)
        assert secret not in result.out + result.err


def test_given_credentials_need_no_database(line, monkeypatch):
    """A storefront developer signs with what the shop gave, in an empty folder."""
    monkeypatch.setenv("ORDERFLOW_BRIDGE_CLIENT_ID", "ofc_00000000000000000000")
    monkeypatch.setenv("ORDERFLOW_BRIDGE_SECRET", "ofs_" + "x" * 43)
    assert "ofc_00000000000000000000" in line("curl", "cart.get").out
    ended = line("request", "cart.get", "--url", "http://127.0.0.1:1", "--json", code=4)
    assert ended.document["error"]["code"] == "cannot_connect"
    assert list(line.folder.iterdir()) == []
    monkeypatch.delenv("ORDERFLOW_BRIDGE_SECRET")
    line("sign", "cart.get", code=2)


def test_curl_is_quoted_for_a_shell(ready):
    """Whatever the body holds, the shell gives it to curl as it is."""
    ready.connect()
    body = json.dumps({"note": 'it\'s $HOME `x` "y"\n!'})
    words = shlex.split(
        ready("curl", "cart.update", "-d", body, "--url", "https://a.example/x").out
    )
    assert words[-2:] == ["--data-binary", body]
    assert words[4].startswith("https://a.example/x/bridge/ofc_")
    Path("at.json").write_text("@/etc/hostname")
    assert shlex.split(ready("curl", "cart.get", "-d", "@at.json").out)[-2:] == [
        "--data-raw",
        "@/etc/hostname",
    ]
    Path("at.json").write_bytes(b"\xff")
    ready("curl", "cart.get", "-d", "@at.json", code=2)


@pytest.mark.parametrize("url", ["127.0.0.1:8000", "ftp://x", "http://x/?y", "http://x:port"])
def test_a_url_that_is_none_is_misuse(ready, url):
    """It says what to write, before anything is signed."""
    ready("curl", "cart.get", "--url", url, code=2)


@pytest.mark.parametrize("word", ["cart create", "cart.cré", "cart\n.get"])
def test_an_action_that_could_not_be_sent_is_misuse(ready, word):
    """A header or path that is no ASCII word is stopped here."""
    ready("sign", word, code=2)


def test_the_printed_curl_works(ready):
    """It is pasted into a shell while the site runs, and answers 200."""
    if shutil.which("curl") is None:
        pytest.skip("curl is not installed")
    ready.connect()
    with ready.start("serve", "--development", "--port", "0") as server:
        url = server.until(r"Serving (http://\S+)/bridge")[1]
        command = ready("curl", "cart.create", "-d", CREATE, "--url", url).out
        answer = subprocess.run(
            ["sh", "-c", command], capture_output=True, text=True, check=True, timeout=30
        )
        assert json.loads(answer.stdout)["status"] == "open"
        made = ready("request", "cart.create", "-d", CREATE, "--url", url, "--json")
        assert made.document["status"] == "open"
        other = ready("request", "cart.create", "--url", url + "/no", "--json", code=1)
        assert other.document["error"]["code"] == "not_the_bridge"


def test_request_can_try_an_address(ready):
    """The allow-list is judged as for a request from there."""
    ready.connect("--allow", "10.0.0.0/8", "--currency", "GBP")
    refused = ready("request", "cart.create", "--json", code=1).document
    assert refused["error"]["code"] == "ip_not_allowed"
    ready("request", "cart.create", "--from", "10.1.2.3")
    assert "IP address" in ready("request", "cart.create", "--from", "zzz", code=2).err


@pytest.mark.parametrize(
    ("words", "named"),
    [
        (("--client-id", "x", "--secret", "ofs_" + "x" * 43), "--client-id"),
        (("--client-id", "ofc_00000000", "--secret", "hidden"), "--secret"),
        (("--client-id", "ofc_00000000"), "ORDERFLOW_BRIDGE_SECRET"),
    ],
)
@pytest.mark.parametrize("verb", ["sign", "curl", "request"])
def test_malformed_credentials_are_misuse(line, verb, words, named):
    """They are named, never quoted, and nothing is opened or sent."""
    ended = line(verb, "cart.get", *words, code=2)
    assert named in ended.err
    assert "hidden" not in ended.err
