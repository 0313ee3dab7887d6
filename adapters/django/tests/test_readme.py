"""A plain Django project gets the bridge by the README alone."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

README = (Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8")
BLOCKS = dict(re.findall(r"<!-- snippet: (\w+) -->\n```\w+\n(.*?)```", README, re.DOTALL))


@pytest.fixture
def project(tmp_path):
    """Give the environment and the folder of what `django-admin startproject` makes."""
    left_out = ("ORDERFLOW_BRIDGE_", "DJANGO_", "OFB_TEST_DJANGO")
    environ = {name: value for name, value in os.environ.items() if not name.startswith(left_out)}
    # The apps of these tests are none of the project's.
    own = {str(Path(__file__).parent)}
    environ["PYTHONPATH"] = os.pathsep.join(path for path in sys.path if path not in own)
    environ["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{environ['PATH']}"

    def run(command: str) -> str:
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", command],
            cwd=tmp_path, env=environ, capture_output=True, text=True, timeout=120, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    run(f"{sys.executable} -m django startproject mysite .")
    return tmp_path, run


def append(file: Path, name: str) -> None:
    """Paste a block at the end of a file."""
    file.write_text(file.read_text() + "\n" + BLOCKS[name], encoding="utf-8")


def test_five_steps_lead_to_a_cart(project):
    """Each block pasted as it stands, each command typed as it stands."""
    folder, run = project
    append(folder / "mysite" / "settings.py", "settings")
    append(folder / "mysite" / "urls.py", "urls")
    run(BLOCKS["setup"])
    shown = run(BLOCKS["stock"])
    assert re.search(r"^ORDERFLOW_BRIDGE_SECRET=ofs_[\w-]{43}$", shown, re.MULTILINE)
    assert '"total": 678' in run(BLOCKS["try"])
    assert "no issues" in run("python manage.py check --fail-level WARNING")
    (folder / "ask.py").write_text(
        "from django.test import Client\n"
        "there = '/bridge/ofc_00000000000000000000/cart.get'\n"
        "client = Client(headers={'host': 'localhost'})\n"
        "answer = client.post(there, '{}', content_type='application/json')\n"
        "print(answer.status_code, answer.json()['code'])\n"
    )
    asked = run("python manage.py shell -v 0 < ask.py")
    assert asked == "401 missing_auth_header\n"
    counted = run(
        'python manage.py shell -v 0 -c "from orderflow_bridge_django.models import Cart;'
        'print(Cart.objects.get().total)"'
    )
    assert counted == "678\n"


def test_the_catalogue_and_the_receiver_of_the_readme_work(project):
    """A model of the site's own is sold, and its receiver hears of the order that is paid."""
    folder, run = project
    append(folder / "mysite" / "settings.py", "settings")
    run("python manage.py startapp shop && orderflow-bridge init")
    (folder / "shop" / "models.py").write_text(
        "from django.db import models\n\n\nclass Product(models.Model):\n"
        "    sku = models.CharField(max_length=64, unique=True)\n"
        "    title = models.CharField(max_length=200)\n"
        "    pence = models.PositiveIntegerField()\n"
        "    for_sale = models.BooleanField(default=True)\n"
    )
    (folder / "shop" / "catalogue.py").write_text(BLOCKS["catalogue"])
    (folder / "shop" / "receivers.py").write_text(BLOCKS["signals"])
    settings = folder / "mysite" / "settings.py"
    settings.write_text(
        settings.read_text()
        + "\nINSTALLED_APPS += ['shop']\n"
        + "ORDERFLOW_BRIDGE['CATALOGUE'] = 'shop.catalogue.catalogue'\n"
    )
    run("python manage.py makemigrations shop && python manage.py migrate")
    (folder / "buy.py").write_text(
        "import shop.receivers\n"
        "from orderflow_bridge_django.bridge import get_bridge\n"
        "from shop.models import Product\n"
        "from orderflow_bridge.testing.samples import ADDRESS\n"
        "from orderflow_bridge.testing import SigningApp\n"
        "from django.conf import settings\n"
        "from orderflow_bridge import BridgeWSGI\n"
        "Product.objects.create(sku='mug', title='Mug', pence=339)\n"
        "bridge = get_bridge()\n"
        "made = bridge.connections.create('A', scopes=['carts:write', 'orders:write'])\n"
        "front = SigningApp(BridgeWSGI(bridge=bridge), client_id=made.connection.client_id,"
        " secret=made.secret)\n"
        "cart = front.call('cart.create', currency='GBP', items=[{'sku': 'mug', 'quantity': 2}])\n"
        "order = front.call('convertToOrder', cart_id=cart.json['cart_id'],"
        " customer={'email': 'zoe@example.com'}, payment_intent='pi_0001',"
        " shipping_address={'name': 'Zoe', 'line1': '1 High St', 'city': 'Leeds',"
        " 'country': 'GB'})\n"
        "assert order.status_int == 200, order.json\n"
        "bridge.settle('pi_0001', amount=678, currency='GBP')\n"
    )
    shown = run("python manage.py shell -v 0 < buy.py")
    assert re.search(r"Pack OF-\d{6} for Zoe\.", shown)
