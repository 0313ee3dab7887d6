"""Code to paste into a storefront: each signs one request as the protocol says, by itself.

The secret comes from the environment variable `ORDERFLOW_BRIDGE_SECRET` and is in none of them.
"""

import json
import shlex
from collections.abc import Callable, Collection, Mapping, Sequence

from msgspec import Struct

__all__ = ["Snippet", "env_block", "snippets"]


class Snippet(Struct, frozen=True, kw_only=True):
    """A whole program; `name` is one for its id, `needs` what it runs on."""

    name: str
    title: str
    needs: str
    code: str


def env_block(client_id: str, secret: str) -> str:
    """Write the two variables that a storefront reads."""
    return f"ORDERFLOW_BRIDGE_CLIENT_ID={client_id}\nORDERFLOW_BRIDGE_SECRET={secret}\n"


def snippets(
    *,
    url: str,
    client_id: str,
    scopes: Collection[str],
    currency: str | None,
    sku: str | None = None,
) -> Sequence[Snippet]:
    """Write them for a bridge at `url`, the mount included, and one of its connections.

    `sku` is a product that can be bought in `currency`; None makes an empty cart.
    """
    action, body = _first_request(scopes, currency, sku)
    values = {"URL": url, "CLIENT": client_id, "ACTION": action, "BODY": body}
    return [
        Snippet(name=name, title=title, needs=needs, code=_filled(template, quote, values))
        for name, title, needs, quote, template in _TEMPLATES
    ]


def _first_request(
    scopes: Collection[str], currency: str | None, sku: str | None
) -> tuple[str, str]:
    """Choose an action that the connection may do, and its body."""
    if "carts:write" in scopes:
        body: dict[str, object] = {"currency": currency or "EUR"}
        if sku is not None:
            body["items"] = [{"sku": sku, "quantity": 1}]
        return "cart.create", json.dumps(body)
    if "orders:read" in scopes:
        return "orders.list", "{}"
    return "cart.get", json.dumps({"cart_id": "the id of a cart"})


def _filled(template: str, quote: Callable[[str], str], values: Mapping[str, str]) -> str:
    for name, value in values.items():
        template = template.replace(f"<{name}>", quote(value))
    return template


def _php(text: str) -> str:
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


_SHELL = """\
#!/bin/sh
# For a first try. While openssl runs, other users of this machine can see the secret.
: "${ORDERFLOW_BRIDGE_SECRET:?is not set}"
url=<URL>
client=<CLIENT>
action=<ACTION>
body=<BODY>

now=$(date +%s)
key=$(openssl rand -hex 16)
hash=$(printf %s "$body" | openssl dgst -sha256 -r | cut -d' ' -f1)
mac=$(printf 'OFB1-HMAC-SHA256\\n%s\\n%s\\nPOST %s\\n%s\\n%s' \\
        "$now" "$client" "$action" "$key" "$hash" |
      openssl dgst -sha256 -hmac "$ORDERFLOW_BRIDGE_SECRET" -r | cut -d' ' -f1)
curl -sS "$url/$client/$action" \\
  -H 'Content-Type: application/json' \\
  -H "X-Client-Id: $client" \\
  -H "X-Timestamp: $now" \\
  -H "X-Signature: v1=$mac" \\
  -H "Idempotency-Key: $key" \\
  --data-raw "$body"
"""

_PYTHON = """\
import hashlib
import hmac
import os
import time
import urllib.error
import urllib.request
import uuid

URL = <URL>
CLIENT = <CLIENT>
SECRET = os.environ["ORDERFLOW_BRIDGE_SECRET"]


def call(action, body, key):
    \"\"\"Send the bytes of a JSON object, signed; a retry repeats key and bytes.\"\"\"
    now = str(int(time.time()))
    digest = hashlib.sha256(body).hexdigest()
    text = "\\n".join(["OFB1-HMAC-SHA256", now, CLIENT, "POST " + action, key, digest])
    mac = hmac.new(SECRET.encode(), text.encode(), "sha256").hexdigest()
    headers = {
        "Content-Type": "application/json",
        "X-Client-Id": CLIENT,
        "X-Timestamp": now,
        "X-Signature": "v1=" + mac,
        "Idempotency-Key": key,
    }
    request = urllib.request.Request(f"{URL}/{CLIENT}/{action}", body, headers)
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return answer.read().decode()
    except urllib.error.HTTPError as refusal:
        with refusal:
            return refusal.read().decode()


print(call(<ACTION>, <BODY>.encode(), str(uuid.uuid4())))
"""

_NODE = """\
import { createHash, createHmac, randomUUID } from "node:crypto";

const url = <URL>;
const client = <CLIENT>;
const secret = process.env.ORDERFLOW_BRIDGE_SECRET;
if (!secret) throw new Error("ORDERFLOW_BRIDGE_SECRET is not set");

// Send the text of a JSON object, signed; a retry repeats key and text.
async function call(action, body, key) {
  const now = String(Math.floor(Date.now() / 1000));
  const digest = createHash("sha256").update(body).digest("hex");
  const text = ["OFB1-HMAC-SHA256", now, client, `POST ${action}`, key, digest].join("\\n");
  const answer = await fetch(`${url}/${client}/${action}`, {
    method: "POST",
    headers: {
      "Content-Type": "application/json",
      "X-Client-Id": client,
      "X-Timestamp": now,
      "X-Signature": "v1=" + createHmac("sha256", secret).update(text).digest("hex"),
      "Idempotency-Key": key,
    },
    body,
  });
  return answer.text();
}

console.log(await call(<ACTION>, <BODY>, randomUUID()));
"""

_PHP = """\
<?php
$url = <URL>;
$client = <CLIENT>;
$secret = getenv('ORDERFLOW_BRIDGE_SECRET') ?: exit("ORDERFLOW_BRIDGE_SECRET is not set\\n");

// Send the text of a JSON object, signed; a retry repeats key and text.
$call = function (string $action, string $body, string $key) use ($url, $client, $secret): string {
    $now = (string) time();
    $digest = hash('sha256', $body);
    $text = implode("\\n", ['OFB1-HMAC-SHA256', $now, $client, "POST $action", $key, $digest]);
    $headers = [
        'Content-Type: application/json',
        "X-Client-Id: $client",
        "X-Timestamp: $now",
        'X-Signature: v1=' . hash_hmac('sha256', $text, $secret),
        "Idempotency-Key: $key",
    ];
    $request = ['method' => 'POST', 'header' => implode("\\r\\n", $headers), 'content' => $body]
        + ['ignore_errors' => true, 'timeout' => 30];
    $context = stream_context_create(['http' => $request]);
    return (string) file_get_contents("$url/$client/$action", false, $context);
};

echo $call(<ACTION>, <BODY>, bin2hex(random_bytes(16))), "\\n";
"""

_TEMPLATES: Sequence[tuple[str, str, str, Callable[[str], str], str]] = (
    ("shell", "Shell", "curl and openssl", shlex.quote, _SHELL),
    ("python", "Python", "Python 3.8 or later, no library", json.dumps, _PYTHON),
    ("node", "Node", "Node 18 or later, in a file .mjs", json.dumps, _NODE),
    ("php", "PHP", "PHP 7.4 or later, with allow_url_fopen", _php, _PHP),
)
