"""Run a development server: `python -m tests.servers.development NAME PORT`."""

import os
import sys
from importlib import import_module

from orderflow_bridge.cli.serving import DevelopmentServer, until_told_to_stop


def own(port: int) -> None:
    """Serve as `orderflow-bridge serve --development` does."""
    wsgi = import_module("tests.servers.site").wsgi
    with until_told_to_stop() as stop:
        server = DevelopmentServer(wsgi, host="127.0.0.1", port=port, threads=8, quiet=False)
        with server.running():
            stop.wait()


def werkzeug(port: int) -> None:
    """Serve as `flask run` does."""
    wsgi = import_module("tests.servers.site").wsgi
    import_module("werkzeug.serving").run_simple("127.0.0.1", port, wsgi, threaded=True)


def django(port: int) -> None:
    """Serve as `manage.py runserver` does."""
    settings = import_module("django.conf").settings
    if not os.environ.get("DJANGO_SETTINGS_MODULE"):
        settings.configure(SECRET_KEY="only for these tests", USE_TZ=True)
    import_module("django").setup()
    settings.ALLOWED_HOSTS = ["*"]
    settings.WSGI_APPLICATION = "tests.servers.site.wsgi"
    command = import_module("django.core.management").call_command
    command("runserver", f"127.0.0.1:{port}", "--noreload", "--skip-checks")


if __name__ == "__main__":
    _, name, port = sys.argv
    {"own": own, "werkzeug": werkzeug, "django": django}[name](int(port))
