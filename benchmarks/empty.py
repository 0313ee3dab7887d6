"""An empty WSGI application: what the server itself costs for a request that is refused."""


def application(environ, start_response):
    environ["wsgi.input"].read()
    start_response("404 Not Found", [("Content-Type", "text/plain"), ("Content-Length", "0")])
    return []
