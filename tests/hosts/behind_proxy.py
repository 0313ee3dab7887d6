"""A live site with the bridge, on sockets that are open already.

    python -m tests.hosts.behind_proxy gunicorn DATABASE FD...

The bridge is mounted once for every header that may tell the client's address, each believed of
127.0.0.1 and of a unix socket, and at `/none` without a header. The kinds that end in
`-rewriting` change the address themselves, before the bridge sees it.
"""

import socket
import sys
from collections.abc import Callable, Sequence
from typing import Any

from orderflow_bridge.asgi import BridgeASGI
from orderflow_bridge.bridge import Bridge
from orderflow_bridge.settings import Settings
from orderflow_bridge.wsgi import BridgeWSGI
from tests.rig import RING

MOUNTS = {
    "/list": "X-Forwarded-For",
    "/rfc": "Forwarded",
    "/one": "X-Real-IP",
    "/none": "",
}
PROXIES = ("127.0.0.1", "unix")


def bridges(database: str) -> dict[str, Bridge]:
    """Open a bridge for each mount."""
    return {
        mount: Bridge.open(
            settings=Settings(
                database=database,
                master_keys=RING,
                trusted_proxies=PROXIES if header else (),
                client_address_header=header,
                header_aliases_dropped=True,
            )
        )
        for mount, header in MOUNTS.items()
    }


def mounted(shell: Callable[..., Any], database: str) -> Any:
    """Put every bridge into one site."""
    site = None
    for mount, bridge in bridges(database).items():
        site = shell(site, bridge=bridge, mount=mount)
    return site


def gunicorn(database: str, sockets: Sequence[int]) -> None:
    """Serve with one worker, where the header reaches the bridge as it was sent."""
    from gunicorn.app.base import BaseApplication  # noqa: PLC0415 -- an optional package

    class Site(BaseApplication):
        def load_config(self) -> None:
            self.cfg.set("bind", [f"fd://{number}" for number in sockets])
            self.cfg.set("workers", 1)
            self.cfg.set("threads", 2)

        def load(self) -> Any:
            return mounted(BridgeWSGI, database)

    Site().run()


def waitress(database: str, sockets: Sequence[int], *, rewriting: bool = False) -> None:
    """Serve with threads; by itself waitress removes what an untrusted proxy says."""
    from waitress import serve  # noqa: PLC0415 -- an optional package

    trusting = {"trusted_proxy": "127.0.0.1", "trusted_proxy_headers": {"x-forwarded-for"}}
    serve(
        mounted(BridgeWSGI, database),
        sockets=[socket.socket(fileno=number) for number in sockets],
        **trusting if rewriting else {"clear_untrusted_proxy_headers": False},
    )


def werkzeug(database: str, sockets: Sequence[int]) -> None:
    """Serve a bridge that ProxyFix stands around, on Werkzeug's own server."""
    from werkzeug.middleware.proxy_fix import ProxyFix  # noqa: PLC0415 -- an optional package
    from werkzeug.serving import make_server  # noqa: PLC0415 -- an optional package

    site = ProxyFix(mounted(BridgeWSGI, database), x_for=1)
    make_server("127.0.0.1", 0, site, threaded=True, fd=sockets[0]).serve_forever()


def uvicorn(database: str, sockets: Sequence[int], *, rewriting: bool = False) -> None:
    """Serve an ASGI site; by itself uvicorn rewrites the address for a proxy on this machine."""
    from uvicorn import Config, Server  # noqa: PLC0415 -- an optional package

    config = Config(
        mounted(BridgeASGI, database),
        proxy_headers=rewriting,
        forwarded_allow_ips="127.0.0.1",
        lifespan="off",
        log_level="warning",
    )
    Server(config).run(sockets=[socket.socket(fileno=number) for number in sockets])


def main(kind: str, database: str, *sockets: str) -> None:
    """Serve until it is ended."""
    name, _, rewriting = kind.partition("-")
    serve: Callable[..., None] = globals()[name]
    options = {"rewriting": True} if rewriting and name != "werkzeug" else {}
    serve(database, [int(number) for number in sockets], **options)


if __name__ == "__main__":
    main(*sys.argv[1:])
