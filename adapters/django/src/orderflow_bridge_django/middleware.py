"""Mount the bridge with a line in `MIDDLEWARE`."""

from asyncio import iscoroutinefunction
from collections.abc import Awaitable, Callable
from typing import Any, cast

from django.core.handlers.asgi import ASGIRequest
from django.http import HttpRequest, HttpResponseBase
from django.utils.decorators import sync_and_async_middleware
from orderflow_bridge import ConfigurationError
from orderflow_bridge.mounting import Mount

from orderflow_bridge_django import conf
from orderflow_bridge_django.bridge import get_app
from orderflow_bridge_django.shells import is_under

__all__ = ["BridgeMiddleware"]

_Next = Callable[[HttpRequest], Any]


@sync_and_async_middleware
def BridgeMiddleware(get_response: _Next) -> _Next:  # noqa: N802 -- named like Django's own
    """Answer what is under `MOUNT` ("/bridge"), before anything else of the site sees it.

    Put it first: sessions, CSRF, log-ins and redirects are for people, and a signed request has
    none of them.
    """
    try:
        mount = Mount(get_app().configuration.mount)
    except (ConfigurationError, ValueError) as error:
        raise conf.improper(ConfigurationError(str(error))) from None

    if iscoroutinefunction(get_response):

        async def answer_async(request: HttpRequest) -> HttpResponseBase:
            if is_under(mount, request):
                shells = get_app().shells
                return await shells.answer_async(cast("ASGIRequest", request), mount.path)
            return await cast("Awaitable[HttpResponseBase]", get_response(request))

        return answer_async

    def answer(request: HttpRequest) -> HttpResponseBase:
        if is_under(mount, request):
            return get_app().shells.answer(request, mount.path)
        return cast("HttpResponseBase", get_response(request))

    return answer
