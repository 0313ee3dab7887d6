"""`serve`: a server of its own, for a shop whose site cannot mount the bridge itself."""

import errno
import os
import socket
import threading
from collections.abc import Mapping
from contextlib import suppress
from importlib.util import find_spec
from logging.config import dictConfig
from typing import Any

import click

from orderflow_bridge.cli.invocation import Command, Invocation
from orderflow_bridge.cli.serving import (
    CONSOLE,
    MOUNT,
    DevelopmentServer,
    has_console,
    site,
    until_told_to_stop,
)
from orderflow_bridge.domain.errors import ConfigurationError
from orderflow_bridge.settings import Settings

__all__ = ["serve"]

_THREADS = 8
# Seconds for what is under way as the server stops.
_LAST_REQUESTS = 15
_POLL = 0.05
_PATIENCE = 5.0

# As granian's own, but on standard error: standard output is for the address.
_LOGGING = {
    "handlers": {
        "console": {
            "class": "logging.StreamHandler",
            "formatter": "generic",
            "stream": "ext://sys.stderr",
        },
        "access": {
            "class": "logging.StreamHandler",
            "formatter": "access",
            "stream": "ext://sys.stderr",
        },
    }
}

_PLAIN = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"access": {"format": "%(message)s"}},
}

# The log of decisions: each line is the whole of it, so that a program can read it.
_DECISIONS = {
    "handlers": {
        "decisions": {
            "class": "logging.StreamHandler",
            "formatter": "access",
            "stream": "ext://sys.stderr",
        },
    },
    "loggers": {
        "orderflow_bridge.requests": {
            "handlers": ["decisions"],
            "level": "INFO",
            "propagate": False,
        },
    },
}


@click.command(cls=Command, short_help="Serve the bridge at /bridge.")
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option(
    "--port",
    type=click.IntRange(0, 65_535),
    default=8000,
    show_default=True,
    help="Port to listen on; 0 takes a free one.",
)
@click.option(
    "--workers",
    type=click.IntRange(min=1),
    default=1,
    show_default=True,
    help="Processes; needs the extra [server].",
)
@click.option(
    "--threads",
    type=click.IntRange(min=1),
    help="Threads in each process; by default as many as processors and pool_size suggest.",
)
@click.option(
    "--development", is_flag=True, help="Use the development server even with the extra [server]."
)
@click.option(
    "--log-requests", is_flag=True, help="Write each decision on standard error, a line of JSON."
)
@click.option(
    "--console/--no-console",
    "wanted",
    default=True,
    show_default=True,
    help="Serve the operators' console, too, where the extra [console] is installed.",
)
@click.pass_obj
def serve(
    invocation: Invocation,
    *,
    host: str,
    port: int,
    workers: int,
    threads: int | None,
    development: bool,
    log_requests: bool,
    wanted: bool,
) -> None:
    """Serve the bridge at /bridge and its console at /bridge-console, until Ctrl-C or SIGTERM.

    With the extra [server] on granian, which carries production behind a proxy that ends TLS;
    else on a development server. With --json, one document tells the address before it serves.
    A site's own bridge is served without the site, on the development server.
    """
    settings = invocation.settings()
    # Workers are processes of their own, where a site's bridge cannot be handed over.
    hosted = invocation.hosted is not None
    with_granian = not (development or hosted) and find_spec("granian") is not None
    if workers > 1 and hosted:
        raise click.UsageError(
            "--workers is for a bridge without a site: mount it, and let the site's own server run"
            " several workers."
        )
    if workers > 1 and development:
        raise click.UsageError(
            "--workers and --development do not go together: that server is one process."
        )
    if workers > 1 and not with_granian:
        raise click.UsageError("--workers needs pip install 'orderflow-bridge[server]'.")
    threads = threads or min(_THREADS, settings.pool_size, 2 * (os.cpu_count() or 1) + 1)
    if with_granian:
        _serve_with_granian(
            invocation,
            settings,
            host=host,
            port=port,
            workers=workers,
            threads=threads,
            log_requests=log_requests,
            wanted=wanted,
        )
    else:
        if log_requests:
            dictConfig(_with_decisions(_PLAIN))
        _serve_for_development(invocation, host=host, port=port, threads=threads, wanted=wanted)


def _with_decisions(config: Mapping[str, Any]) -> dict[str, Any]:
    """Add the log of decisions to a configuration of logging."""
    return {**config, **{part: config.get(part, {}) | more for part, more in _DECISIONS.items()}}


def _announce(invocation: Invocation, url: str, server: str, *, with_console: bool) -> None:
    console = url + CONSOLE if with_console else None
    beside = f", and the console at {console}" if console else ""
    invocation.output.show(
        {"url": url, "bridge": url + MOUNT, "console": console, "server": server},
        f"Serving {url}{MOUNT}{beside} ({server}); Ctrl-C stops.",
    )
    if console:
        invocation.output.note(
            f"To sign in there: {invocation.program} console link --url {console}"
        )


