"""What the doctor sees of a running site from outside."""

import time
from collections.abc import Iterator
from email.utils import parsedate_to_datetime

import msgspec

from orderflow_bridge.cli.exits import CommandFailed
from orderflow_bridge.cli.sending import Answered, Target, send
from orderflow_bridge.doctor.findings import Finding, ok, problem, warning
from orderflow_bridge.settings import Settings

__all__ = ["probe"]

_TOLERANCE = 5_000
_PATIENCE = 10.0
_UNAUTHORIZED, _NOT_FOUND, _REDIRECTS = 401, 404, range(300, 400)
_PROBE_PATH = "/ofc_doctor_probe/cart.get"
_ALIASES = {
    "X_Client_Id": "ofc_doctor_probe",
    "X_Timestamp": "1000000000",
    "X_Signature": "v1=" + "0" * 64,
}


def probe(
    url: str, *, mount: str = "/bridge", settings: Settings | None = None
) -> Iterator[Finding]:
    """Look at a running site from outside, with requests that it must refuse.

    `settings` are the site's, None where they cannot be read.
    """
    target = Target.of(url, mount=mount)
    where = target.url("")
    headers = {"Content-Type": "application/json"}
    try:
        answered = send(target, _PROBE_PATH, headers=headers, body=b"{}", timeout=_PATIENCE)
        aliased = send(
            target, _PROBE_PATH, headers={**headers, **_ALIASES}, body=b"{}", timeout=_PATIENCE
        )
    except CommandFailed as error:
        yield problem("mount", error.message, "Start the site, or correct --url.")
        return
    if _code(answered) != "missing_auth_header" or answered.status != _UNAUTHORIZED:
        yield problem("mount", f"{where} answered {answered.status}.", _advice(answered))
        return
    yield ok("mount", f"{where} is the bridge: it refuses a request without a signature.")
    yield _aliases(settings, arrive=_code(aliased) != "missing_auth_header")
    yield from _server_clock(answered)


def _aliases(settings: Settings | None, *, arrive: bool) -> Finding:
    """Tell whether an alias poses as a header, and whether the settings say so."""
    declared = settings is not None and settings.header_aliases_dropped
    reads = settings is not None and bool(settings.client_address_header)
    if not arrive:
        found = "Headers with underscores do not pass as signature headers."
        if reads and not declared:
            found += " header_aliases_dropped = true would say so to a bridge under WSGI."
        return ok("aliases", found)
    found = "A header X_Client_Id arrives as X-Client-Id, and so does any other alias."
    drop = "Let the proxy drop headers with underscores (nginx does by default)"
    if declared:
        fix = f"{drop}, or set header_aliases_dropped = false: the setting is not true."
        return problem("aliases", found, fix)
    return warning("aliases", found, f"{drop} before you trust its address header.")


def _code(answered: Answered) -> str:
    try:
        document = msgspec.json.decode(answered.body)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return ""
    return str(document.get("code", "")) if isinstance(document, dict) else ""


def _advice(answered: Answered) -> str:
    if answered.status in _REDIRECTS:
        return "It redirects: give the final address, https included."
    if answered.status == _NOT_FOUND:
        return "The bridge is not mounted there: wrap the site, and check --mount."
    if "x-request-id" in answered.headers and _code(answered):
        return f"The bridge refused the probe as {_code(answered)}: what does the proxy change?"
    return (
        "Something before the bridge answers (a login, a CSRF check, a firewall): let POST requests"
        " under the mount through."
    )


def _server_clock(answered: Answered) -> Iterator[Finding]:
    try:
        there = parsedate_to_datetime(answered.headers["date"]).timestamp()
    except (KeyError, ValueError):
        return
    apart = round(time.time() - there)
    found = f"{abs(apart)} s apart from the Date of the site."
    if abs(apart) * 1000 <= _TOLERANCE:
        yield ok("site clock", found)
    else:
        yield problem("site clock", found, "Let NTP set both clocks.")
