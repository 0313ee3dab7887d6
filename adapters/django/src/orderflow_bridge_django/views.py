"""The endpoint as a view, for `path("bridge/", include("orderflow_bridge_django.urls"))`."""

from collections.abc import Callable
from typing import Any, TypeVar, cast

from asgiref.sync import sync_to_async
from django.contrib.auth.decorators import login_not_required
from django.core.handlers.asgi import ASGIRequest
from django.core.handlers.wsgi import WSGIRequest
from django.db import connections, transaction
from django.http import HttpRequest, HttpResponseBase
from django.views.decorators.csrf import csrf_exempt

from orderflow_bridge_django.bridge import get_app

__all__ = ["endpoint"]

_View = TypeVar("_View", bound=Callable[..., Any])


def _non_atomic(view: _View) -> _View:
    """Keep ATOMIC_REQUESTS of every alias away: by itself the mark is for "default" alone."""
    for alias in connections:
        view = transaction.non_atomic_requests(using=alias)(view)
    return view


@csrf_exempt  # It is signed, and there is no session to forge.
@login_not_required  # It is signed, and nobody logs in.
@_non_atomic  # The bridge's units are transactions of their own.
async def endpoint(request: HttpRequest, rest: str = "") -> HttpResponseBase:
    """Answer what is under the place where the site includes the bridge.

    Under an ASGI server many requests run at once, in threads of the bridge's own; under a WSGI
    server each runs in its own thread.
    """
    path = request.path_info
    mount = path[: len(path) - len(rest)].rstrip("/") or "/"
    shells = get_app().shells
    if isinstance(request, ASGIRequest):
        return await shells.answer_async(request, mount)
    # Django's thread of this request, and with it that thread's database connections.
    return await sync_to_async(shells.answer, thread_sensitive=True)(
        cast("WSGIRequest", request), mount
    )