def _serve_for_development(
    invocation: Invocation, *, host: str, port: int, threads: int, wanted: bool
) -> None:
    with invocation.bridge(may_create=True) as bridge, until_told_to_stop() as stop:
        bridge.connections.all()  # now, not at the first request: no database, an old schema
        with_console = wanted and has_console(bridge)
        try:
            server = DevelopmentServer(
                site(bridge, with_console=with_console),
                host=host,
                port=port,
                threads=threads,
                quiet=invocation.output.quiet,
            )
        except OSError as error:
            raise _cannot_listen(host, port, error) from None
        production = (
            "mount the bridge on the site"
            if invocation.hosted is not None
            else "pip install 'orderflow-bridge[server]'"
        )
        invocation.output.note(f"This server is for development; for production: {production}")
        with server.running():
            _announce(invocation, server.url, "development", with_console=with_console)
            stop.wait()
    invocation.output.note("Stopped.")


def _serve_with_granian(
    invocation: Invocation,
    settings: Settings,
    *,
    host: str,
    port: int,
    workers: int,
    threads: int,
    log_requests: bool,
    wanted: bool,
) -> None:
    from granian import Granian  # noqa: PLC0415 -- an optional package
    from granian.constants import HTTPModes, Interfaces  # noqa: PLC0415 -- an optional package
    from granian.log import LOGGING_CONFIG, LogLevels  # noqa: PLC0415 -- an optional package

    with invocation.bridge(may_create=True) as bridge:
        if workers > 1 and "processes" not in bridge.capabilities:
            raise click.UsageError(
                f"{bridge.storage_name} cannot be shared by several workers: serve with one, or"
                " choose a database."
            )
        bridge.connections.all()  # now, not at the first request: no database, an old schema
        with_console = wanted and has_console(bridge)
    port = _free_port(host, port)
    # Workers are processes of their own: the environment is how the options reach them.
    os.environ["ORDERFLOW_BRIDGE_HOME"] = settings.home
    os.environ["ORDERFLOW_BRIDGE_DATABASE"] = settings.database
    # granian's WSGI shows X_Forwarded_For as X-Forwarded-For; its ASGI costs more, and does not.
    by_name = bool(settings.client_address_header)
    if by_name:
        # The actions have threads of their own there, one for each connection to the database.
        os.environ["ORDERFLOW_BRIDGE_POOL_SIZE"] = str(min(threads, settings.pool_size))
    module = "asgi_site" if by_name else "serving"
    server = Granian(
        f"orderflow_bridge.cli.{module}:{'app' if with_console else 'app_without_console'}",
        factory=True,
        address=host,
        port=port,
        interface=Interfaces.ASGI if by_name else Interfaces.WSGI,
        # Nobody needs HTTP/2 of it without TLS.
        http=HTTPModes.http1,
        workers=workers,
        blocking_threads=None if by_name else threads,
        # A worker that is killed, as by a system short of memory, does not take the others along.
        respawn_failed_workers=True,
        # One that is told to end before it listens for that would never end by itself.
        workers_kill_timeout=_LAST_REQUESTS,
        websockets=False,
        log_dictconfig=_with_decisions(LOGGING_CONFIG | _LOGGING) if log_requests else _LOGGING,
        log_level=LogLevels.warning if invocation.output.quiet else LogLevels.info,
    )
    shown = f"[{host}]" if ":" in host else host
    ended = threading.Event()

    def announce() -> None:
        if _listening(host, port, ended):
            url = f"http://{shown}:{port}"
            _announce(invocation, url, "granian", with_console=with_console)

    # granian says that it listens before its workers do.
    server.on_startup(threading.Thread(target=announce, daemon=True).start)
    try:
        server.serve()
    finally:
        ended.set()
    invocation.output.note("Stopped.")


def _listening(host: str, port: int, ended: threading.Event) -> bool:
    """Wait until the server can be connected to; False where it ended before."""
    local = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104 -- compared, not bound
    while not ended.wait(_POLL):
        with suppress(OSError), socket.create_connection((local, port), timeout=_PATIENCE):
            return True
    return False


def _free_port(host: str, port: int) -> int:
    """Tell early, in one line, whether the port can be had; 0 becomes a free one."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as trial:
        trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            trial.bind((host, port))
        except OSError as error:
            raise _cannot_listen(host, port, error) from None
        return int(trial.getsockname()[1])


def _cannot_listen(host: str, port: int, error: OSError) -> ConfigurationError:
    # A name that is none has a number of its own, outside of errno.
    of_host = isinstance(error, socket.gaierror) or error.errno == errno.EADDRNOTAVAIL
    return ConfigurationError(
        f"Cannot listen on {host} port {port}: {error.strerror or error}."
        f" Choose another {'--host' if of_host else '--port'}."
    )
