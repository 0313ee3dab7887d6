"""What servers answer in place of the bridge: the one list, which the documentation repeats."""

__all__ = ["DEVELOPMENT", "DIFFERENCES", "PRODUCTION", "VERSIONS", "difference"]

VERSIONS = {
    "gunicorn": "27.0.1",
    "waitress": "3.0.2",
    "granian": "2.8.9",
    "uvicorn": "0.54.0",
    "hypercorn": "0.18.0",
    "h11": "0.16.0",
    "httptools": "0.9.0",
    "werkzeug": "3.1.9",
    "django": "5.2.19",
    "python": "3.11",
}
"""The versions with which this was seen, by package; `python` is the server that comes with it."""

PRODUCTION = (
    "gunicorn",
    "waitress",
    "granian wsgi",
    "granian asgi",
    "uvicorn h11",
    "uvicorn httptools",
    "hypercorn",
)
DEVELOPMENT = ("serve --development", "flask run", "runserver")

DIFFERENCES: dict[str, dict[str, tuple[str, ...]]] = {
    "timestamp between spaces and a tab": {
        "401 malformed_auth_header": ("uvicorn httptools", "flask run"),
    },
    "X_Signature in place of X-Signature": {
        "200": ("granian wsgi",),
    },
    "X-Client-Id with a NUL": {
        "400 by the server": PRODUCTION,
    },
    "X-Client-Id of 10 kB": {
        "431 by the server": ("gunicorn",),
    },
    "post": {
        "400 by the server": ("gunicorn", "waitress", "uvicorn httptools"),
        "200": ("hypercorn",),
    },
    "a method with a control character": {
        "400 by the server": PRODUCTION,
    },
    "an escaped letter in the action": {
        "200": (*DEVELOPMENT, "gunicorn", "waitress", "granian wsgi"),
    },
    "an escaped slash before the action": {
        "200": (*DEVELOPMENT, "gunicorn", "waitress", "granian wsgi"),
    },
    "a NUL in the path": {
        "400 by the server": (
            "gunicorn",
            "granian wsgi",
            "granian asgi",
            "uvicorn h11",
            "uvicorn httptools",
            "hypercorn",
        ),
    },
    "//bridge": {
        "200": (*DEVELOPMENT, "waitress"),
    },
    "raw UTF-8 in the path": {
        "400 by the server": (
            "gunicorn",
            "waitress",
            "uvicorn h11",
            "uvicorn httptools",
            "hypercorn",
        ),
    },
    "a path of 10 kB": {
        "414 by the server": ("gunicorn",),
    },
    "an absolute target": {
        "404 by the site": ("uvicorn h11", "hypercorn", "serve --development", "runserver"),
    },
    "an absolute target elsewhere": {
        "404 by the site": ("uvicorn h11", "hypercorn", "serve --development", "runserver"),
    },
    "a target without a slash": {
        "400 by the server": ("gunicorn", "granian wsgi", "granian asgi", "uvicorn httptools"),
    },
    "a space in the target": {
        "400 by the server": (*PRODUCTION, *DEVELOPMENT),
    },
    "CONNECT": {
        "closes": ("granian wsgi",),
        "400 by the server": ("uvicorn httptools",),
    },
    "a fragment": {
        "200": (
            "gunicorn",
            "waitress",
            "granian wsgi",
            "granian asgi",
            "uvicorn httptools",
            "flask run",
        ),
    },
    "Content-Type twice": {
        "400 by the server": ("gunicorn",),
        "200": ("granian wsgi", "serve --development", "runserver"),
    },
    "Content-Length negative": {
        "400 by the server": PRODUCTION,
    },
    "Content-Length with a plus": {
        "400 by the server": PRODUCTION,
    },
    "Content-Length with an underscore": {
        "400 by the server": PRODUCTION,
    },
    "Content-Length in hexadecimal": {
        "400 by the server": PRODUCTION,
    },
    "Content-Length with a fraction": {
        "400 by the server": PRODUCTION,
    },
    "Content-Length as a list of one value": {
        "400 by the server": (
            "gunicorn",
            "waitress",
            "granian wsgi",
            "granian asgi",
            "uvicorn httptools",
        ),
        "200": ("uvicorn h11", "hypercorn"),
    },
    "Content-Length empty": {
        "400 by the server": PRODUCTION,
    },
    "Content-Length in other digits": {
        "400 by the server": PRODUCTION,
    },
    "Content-Length twice, differing": {
        "400 by the server": PRODUCTION,
        "200": ("serve --development", "runserver"),
        "401 authentication_failed": ("flask run",),
    },
    "Content-Length twice, the same": {
        "400 by the server": ("gunicorn", "waitress", "uvicorn httptools"),
        "200": (*DEVELOPMENT, "granian wsgi", "granian asgi", "uvicorn h11", "hypercorn"),
    },
    "no Content-Length": {
        "400 by the server": ("hypercorn",),
    },
    "Content-Length too short": {
        "400 by the server": ("hypercorn",),
    },
    "Content-Length too long, and gone": {
        "closes": ("waitress", "uvicorn h11", "uvicorn httptools"),
        "400 by the server or 400 incomplete_body": ("hypercorn",),
    },
    "half of the body, and gone": {
        "closes": ("waitress", "uvicorn h11", "uvicorn httptools"),
        "400 by the server or 400 incomplete_body": ("hypercorn",),
    },
    "a length over the limit, no body": {
        "waits": ("waitress",),
    },
    "a length of 30 digits, no body": {
        "413 by the server": ("waitress",),
        "400 by the server": (
            "granian wsgi",
            "granian asgi",
            "uvicorn h11",
            "uvicorn httptools",
            "hypercorn",
        ),
    },
    "half of the body, held back": {
        "waits": (*DEVELOPMENT, "gunicorn", "waitress", "granian wsgi"),
    },
    "the whole body, held back": {
        "waits": (*DEVELOPMENT, "gunicorn", "waitress", "granian wsgi"),
    },
    "half of the head, and gone": {
        "400 by the server": ("hypercorn",),
        "415 unsupported_media_type": DEVELOPMENT,
    },
    "Expect: 100-continue, refused by its head": {
        "waits": ("waitress",),
    },
    "Expect: something else": {
        "417 by the server": ("gunicorn",),
    },
    "chunked": {
        "411 length_required": ("serve --development", "runserver"),
    },
    "chunked, each byte by itself": {
        "411 length_required": ("serve --development", "runserver"),
    },
    "Chunked in capitals": {
        "411 length_required": ("serve --development", "runserver"),
    },
    "chunked, past the limit": {
        "411 length_required": ("serve --development", "runserver"),
    },
    "chunked, half of it, and gone": {
        "closes": ("waitress", "uvicorn h11", "uvicorn httptools"),
        "401 authentication_failed": ("granian wsgi",),
        "400 by the server or 400 incomplete_body": ("hypercorn",),
        "411 length_required": ("serve --development", "runserver"),
    },
    "chunked, its end missing, and gone": {
        "closes": ("waitress", "uvicorn h11", "uvicorn httptools"),
        "200": ("granian wsgi",),
        "400 by the server or 400 incomplete_body": ("hypercorn",),
        "411 length_required": ("serve --development", "runserver"),
    },
    "chunked, half of it, held back": {
        "waits": ("gunicorn", "waitress", "granian wsgi", "flask run"),
        "411 length_required": ("serve --development", "runserver"),
    },
    "chunked in HTTP/1.0": {
        "400 by the server": ("gunicorn", "granian wsgi", "granian asgi"),
        "401 authentication_failed": ("waitress",),
        "411 length_required": ("serve --development", "runserver"),
    },
    "Content-Length and Transfer-Encoding": {
        "400 by the server": ("gunicorn", "uvicorn httptools"),
        "200": ("waitress", "granian wsgi", "granian asgi"),
    },
    "a request behind a chunked end": {
        "400 by the server": ("gunicorn", "uvicorn httptools"),
        "401 authentication_failed, then 200": ("waitress",),
        "401 authentication_failed": ("granian wsgi", "granian asgi"),
    },
    "a request inside a chunk": {
        "400 by the server": ("gunicorn", "uvicorn httptools"),
        "401 authentication_failed": ("waitress", "granian wsgi", "granian asgi"),
    },
    "Transfer-Encoding twice": {
        "400 by the server": ("gunicorn", "uvicorn h11", "uvicorn httptools"),
        "501 by the server": ("hypercorn",),
        "411 length_required": ("serve --development", "runserver"),
    },
    "Transfer-Encoding: chunked, chunked": {
        "400 by the server": ("gunicorn", "uvicorn h11", "uvicorn httptools"),
        "501 by the server": ("hypercorn",),
        "411 length_required": ("serve --development", "runserver"),
    },
    "Transfer-Encoding: gzip, chunked": {
        "501 by the server": ("waitress", "hypercorn"),
        "400 by the server": ("uvicorn h11",),
        "411 length_required": ("serve --development", "runserver"),
    },
    "Transfer-Encoding: chunked, gzip": {
        "400 by the server": (
            "gunicorn",
            "granian wsgi",
            "granian asgi",
            "uvicorn h11",
            "uvicorn httptools",
        ),
        "501 by the server": ("waitress", "hypercorn"),
        "411 length_required": ("serve --development", "runserver"),
    },
    "Transfer-Encoding: xchunked": {
        "501 by the server": ("gunicorn", "waitress", "hypercorn"),
        "400 by the server": ("granian wsgi", "granian asgi", "uvicorn h11", "uvicorn httptools"),
        "411 length_required": DEVELOPMENT,
    },
    "Transfer-Encoding: identity": {
        "400 by the server": (
            "gunicorn",
            "granian wsgi",
            "granian asgi",
            "uvicorn h11",
            "uvicorn httptools",
        ),
        "501 by the server": ("waitress", "hypercorn"),
    },
    "Transfer-Encoding behind a vertical tab": {
        "400 by the server": PRODUCTION,
        "411 length_required": DEVELOPMENT,
    },
    "Transfer-Encoding folded": {
        "400 by the server": ("gunicorn", "granian wsgi", "granian asgi", "uvicorn httptools"),
        "411 length_required": ("serve --development", "runserver"),
    },
    "Transfer-Encoding, a space before the colon": {
        "400 by the server": PRODUCTION,
        "401 authentication_failed": DEVELOPMENT,
    },
    "Transfer_Encoding beside Content-Length": {
        "400 invalid_content_length": ("granian wsgi",),
    },
    "a chunk of negative size": {
        "400 by the server": ("waitress", "uvicorn h11", "uvicorn httptools", "hypercorn"),
        "401 authentication_failed": ("granian wsgi",),
        "411 length_required": ("serve --development", "runserver"),
    },
    "a chunk size with 0x": {
        "400 by the server": ("waitress", "uvicorn h11", "uvicorn httptools", "hypercorn"),
        "401 authentication_failed": ("granian wsgi",),
        "411 length_required": ("serve --development", "runserver"),
        "200": ("flask run",),
    },
    "a chunk size with a plus": {
        "400 by the server": ("waitress", "uvicorn h11", "uvicorn httptools", "hypercorn"),
        "401 authentication_failed": ("granian wsgi",),
        "411 length_required": ("serve --development", "runserver"),
        "200": ("flask run",),
    },
    "a chunk size with an underscore": {
        "400 by the server": ("waitress", "uvicorn h11", "uvicorn httptools", "hypercorn"),
        "401 authentication_failed": ("granian wsgi",),
        "411 length_required": ("serve --development", "runserver"),
        "200": ("flask run",),
    },
    "a chunk size of 20 digits": {
        "waits": ("gunicorn", "waitress", "flask run"),
        "401 authentication_failed": ("granian wsgi",),
        "400 incomplete_body": ("granian asgi",),
        "400 by the server": ("uvicorn httptools",),
        "411 length_required": ("serve --development", "runserver"),
    },
    "a chunk extension": {
        "411 length_required": ("serve --development", "runserver"),
        "400 incomplete_body": ("flask run",),
    },
    "a chunk extension of 20 kB": {
        "400 incomplete_body": ("gunicorn", "granian asgi", "flask run"),
        "401 authentication_failed": ("granian wsgi",),
        "411 length_required": ("serve --development", "runserver"),
    },
    "a bare LF after a chunk size": {
        "400 by the server": ("waitress", "uvicorn h11", "uvicorn httptools", "hypercorn"),
        "401 authentication_failed": ("granian wsgi",),
        "411 length_required": ("serve --development", "runserver"),
        "200": ("flask run",),
    },
    "a chunk longer than it says": {
        "400 by the server": ("waitress", "uvicorn h11", "uvicorn httptools", "hypercorn"),
        "200": ("granian wsgi",),
        "411 length_required": ("serve --development", "runserver"),
    },
    "a trailer that poses as a signature": {
        "401 malformed_auth_header": ("uvicorn httptools",),
        "411 length_required": ("serve --development", "runserver"),
        "400 incomplete_body": ("flask run",),
    },
    "two requests at once": {
        "200": ("serve --development", "flask run"),
    },
    "a refused request and a good one at once": {
        "401 authentication_failed": ("serve --development", "flask run"),
    },
    "a request behind a GET that declares no body": {
        "405 method_not_allowed": ("serve --development", "flask run"),
    },
    "HTTP/2 with prior knowledge": {
        "400 by the server": ("gunicorn", "uvicorn httptools"),
        "404 by the site": ("waitress",),
        "HTTP/2": ("granian wsgi", "granian asgi", "hypercorn"),
        "404 by the site, then 400 by the server": ("uvicorn h11",),
        "a bare page by the server": DEVELOPMENT,
    },
    "HTTP/1.9": {
        "400 by the server": ("granian wsgi", "granian asgi", "uvicorn httptools"),
    },
    "HTTP/9.9": {
        "400 by the server": ("gunicorn", "granian wsgi", "granian asgi", "uvicorn httptools"),
        "a bare page by the server": DEVELOPMENT,
    },
    "no version": {
        "400 by the server": (
            "gunicorn",
            "granian wsgi",
            "granian asgi",
            "uvicorn h11",
            "hypercorn",
        ),
        "a bare page by the server": DEVELOPMENT,
    },
    "a line end before the request": {
        "400 by the server": ("uvicorn h11", "hypercorn"),
        "closes": DEVELOPMENT,
    },
    "a TLS greeting": {
        "waits": (*DEVELOPMENT, "gunicorn", "waitress"),
        "400 by the server": (
            "granian wsgi",
            "granian asgi",
            "uvicorn h11",
            "uvicorn httptools",
            "hypercorn",
        ),
    },
    "bare LF line ends": {
        "400 by the server": ("gunicorn", "uvicorn httptools"),
        "waits": ("waitress",),
    },
    "bare CR line ends": {
        "waits": (
            *DEVELOPMENT,
            "gunicorn",
            "waitress",
            "granian wsgi",
            "granian asgi",
            "uvicorn h11",
            "hypercorn",
        ),
        "400 by the server": ("uvicorn httptools",),
    },
    "no Host": {
        "400 by the server": ("uvicorn h11", "hypercorn"),
    },
    "Host twice": {
        "400 by the server": ("gunicorn", "uvicorn h11", "hypercorn"),
    },
    "a bare CR in a header": {
        "400 by the server": PRODUCTION,
        "401 malformed_auth_header": DEVELOPMENT,
    },
    "a bare LF in a header": {
        "400 by the server": ("gunicorn", "waitress", "uvicorn httptools"),
    },
    "a NUL in a header": {
        "400 by the server": PRODUCTION,
    },
    "an escape sequence in a header": {
        "400 by the server": (
            "gunicorn",
            "waitress",
            "granian wsgi",
            "granian asgi",
            "uvicorn httptools",
        ),
    },
    "a header folded": {
        "400 by the server": ("gunicorn", "granian wsgi", "granian asgi", "uvicorn httptools"),
    },
    "a header without a name": {
        "400 by the server": PRODUCTION,
    },
    "a header name with a space": {
        "400 by the server": PRODUCTION,
    },
    "a header name in Latin-1": {
        "400 by the server": PRODUCTION,
    },
    "a header without a colon": {
        "400 by the server": PRODUCTION,
        "415 unsupported_media_type": DEVELOPMENT,
    },
    "a space before the first header": {
        "400 by the server": PRODUCTION,
    },
    "150 headers": {
        "431 by the server": (*DEVELOPMENT, "gunicorn", "granian wsgi", "granian asgi"),
    },
    "5,000 headers": {
        "431 by the server": (
            *DEVELOPMENT,
            "gunicorn",
            "granian wsgi",
            "granian asgi",
            "hypercorn",
        ),
    },
    "a header of 70 kB": {
        "431 by the server": (*DEVELOPMENT, "gunicorn", "hypercorn"),
    },
}
"""For each row what was seen instead of its decision, and from whom; "or" where time decides."""


def difference(row: str, server: str) -> str | None:
    """Tell what a server makes of a row instead of its decision; None where nothing is listed."""
    for seen, servers in DIFFERENCES.get(row, {}).items():
        if server in servers:
            return seen
    return None
