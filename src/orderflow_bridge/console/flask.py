"""The console inside a Flask site: its own accounts enter, as Flask-Login knows them."""

from collections.abc import Callable
from typing import Any
from urllib.parse import quote, urljoin

from flask import Flask, Response, current_app, has_request_context
from flask import request as asked
from flask_login import current_user, login_url

from orderflow_bridge.console.http import Request
from orderflow_bridge.console.operators import Operator, Role
from orderflow_bridge.console.wsgi import Handling, answer_environ
from orderflow_bridge.domain.errors import ConfigurationError
from orderflow_bridge.mounting import Mount

__all__ = ["FlaskLoginAuth", "mount_console"]

_METHODS = ("GET", "HEAD", "POST")


class FlaskLoginAuth:
    """Let in whom Flask-Login has signed in, with the role that the site gives them.

    `role` tells what a user may do; None for those who may not enter, such as customers. `name` is
    what the audit calls them, by default what `get_id` gives. `is_password` compares a user's
    password before a secret is shown; without it the console asks for a word only.
    """

    def __init__(
        self,
        *,
        role: Callable[[Any], Role | None],
        name: Callable[[Any], str] = lambda user: str(user.get_id()),
        is_password: Callable[[Any, str], bool] | None = None,
    ) -> None:
        self._role = role
        self._name = name
        self._is_password = is_password

    def identify(self, request: Request) -> Operator | None:  # noqa: ARG002 -- a port
        """Ask Flask-Login; None for a stranger, and for who may not enter.

        Raises `ConfigurationError` where the console is around the site and not inside: there
        nobody can tell.
        """
        if not has_request_context():
            raise ConfigurationError(
                "Flask-Login cannot tell who it is outside of the Flask site: put the console into"
                " it with mount_console(app, console)."
            )
        if not current_user.is_authenticated:
            return None
        role = self._role(current_user)
        return None if role is None else Operator(name=self._name(current_user), role=role)

    def sign_in_url(self, request: Request) -> str | None:
        """Give the site's own page; None where it has none, and for who may not enter."""
        view = current_app.login_manager.login_view  # type: ignore[attr-defined]  # Flask-Login's
        if view is None or current_user.is_authenticated:
            return None
        return str(
            login_url(view, next_url=urljoin(asked.host_url, quote(request.root) + request.page))
        )

    def confirm(self, request: Request, operator: Operator, password: str) -> bool | None:  # noqa: ARG002 -- a port
        """Compare the password, where the site can."""
        if self._is_password is None:
            return None
        return bool(password) and self._is_password(current_user, password)


def mount_console(
    app: Flask, console: Handling, path: str = "/bridge-console"
) -> Callable[..., Response]:
    """Put the console into a Flask site, at `path`; give the view that answers there.

    The console has its own guards against other sites' pages, so a site with `CSRFProtect` exempts
    the view: `csrf.exempt(mount_console(app, console))`. Raises ValueError where `path` cannot be
    a path.
    """
    mount = Mount(path)

    def bridge_console(rest: str = "") -> Response:  # noqa: ARG001 -- Flask hands it over decoded
        environ = asked.environ
        answer: list[Any] = []
        body = answer_environ(
            console,
            environ,
            # Flask starts the answer itself, with the cookies of its own session.
            lambda status, headers, _fault=None: answer.extend((status, headers)),  # type: ignore[arg-type]
            root=environ.get("SCRIPT_NAME", "") + mount.prefix,
            path=mount.under(environ["PATH_INFO"]) or "",
            site=environ.get("SCRIPT_NAME", ""),
            program="flask bridge",
        )
        status, headers = answer
        return Response(body, status=status, headers=headers)

    for rule in {mount.path, f"{mount.prefix}/", f"{mount.prefix}/<path:rest>"}:
        app.add_url_rule(
            rule,
            endpoint="bridge_console",
            view_func=bridge_console,
            methods=_METHODS,
            provide_automatic_options=False,
        )
    return bridge_console
