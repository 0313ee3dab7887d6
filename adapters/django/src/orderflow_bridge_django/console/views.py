"""The console as a view: Django's request becomes the console's, and its answer Django's."""

from collections.abc import AsyncIterator, Iterable, Iterator
from typing import Any

from asgiref.sync import sync_to_async
from django.contrib.auth.decorators import login_not_required
from django.core.handlers.asgi import ASGIRequest
from django.http import HttpRequest, HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.urls import NoReverseMatch, reverse
from django.views.decorators.csrf import csrf_exempt
from orderflow_bridge.console import Answer, Request
from orderflow_bridge.console.guard import TOO_LARGE
from orderflow_bridge.mounting import socket_peer

from orderflow_bridge_django.bridge import get_app
from orderflow_bridge_django.transactions import own_transactions

__all__ = ["console"]


@csrf_exempt  # It proves its forms itself, so that no setting of the site can break that.
@login_not_required  # It asks who it is itself, and has a page for who may not enter.
@own_transactions
def console(request: HttpRequest, rest: str = "") -> HttpResponseBase:
    """Answer what is under the place where the site includes the console."""
    root = request.path[: len(request.path) - len(rest)].rstrip("/")
    path = request.path[len(root) :]
    pages = get_app().console
    limit = pages.most_body(request.method or "GET", path)
    # Some middleware may have read it already; then the request has it still.
    body = request.body if hasattr(request, "_body") else _read(request, limit + 1)
    if len(body) > limit:
        return _response(request, TOO_LARGE)
    return _response(
        request,
        pages.handle(
            Request(
                method=request.method or "GET",
                path=path,
                root=root,
                query_string=request.META.get("QUERY_STRING", ""),
                headers={name.lower(): value for name, value in request.headers.items()},
                body=body,
                scheme=request.scheme or "http",
                peer=socket_peer(request.META.get("REMOTE_ADDR")),
                # `request.headers` cannot tell a header from its alias with underscores.
                aliased=True,
                native=request,
                site=request.path.removesuffix(request.path_info),
                home=_home(),
                program="python manage.py bridge",
            )
        ),
    )


def _home() -> str:
    """Give the admin's address, where one signs out, too; empty where the site has no admin."""
    try:
        return reverse("admin:index")
    except NoReverseMatch:
        return ""


def _read(request: HttpRequest, length: int) -> bytes:
    stream: Any = request
    return bytes(stream.read(length))


def _response(request: HttpRequest, answer: Answer) -> HttpResponseBase:
    response: HttpResponseBase
    if isinstance(answer.body, bytes):
        response = HttpResponse(answer.body, status=answer.status)
    else:
        pieces: Any = answer.body
        if isinstance(request, ASGIRequest):
            pieces = _in_threads(answer.body)
        response = StreamingHttpResponse(pieces, status=answer.status)
    del response.headers["Content-Type"]
    for name, value in answer.headers:
        if name == "Set-Cookie":
            response.cookies.load(value)
        else:
            response.headers[name] = value
    return response


async def _in_threads(pieces: Iterable[bytes]) -> AsyncIterator[bytes]:
    """Make each piece in the thread that Django's own code runs in."""
    iterator: Iterator[bytes] = iter(pieces)

    def make() -> bytes | None:
        return next(iterator, None)

    try:
        while (piece := await sync_to_async(make)()) is not None:
            yield piece
    finally:
        # The operator may have gone; what was begun, such as an import, ends in the thread.
        close = getattr(iterator, "close", None)
        if close is not None:
            await sync_to_async(close)()
