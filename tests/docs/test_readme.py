"""What the README tells people to paste does what it says."""

import json
import os
import re
import shutil
import subprocess
import sys
import threading
from importlib.util import find_spec
from pathlib import Path
from wsgiref.simple_server import WSGIRequestHandler, make_server

import pytest

from orderflow_bridge import Bridge, BridgeWSGI, Settings
from tests.rig import RING

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")

BLOCK = re.compile(r"<!-- (\w+): (.+?) -->\n```(\w+)\n(.*?)```\n", re.DOTALL)
BLOCKS = {(kind, name): (language, text) for kind, name, language, text in BLOCK.findall(README)}
MOUNTS = [name.split() for kind, name in BLOCKS if kind == "snippet" and len(name.split()) == 3]

# Loads a module that mounts the bridge, asks it and the site behind it, and prints the two answers.
ASK = """
import asyncio, json, sys
from wsgiref.util import setup_testing_defaults
import page

def ask_wsgi(app, path):
    environ = {"REQUEST_METHOD": "GET", "PATH_INFO": path}
    setup_testing_defaults(environ)
    told = {}
    def start(status, headers, exc_info=None):
        told["status"] = int(status.split()[0])
        return lambda data: None
    body = app(environ, start)
    text = b"".join(body)
    getattr(body, "close", lambda: None)()
    return told["status"], text.decode("utf-8", "replace")

def ask_asgi(app, path):
    sent = []
    given = [{"type": "http.request", "body": b"", "more_body": False}]
    async def receive():
        if not given:
            await asyncio.Event().wait()
        return given.pop()
    async def send(message):
        sent.append(message)
    scope = {"type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": "GET",
             "scheme": "http", "path": path, "raw_path": path.encode(), "query_string": b"",
             "root_path": "", "headers": [(b"host", b"testserver")],
             "client": ("127.0.0.1", 1), "server": ("testserver", 80)}
    asyncio.run(app(scope, receive, send))
    text = b"".join(part.get("body", b"") for part in sent[1:])
    return sent[0]["status"], text.decode("utf-8", "replace")

ask = {"wsgi": ask_wsgi, "asgi": ask_asgi}[sys.argv[1]]
app = getattr(page, sys.argv[2])
print(json.dumps([ask(app, "/bridge/ofc_00000000000000000000/cart.get"), ask(app, "/elsewhere")]))
"""

DJANGO_SETTINGS = """
SECRET_KEY = "only-for-a-test"
ALLOWED_HOSTS = ["*"]
ROOT_URLCONF = "mysite.urls"
"""


def block(kind: str, name: str, language: str) -> str:
    """Give the text of a block; it must be there, in that language."""
    found, text = BLOCKS[kind, name]
    assert found == language
    return text


@pytest.fixture
def site(tmp_path, monkeypatch):
    """Give a folder and the environment of a site whose bridge is set up."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ORDERFLOW_BRIDGE_HOME", str(tmp_path))
    monkeypatch.setenv("ORDERFLOW_BRIDGE_MASTER_KEYS", RING)
    for name in ("DATABASE", "CLIENT_ID", "SECRET"):
        monkeypatch.delenv(f"ORDERFLOW_BRIDGE_{name}", raising=False)
    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
    return tmp_path


def run(*command: str, **options: object) -> str:
    """Run a command that must succeed; give what it printed."""
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=120, check=False, **options
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.parametrize(("framework", "kind", "name"), MOUNTS)
def test_a_mount_answers_under_its_path_and_leaves_the_rest_to_the_site(
    site, framework, kind, name
):
    """Each host's snippet, pasted as it stands, mounts the bridge."""
    if framework != "-" and find_spec(framework) is None:
        pytest.skip(f"{framework} is not installed")
    page = block("snippet", f"{framework} {kind} {name}", "python")
    (site / "page.py").write_text(page, encoding="utf-8")
    package = site / "mysite"
    package.mkdir()
    (package / "__init__.py").touch()
    (package / "settings.py").write_text(DJANGO_SETTINGS, encoding="utf-8")
    (package / "urls.py").write_text("urlpatterns = []\n", encoding="utf-8")
    inside, outside = json.loads(
        run(sys.executable, "-c", ASK, kind, name, env={**os.environ, "PYTHONPATH": str(site)})
    )
    assert inside[0] == 405
    assert json.loads(inside[1])["code"] == "method_not_allowed"
    assert outside[0] == 404
    assert ("request_id" in outside[1]) == (framework == "-")


