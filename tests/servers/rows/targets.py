"""The first line: methods, paths, queries."""

from tests.servers.rows.row import (
    FAILED,
    METHOD,
    NOT_FOUND,
    OK,
    QUERY,
    SITE,
    UNKNOWN,
    Row,
    added,
    always,
    changed,
    replaced,
    target,
)

TARGETS = (
    *(
        changed(method, METHOD, lambda one, method=method: one.by(method))
        for method in ("GET", "PUT", "PATCH", "DELETE", "TRACE", "OPTIONS", "PROPFIND", "post")
    ),
    changed("HEAD", "405", lambda one: one.by("HEAD")),
    changed(
        "OPTIONS of another origin",
        METHOD,
        lambda one: (
            one.by("OPTIONS")
            .also("Origin", "https://evil.example")
            .also("Access-Control-Request-Method", "POST")
        ),
    ),
    changed(
        "GET with X-HTTP-Method-Override: POST",
        METHOD,
        lambda one: one.by("GET").also("X-HTTP-Method-Override", "POST"),
    ),
    added("POST with X-HTTP-Method-Override: GET", OK, "X-HTTP-Method-Override", "GET"),
    changed("a method with a control character", METHOD, lambda one: one.by("PO\x1bST")),
    target("an escaped letter in the action", NOT_FOUND, replaced(b"items", b"%69tems")),
    target("an escaped slash before the action", NOT_FOUND, replaced(b"/items", b"%2Fitems")),
    target("an escaped letter in the mount", OK, replaced(b"/bridge", b"/%62ridge")),
    target("a path escaped twice", NOT_FOUND, replaced(b"items", b"%2569tems")),
    target("an escape that is none", NOT_FOUND, replaced(b"items", b"%zztems")),
    target("%00 at the end", NOT_FOUND, lambda path: path + b"%00"),
    target("a NUL in the path", NOT_FOUND, lambda path: path + b"\0"),
    target("an escaped line end in the path", NOT_FOUND, lambda path: path + b"%0d%0aX-A:%20b"),
    target("//bridge", SITE, lambda path: b"/" + path),
    target("/bridge//", NOT_FOUND, replaced(b"/bridge/", b"/bridge//")),
    target("a slash at the end", NOT_FOUND, lambda path: path + b"/"),
    target("/bridge alone", NOT_FOUND, always("/bridge")),
    target("/bridges", SITE, replaced(b"/bridge", b"/bridges")),
    target("dot segments", NOT_FOUND, replaced(b"/bridge", b"/bridge/x/..")),
    target("dot segments before the mount", SITE, replaced(b"/bridge", b"/x/../bridge")),
    target("escaped dot segments", NOT_FOUND, replaced(b"/bridge/", b"/bridge/x/..%2f")),
    target("a backslash", NOT_FOUND, replaced(b"/items", b"\\items")),
    target("a path parameter", NOT_FOUND, lambda path: path + b";a=b"),
    Row("an action that there is not", UNKNOWN, lambda front, _: front.request("no.such")),
    target("raw UTF-8 in the path", NOT_FOUND, lambda path: path + "\xe9".encode()),
    target("a path of 10 kB", NOT_FOUND, lambda path: path + b"0" * 10_000),
    target("an absolute target", OK, lambda path: b"http://localhost" + path),
    target("an absolute target elsewhere", OK, lambda path: b"http://evil.example" + path),
    target("a target without a slash", SITE, lambda path: path[1:]),
    target("a space in the target", NOT_FOUND, lambda path: path + b" /admin"),
    changed("OPTIONS *", SITE, lambda one: one.by("OPTIONS").to("*")),
    changed("CONNECT", SITE, lambda one: one.by("CONNECT").to("localhost:80")),
    target("a query", QUERY, lambda path: path + b"?a=1"),
    target("an escaped line end in the query", QUERY, lambda path: path + b"?%0a"),
    target("an empty query", OK, lambda path: path + b"?"),
    target("a fragment", NOT_FOUND, lambda path: path + b"#a"),
    Row(
        "a read's signature on a write",
        FAILED,
        lambda front, _: front.request("cart.get").to(front.request().target),
    ),
)
