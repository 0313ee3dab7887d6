"""Plugins and mounts that each break one rule; `test_broken_plugins` runs their contracts.

Each class says in `breaks` which test of its contract must notice.
"""

import json
import sqlite3
import threading
from collections.abc import Mapping, Sequence
from contextlib import suppress

import pytest
from msgspec.structs import replace

from orderflow_bridge.domain.payment import PaymentReport
from orderflow_bridge.domain.product import Product
from orderflow_bridge.testing import CatalogueContract, HostContract, PaymentsContract
from orderflow_bridge.wsgi import BridgeWSGI
from tests.hosts.hosts import WSGIHost, wsgi_site

TEA = Product(sku="tea", name="Tea", unit_price=250)
MUG = Product(sku="mug-1", name="Mug", unit_price=339, tax_class="zero")
SELLS = {"tea": TEA, "mug-1": MUG}


def find(skus: Sequence[str], currency: str) -> dict[str, Product]:
    """Answer as a catalogue should."""
    return {
        sku: SELLS[sku] if currency == "GBP" else replace(SELLS[sku], unit_price=None)
        for sku in skus
        if sku in SELLS
    }


class Catalogue(CatalogueContract):
    """A catalogue that is its own contract's plugin: `find` is what is broken."""

    sells = SELLS
    unsold = "gone"

    @pytest.fixture
    def catalogue(self):
        return self


class TestSellsForAnotherPrice(Catalogue):
    breaks = "test_it_finds_what_it_sells"

    def find(self, skus, currency):
        return {sku: replace(one, unit_price=1) for sku, one in find(skus, currency).items()}


class TestInventsProducts(Catalogue):
    breaks = "test_what_is_not_sold_is_missing"

    def find(self, skus, currency):
        return {sku: Product(sku=sku, name=sku, unit_price=0) for sku in skus}


class TestGivesTheWholeShop(Catalogue):
    breaks = "test_nothing_is_given_that_was_not_asked"

    def find(self, skus, currency):
        return find(list(SELLS), currency)


class TestRefusesARepeatedSku(Catalogue):
    breaks = "test_a_sku_asked_twice_is_one_product"

    def find(self, skus, currency):
        if len(set(skus)) < len(skus):
            raise ValueError("a sku came twice")
        return find(skus, currency)


class TestHidesWhatHasNoPrice(Catalogue):
    breaks = "test_another_currency_has_no_price"

    def find(self, skus, currency):
        return find(skus, currency) if currency == "GBP" else {}


class TestHasFloats(Catalogue):
    breaks = "test_amounts_are_minor_units"

    def find(self, skus, currency):
        found = find(skus, currency)
        return {
            sku: replace(one, unit_price=one.unit_price and float(one.unit_price))
            for sku, one in found.items()
        }


class TestHasNoNames(Catalogue):
    breaks = "test_texts_are_texts"

    def find(self, skus, currency):
        return {sku: replace(one, name="") for sku, one in find(skus, currency).items()}


class TestFoldsCase(Catalogue):
    breaks = "test_skus_compare_as_bytes"

    def find(self, skus, currency):
        return find([sku.lower() for sku in skus], currency)


class TestPastesSkusIntoSQL(Catalogue):
    breaks = "test_any_sku_may_be_asked"

    def find(self, skus, currency):
        database = sqlite3.connect(":memory:")
        try:
            database.execute("CREATE TABLE product AS SELECT 'tea' AS sku UNION SELECT 'mug-1'")
            rows = [
                row[0]
                for sku in skus
                for row in database.execute(f"SELECT sku FROM product WHERE sku = '{sku}'")
            ]
            return find(rows, currency)
        finally:
            database.close()


class TestReadsOnePage(Catalogue):
    breaks = "test_a_large_cart_comes_in_one_call"

    def find(self, skus, currency):
        return find(skus[:999], currency)


class TestBelongsToOneThread(Catalogue):
    breaks = "test_any_thread_may_ask"

    def find(self, skus, currency):
        if threading.current_thread() is not threading.main_thread():
            raise RuntimeError("made in another thread")
        return find(skus, currency)


class TestMakesWhatIsMissing(Catalogue):
    breaks = "test_asking_changes_nothing"

    made = {}

    def find(self, skus, currency):
        found = {sku: one for sku, one in self.made.items() if sku in skus} | find(skus, currency)
        for sku in set(skus) - set(SELLS):
            self.made[sku] = Product(sku=sku, name=sku, unit_price=0)
        return found


REPORTS = {
    "pi_waits": PaymentReport(state="pending", amount=4200, currency="GBP"),
    "pi_paid": PaymentReport(state="paid", amount=300, currency="JPY"),
}