def test_every_mount_is_tried():
    """The README has a snippet for each host it names."""
    assert {framework for framework, _, _ in MOUNTS} == {
        "-", "django", "fastapi", "flask", "starlette",
    }  # fmt: skip


@pytest.mark.skipif(find_spec("click") is None, reason="the command line needs Click")
def test_the_set_up_leads_to_a_cart(site, monkeypatch):
    """The commands make a shop with a product and a storefront that fills a cart."""
    monkeypatch.delenv("ORDERFLOW_BRIDGE_MASTER_KEYS")
    shown = run("bash", "-euo", "pipefail", "-c", block("snippet", "setup", "sh"))
    assert re.search(r"^ORDERFLOW_BRIDGE_SECRET=ofs_[\w-]{43}$", shown, re.MULTILINE)
    assert '"total": 678' in shown
    assert (site / "orderflow-bridge.keys").stat().st_mode & 0o077 == 0


def test_the_hosts_snippet_runs(site):
    """Connections, settlement and orders in Python, as shown."""
    shown = run(sys.executable, "-c", block("snippet", "host", "python"))
    assert re.search(r"ofc_\w{20} ofs_[\w-]{43}", shown)


def test_the_settings_are_settings(site):
    """The TOML of the README is accepted as it stands."""
    text = block("snippet", "settings", "toml")
    (site / "orderflow-bridge.toml").write_text(text, encoding="utf-8")
    settings = Settings.load()
    assert settings.shipping[0].free_from == {"GBP": 5000}
    assert settings.tax[0].rate == "20"


class _Quiet(WSGIRequestHandler):
    def log_message(self, *_arguments):
        pass


@pytest.fixture
def shop(site, monkeypatch):
    """Serve a shop on loopback; the environment is its storefront's."""
    with Bridge.open("memory://", master_keys=RING) as bridge:
        products = site / "products.csv"
        products.write_text("sku,name,price,currency\nmug,Mug,3.39,GBP\n", encoding="utf-8")
        bridge.catalogue.import_csv(products)
        made = bridge.connections.create(
            "Storefront", scopes=["carts:read", "carts:write"], currency="GBP"
        )
        application = BridgeWSGI(bridge=bridge)
        with make_server("127.0.0.1", 0, application, handler_class=_Quiet) as server:
            thread = threading.Thread(target=server.serve_forever, daemon=True)
            thread.start()
            monkeypatch.setenv("SHOP", f"http://127.0.0.1:{server.server_port}")
            monkeypatch.setenv("ORDERFLOW_BRIDGE_CLIENT_ID", made.connection.client_id)
            monkeypatch.setenv("ORDERFLOW_BRIDGE_SECRET", made.secret)
            for proxy in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
                monkeypatch.delenv(proxy, raising=False)
            yield
            server.shutdown()
            thread.join()


@pytest.mark.skipif(
    not (shutil.which("openssl") and shutil.which("curl") and shutil.which("bash")),
    reason="needs openssl, curl and bash",
)
def test_a_shell_with_openssl_and_curl_is_a_storefront(shop):
    """The protocol needs no client library."""
    script = block("snippet", "sign", "sh")
    [made] = documents(run("bash", "-euo", "pipefail", "-c", script))
    assert made["totals"]["total"] == 678
    script += f"bridge cart.get '{json.dumps({'cart_id': made['cart_id']})}'\n"
    _another, read = documents(run("bash", "-euo", "pipefail", "-c", script))
    assert read == made


def documents(text: str) -> list[object]:
    """Read JSON documents that follow each other without a break."""
    found = []
    while text := text.strip():
        document, end = json.JSONDecoder().raw_decode(text)
        found.append(document)
        text = text[end:]
    return found


def test_the_python_signer_is_a_storefront(shop):
    """The client of the package signs with the standard library."""
    shown = run(sys.executable, "-c", block("snippet", "python-sign", "python"))
    assert re.fullmatch(r"cart_[0-9A-HJKMNP-TV-Z]{26}\n", shown)


@pytest.mark.parametrize("name", ["demo", "test"])
def test_the_two_commands_are_one_line_each(name):
    """They can be pasted, and the build runs exactly them."""
    command = block("run", name, "sh")
    assert command.count("\n") == 1
    assert README.index(f"<!-- run: {name} -->") < README.index("\n## ")
