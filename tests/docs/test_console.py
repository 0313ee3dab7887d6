"""docs/console.md: each way into the console that the page shows lets in whom it says."""

import pytest

from tests.docs.blocks import blocks_of, file_of
from tests.hosts.hosts import optional
from tests.rig import RING

optional("jinja2")

PAGE = "console.md"
AT = "/bridge-console/connections"


@pytest.fixture
def site(tmp_path, monkeypatch):
    """Run a file of the page in a folder of its own, and give what it defines."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ORDERFLOW_BRIDGE_MASTER_KEYS", RING)
    monkeypatch.setenv("ORDERFLOW_BRIDGE_DATABASE", f"sqlite:///{tmp_path}/shop.db")
    opened = []

    def run(name, *, last="", **names):
        defined = {"__name__": "site", **names}
        text = file_of(PAGE, name).rstrip()
        if last:
            text = f"{text.rpartition(chr(10))[0]}\n{last}"
        exec(compile(text, name, "exec"), defined)
        opened.append(defined["bridge"])
        defined["bridge"].migrate()
        return defined

    yield run
    for bridge in opened:
        bridge.close()


def by_wsgi(application):
    return optional("webtest").TestApp(application)


def by_asgi(application, peer="127.0.0.1"):
    return optional("starlette.testclient").TestClient(
        application,
        base_url="http://localhost",
        follow_redirects=False,
        client=(peer, 50000),
    )


def test_operators_of_its_own_come_in_by_a_link(site):
    """The console of the page sends a stranger to the sign-in, and a link lets in."""
    defined = site("standalone.py")
    app = by_wsgi(defined["application"])
    assert "sign-in" in app.get(AT, status=303).headers["Location"]
    link = defined["bridge"].sign_ins.offer_link("anna", "admin")
    app.get(f"/bridge-console/sign-in/link?token={link}").form.submit(status=303)
    app.get(AT, status=200)


def test_a_flask_sites_staff_comes_in(site):
    """The site of the page refuses strangers, and lets in whom its function gives a role."""
    optional("flask_login")
    defined = site("flask_site.py")

    class Owner:
        is_authenticated, is_owner = True, True

        def get_id(self):
            return "anna"

    by_wsgi(defined["app"]).get(AT, status=401)
    defined["login_manager"].request_loader(
        lambda request: Owner() if "X-Owner" in request.headers else None
    )
    page = by_wsgi(defined["app"]).get(AT, headers={"X-Owner": "1"}, status=200)
    assert ">admin<" in page


def test_a_flask_site_that_checks_its_forms_exempts_the_console(site):
    """With the line of the page in place of the last one, a form of the console acts."""
    optional("flask_login")
    protection = optional("flask_wtf.csrf")
    [line] = [one.text for one in blocks_of(PAGE) if (one.kind, one.name) == ("line", "exempt")]
    defined = site("flask_site.py", last=line, csrf=protection.CSRFProtect())
    app = defined["app"]
    defined["csrf"].init_app(app)

    class Owner:
        is_authenticated, is_owner = True, True

        def get_id(self):
            return "anna"

    defined["login_manager"].request_loader(lambda request: Owner())
    app.add_url_rule("/buy", "buy", lambda: "bought", methods=["POST"])
    browser = by_wsgi(app)
    browser.post("/buy", {}, status=400)
    form = browser.get("/bridge-console/confirm").form
    form["word"] = "confirm"
    form.submit(status=303)


def test_a_starlette_sites_users_come_in(site):
    """The middleware of the page runs before the console."""
    optional("starlette")
    client = by_asgi(site("starlette_site.py")["app"])
    assert client.get(AT).headers["Location"] == "/login"
    assert client.get(AT, headers={"x-example-only": "anna"}).status_code == 200
    assert client.get(AT, headers={"x-example-only": "carl"}).status_code == 401


def test_whom_a_proxy_signs_in_comes_in(site):
    """The proxy of the page is believed, and nobody else."""
    application = site("proxied.py")["application"]
    named = {"X-Forwarded-User": "anna@shop.example"}
    assert ">admin<" in by_asgi(application, "10.0.0.5").get(AT, headers=named).text
    assert by_asgi(application, "10.0.0.6").get(AT, headers=named).status_code == 401
