"""The endpoint as a view, for `path("bridge/", include("orderflow_bridge_django.urls"))`."""

from asgiref.sync import sync_to_async
from django.contrib.auth.decorators import login_not_required
from django.core.handlers.asgi import ASGIRequest
from django.http import HttpRequest, HttpResponseBase
from django.views.decorators.csrf import csrf_exempt

from orderflow_bridge_django.bridge import get_app
from orderflow_bridge_django.transactions import own_transactions

__all__ = ["endpoint"]


@csrf_exempt  # It is signed, and there is no session to forge.
@login_not_required  # It is signed, and nobody logs in.
@own_transactions
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
    return await sync_to_async(shells.answer, thread_sensitive=True)(request, mount)
