"""Operators of the console's own: a name and a password in the settings, or a link that signs in.

For a site that has no accounts, or whose accounts are customers.
"""

from threading import BoundedSemaphore

from orderflow_bridge.bridge import Bridge
from orderflow_bridge.console import cookies
from orderflow_bridge.console.http import Request
from orderflow_bridge.console.onward import way_back
from orderflow_bridge.console.operators import Operator
from orderflow_bridge.domain.errors import BridgeError, ConfigurationError
from orderflow_bridge.domain.forks import renew_in_children
from orderflow_bridge.security.passwords import NOBODYS, is_password

__all__ = ["StandaloneAuth"]

# Each takes 32 MiB and a tenth of a second: strangers may keep two busy, and neither the site's
# memory nor its threads.
_AT_ONCE = 2
_PATIENCE = 1.0


class StandaloneAuth:
    """Know the operators of the setting `operators`, and those whom a one-time link signed in.

    Sign-ins are kept in the bridge's storage, so that signing out holds in every process. For those
    in the settings the role of the settings counts, for others that of the link; a sign-in by a
    password is worth nothing once the settings do not name its operator. Raises
    `ConfigurationError` where the storage has not the capability `sessions`, and where two
    operators have one name.
    """

    def __init__(self, bridge: Bridge) -> None:
        bridge.sign_ins.refuse_unfit()
        self._sign_ins = bridge.sign_ins
        self._operators = {one.name.strip(): one for one in bridge.settings.operators}
        if len(self._operators) < len(bridge.settings.operators):
            raise ConfigurationError(
                "Two of the `operators` have one name: the audit could not tell them apart."
            )
        # As slow as the others are, wherever they were made.
        self._nobodys = next((one.password for one in bridge.settings.operators), NOBODYS)
        self.renew()
        renew_in_children(self)

    def renew(self) -> None:
        """Take a fresh semaphore in a forked child: what the parent holds is never given back."""
        self._hashing = BoundedSemaphore(_AT_ONCE)

    def identify(self, request: Request) -> Operator | None:
        """Find the session of the cookie; None where there is none, or it is worth nothing."""
        token = cookies.session_of(request)
        session = self._sign_ins.find(token)
        if session is None:
            return None
        known = self._operators.get(session.operator)
        if known is None and self._sign_ins.is_by_password(token):
            return None
        return Operator(name=session.operator, role=known.role if known else session.role)

    def sign_in_url(self, request: Request) -> str | None:
        """Give the page to sign in at, which leads back to the one that was asked for."""
        return f"{request.up}sign-in?next={way_back(request)}"

    def confirm(self, request: Request, operator: Operator, password: str) -> bool | None:  # noqa: ARG002 -- a port
        """Compare the password; None for those who have none, and came by a link."""
        if operator.name not in self._operators:
            return None
        return bool(password) and self._is_password(operator.name, password)

    def sign_in(self, name: str, password: str, *, replacing: str) -> str | None:
        """Give the token of a new session; None where name and password do not belong together.

        A name that nobody has costs the same time. Raises `BridgeError` `rate_limited` where too
        many try at once.
        """
        if not self._is_password(name, password):
            return None
        return self._sign_ins.begin(name, self._operators[name].role, replacing=replacing)

    def knows(self, name: str) -> bool:
        """Tell whether an operator of the settings has that name."""
        return name in self._operators

    def redeem(self, link: str, *, replacing: str) -> str | None:
        """Give the token of a new session; None where the link was used, or is too old."""
        return self._sign_ins.redeem(link, replacing=replacing)

    def sign_out(self, token: str) -> None:
        """End a session in every process."""
        self._sign_ins.end(token)

    def _is_password(self, name: str, password: str) -> bool:
        known = self._operators.get(name)
        if not self._hashing.acquire(timeout=_PATIENCE):
            raise BridgeError("rate_limited", "Too many sign in at once. Try again.")
        try:
            matches = is_password(password, known.password if known else self._nobodys)
        finally:
            self._hashing.release()
        return matches and known is not None