class Provider(PaymentsContract):
    """A provider that is its own contract's plugin: `find` is what is broken."""

    known = REPORTS
    unknown = "pi_never"

    @pytest.fixture
    def payments(self):
        return self


class TestReportsInMajorUnits(Provider):
    breaks = "test_it_reports_what_the_provider_knows"

    def find(self, intent):
        report = REPORTS.get(intent)
        return report and replace(report, amount=report.amount // 100)


class TestKnowsEverything(Provider):
    breaks = "test_an_unknown_intent_is_none"

    def find(self, intent):
        return REPORTS.get(intent) or PaymentReport(state="pending", amount=0, currency="GBP")


class TestReportsOnce(Provider):
    breaks = "test_the_same_question_has_the_same_answer"

    left = dict(REPORTS)

    def find(self, intent):
        return self.left.pop(intent, None)


class TestPaysWhatIsAsked(Provider):
    breaks = "test_asking_moves_no_intent"

    reports = dict(REPORTS)

    def find(self, intent):
        report = self.reports.get(intent)
        self.reports[intent] = PaymentReport(state="paid", amount=1, currency="GBP")
        return report


class TestFoldsIntents(Provider):
    breaks = "test_intents_compare_as_bytes"

    def find(self, intent):
        return REPORTS.get(intent.lower())


class TestReportsFloats(Provider):
    breaks = "test_a_report_is_in_minor_units"

    def find(self, intent):
        report = REPORTS.get(intent)
        return report and replace(report, amount=float(report.amount))


class TestAnswersOneThread(Provider):
    breaks = "test_any_thread_may_ask_of_an_intent"

    def find(self, intent):
        if threading.current_thread() is not threading.main_thread():
            raise RuntimeError("made in another thread")
        return REPORTS.get(intent)


class TestSwallowsAnOutage(Provider):
    breaks = "test_a_provider_that_cannot_be_reached_is_an_error"

    @pytest.fixture
    def unreachable(self):
        return self

    def find(self, intent):
        with suppress(ConnectionError):
            raise ConnectionError("down")


class Site(HostContract):
    """A WSGI site with the bridge; `before` and `after` are what the site does to the traffic."""

    page = ("/hello", b"hello")

    @pytest.fixture
    def send(self, bridge):
        host = WSGIHost(BridgeWSGI(wsgi_site(), bridge=bridge))

        def send(method, path, headers, body):
            method, path, headers, body = self.before(method, path, dict(headers), body)
            status, answered, document = host.send(method, path, headers.items(), body)
            status, answered, document = self.after(status, dict(answered), document)
            return status, answered.items(), document

        return send

    def before(self, method: str, path: str, headers: Mapping[str, str], body: bytes):
        return method, path, headers, body

    def after(self, status: int, headers: Mapping[str, str], body: bytes):
        return status, headers, body


class TestWritesJSONAnew(Site):
    breaks = "test_a_purchase_has_the_same_bytes"

    def after(self, status, headers, body):
        return status, headers, json.dumps(json.loads(body)).encode()


class TestDropsAHeader(Site):
    breaks = "test_a_repeated_request_has_the_same_bytes"

    def after(self, status, headers, body):
        headers.pop("idempotent-replayed", None)
        return status, headers, body


class TestDecodesBodies(Site):
    breaks = "test_a_refused_body_has_the_same_bytes"

    def before(self, method, path, headers, body):
        return method, path, headers, body.decode("utf-8", "replace").encode()


class TestSetsTheContentType(Site):
    breaks = "test_a_refused_header_has_the_same_bytes"

    def before(self, method, path, headers, body):
        return method, path, headers | {"Content-Type": "application/json"}, body


class TestMergesSlashes(Site):
    breaks = "test_a_refused_path_has_the_same_bytes"

    def before(self, method, path, headers, body):
        return method, path.replace("//", "/"), headers, body


class TestAnswersMethodsItself(Site):
    breaks = "test_another_method_has_the_same_bytes"

    def after(self, status, headers, body):
        return (405, {}, b"no") if status == 405 else (status, headers, body)


class TestTakesTheWholeSite(Site):
    breaks = "test_pages_outside_the_mount_pass"

    def before(self, method, path, headers, body):
        return method, "/bridge/" + path.removeprefix("/bridge/"), headers, body


class TestMatchesTheFirstLetters(Site):
    breaks = "test_the_mount_ends_where_its_segment_ends"

    def before(self, method, path, headers, body):
        return method, path.replace("/bridges", "/bridge/s"), headers, body
