import csv
import io
from contextlib import contextmanager
from types import SimpleNamespace

import msgspec
import pytest

from orderflow_bridge.catalogue.catalogue import Catalogue
from orderflow_bridge.catalogue.csv_import import CatalogueFileError, import_csv
from orderflow_bridge.catalogue.report import ImportReport
from orderflow_bridge.domain.errors import Conflict, StorageUnavailable
from orderflow_bridge.domain.money import MAX_AMOUNT
from orderflow_bridge.domain.product import CatalogueEntry, Product

PLAIN = "sku,name,price,currency,stock,tax_class\n"
SHOPIFY = (
    "Handle,Title,Body (HTML),Published,Option1 Name,Option1 Value,Option2 Name,Option2 Value,"
    "Variant SKU,Variant Inventory Tracker,Variant Inventory Qty,Variant Inventory Policy,"
    "Variant Price,Variant Taxable,Image Src,Status\n"
)


class Shelf:
    """A storage that keeps products only."""

    def __init__(self):
        self.products = {}
        self.batches = []
        self.units = 0
        self.conflicts = 0

    @contextmanager
    def writing(self):
        """Commit when left, or take everything back."""
        self.units += 1
        before = dict(self.products)
        try:
            yield SimpleNamespace(products=self)
        except BaseException:
            self.products = before
            raise
        if self.conflicts:
            self.conflicts -= 1
            self.products = before
            raise Conflict

    @contextmanager
    def reading(self):
        """Read."""
        yield SimpleNamespace(products=self)

    def put(self, entries):
        """Add or replace, merging prices."""
        self.batches.append(len(entries))
        for entry in entries:
            old = self.products.get(entry.sku)
            prices = (old.prices if old else {}) | entry.prices
            self.products[entry.sku] = msgspec.structs.replace(entry, prices=prices)

    def page(self, *, after, limit):
        """Give a page in sku order."""
        return [self.products[sku] for sku in sorted(self.products) if sku > after][:limit]

    def find(self, skus, currency):
        """Give the products there are."""
        return {
            sku: Product(sku=sku, name=entry.name, unit_price=entry.prices.get(currency))
            for sku in skus
            if (entry := self.products.get(sku))
        }


@pytest.fixture
def shelf():
    """Give an empty storage."""
    return Shelf()


def stored(shelf):
    """Give what the storage has, as an operator sees it."""
    return {entry.sku: entry for entry in Catalogue(shelf).entries()}


def load(shelf, text, **options):
    """Import text."""
    return import_csv(io.BytesIO(text.encode()), storage=shelf, **options)


def shopify(**values):
    """Write one row of a Shopify export."""
    line = io.StringIO()
    columns = SHOPIFY.strip().split(",")
    csv.DictWriter(line, columns, restval="", lineterminator="\n").writerow(
        {column: values.pop(column.replace(" ", "_").lower(), "") for column in columns}
    )
    assert not values
    return line.getvalue()


# --- The plain columns ---------------------------------------------------------------------------


def test_plain_rows_become_products(shelf):
    """Every column is read; empty stock is untracked and an empty tax class the default."""
    report = load(
        shelf, PLAIN + 'A1,Heart,3.39,GBP,12,books\nB2,Lamp,"1,299.00",gbp,,\nC3,Pen,3,JPY,0,\n'
    )
    assert report == ImportReport(imported=3)
    assert stored(shelf) == {
        "A1": CatalogueEntry(
            sku="A1", name="Heart", prices={"GBP": 339}, tax_class="books", stock=12
        ),
        "B2": CatalogueEntry(sku="B2", name="Lamp", prices={"GBP": 129_900}),
        "C3": CatalogueEntry(sku="C3", name="Pen", prices={"JPY": 3}, stock=0),
    }


def test_optional_columns_may_be_missing_and_in_any_order(shelf):
    """Three columns and a default currency are enough."""
    report = load(shelf, "Price,SKU,Name\n3.39, A1 ,Heart\n", default_currency="GBP")
    assert report.imported == 1
    assert stored(shelf)["A1"] == CatalogueEntry(sku="A1", name="Heart", prices={"GBP": 339})


def test_an_empty_currency_takes_the_default(shelf):
    """The row's own currency wins over the default."""
    load(shelf, PLAIN + "A,A,3,,,\nB,B,3,EUR,,\n", default_currency="GBP")
    assert stored(shelf)["A"].prices == {"GBP": 300}
    assert stored(shelf)["B"].prices == {"EUR": 300}


def test_a_sku_in_several_currencies_is_one_product(shelf):
    """Its prices merge, however far apart the rows are."""
    others = "".join(f"X{index},X,1,GBP,,\n" for index in range(1200))
    report = load(shelf, PLAIN + "A,A,3,GBP,5,\nA,A,4,EUR,5,\n" + others + "A,A,500,JPY,5,\n")
    assert report.imported == 1201
    expected = CatalogueEntry(
        sku="A", name="A", prices={"GBP": 300, "EUR": 400, "JPY": 500}, stock=5
    )
    assert stored(shelf)["A"] == expected


def test_importing_again_replaces(shelf):
    """The file is the truth about what it names, and says nothing about the rest."""
    load(shelf, PLAIN + "A,Old,3,GBP,5,\nB,B,1,GBP,,\n")
    load(shelf, PLAIN + "A,New,4,GBP,,\n")
    assert stored(shelf)["A"] == CatalogueEntry(sku="A", name="New", prices={"GBP": 400})
    assert "B" in stored(shelf)


@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
@pytest.mark.parametrize("kind", ["path", "name", "binary", "text"])
def test_a_file_with_any_line_ends_and_mark_is_read(shelf, tmp_path, kind, end, mark):
    """Windows and Unix line ends, with or without a byte order mark, from disk or an open file."""
    path = tmp_path / "products.csv"
    text = mark + PLAIN + "\nÄ1,Käse,3.39,GBP,,\n,,,,,\n"
    path.write_bytes(text.replace("\n", end).encode())
    sources = {"path": path, "name": str(path)}
    if kind in sources:
        report = import_csv(sources[kind], storage=shelf)
    else:
        with path.open("rb") if kind == "binary" else path.open(encoding="utf-8") as file:
            report = import_csv(file, storage=shelf)
    assert report == ImportReport(imported=1)
    assert stored(shelf)["Ä1"].name == "Käse"


def test_a_source_need_not_be_seekable(shelf):
    """A pipe is read once."""

    class Pipe(io.StringIO):
        def seek(self, *_):
            raise io.UnsupportedOperation

        def seekable(self):
            return False

    assert import_csv(Pipe(PLAIN + "A,A,3,GBP,,\n"), storage=shelf).imported == 1


@pytest.mark.parametrize(
    ("row", "message"),
    [
        (",Heart,3,GBP,,", "the sku is missing"),
        ("A" * 65 + ",Heart,3,GBP,,", "is not a sku"),
        ("A\x00,Heart,3,GBP,,", "is not a sku"),
        ("A\u200b,Heart,3,GBP,,", "is not a sku"),
        ("A,,3,GBP,,", "the name is missing"),
        ("A," + "n" * 301 + ",3,GBP,,", "is not a name"),
        ("A,He\x00art,3,GBP,,", "is not a name"),
        ('A,"He\nart",3,GBP,,', "is not a name"),
        ("A,Heart,,GBP,,", "is not a price"),
        ('A,Heart,"1,299",GBP,,', "is not a price"),
        ("A,Heart,-1,GBP,,", "is not a price"),
        ("A,Heart,90071992547409.92,GBP,,", "is too much"),
        ("A,Heart,3,,,", "the currency is missing"),
        ("A,Heart,3,POUND,,", "'POUND' is not a currency"),
        ("A,Heart,3,GBP,-1,", "'-1' is not a stock"),
        ("A,Heart,3,GBP,1.5,", "'1.5' is not a stock"),
        ("A,Heart,3,GBP,\u0661,", "is not a stock"),
        (f"A,Heart,3,GBP,{2**53},", "the stock must be from 0"),
        ("A,Heart,3,GBP,1,b\x07", "is not a tax class"),
        ("A,Heart,3,GBP,1", "5 fields, the header 6"),
        ("A,Heart,3,GBP,1,,", "7 fields, the header 6"),
        ('A,"He"art,3,GBP,,', "a closing quote"),
        ("A," + "n" * 200_000 + ",3,GBP,,", "a field is too long"),
    ],
)
def test_a_wrong_row_is_reported_and_nothing_is_imported(shelf, row, message):
    """One wrong row refuses the file; its line and the fix are named."""
    report = load(shelf, PLAIN + f"G1,Good,1,GBP,,\n{row}\nG2,Good,1,GBP,,\n")
    ((line, found),) = report.problems
    assert line == 3
    assert message in found
    assert report.refused
    assert (report.imported, report.skipped) == (0, 0)
    assert shelf.units == 0


def test_wrong_rows_can_be_left_out(shelf):
    """With skip_bad the good rows are imported and the wrong ones reported."""
    text = PLAIN + 'G1,Good,1,GBP,,\nA,,1,GBP,,\nB,"B"b,1,GBP,,\nG2,Good,1,GBP,,\n'
    report = load(shelf, text, skip_bad=True)
    assert (report.imported, report.skipped, report.refused) == (2, 2, False)
    assert [line for line, _ in report.problems] == [3, 4]
    assert sorted(stored(shelf)) == ["G1", "G2"]


def test_a_row_is_named_by_the_line_it_starts_on(shelf):
    """Line breaks inside quotes count as lines of the file."""
    text = "Handle,Title,Body (HTML),Variant SKU,Variant Price\n"
    text += 'a,A,"one\ntwo\nthree",A1,1\nb,B,"one\ntwo",B1,bad\nc,C,,C1,worse\n'
    report = load(shelf, text, default_currency="GBP")
    assert [line for line, _ in report.problems] == [5, 7]


def test_only_the_first_thousand_problems_are_kept(shelf):
    """The rest are counted, so that a wrong file does not fill the memory."""
    report = load(shelf, PLAIN + "A,,1,GBP,,\n" * 1500)
    assert (len(report.problems), report.more_problems) == (1000, 500)


def test_a_sku_twice_in_one_currency_names_both_lines(shelf):
    """The file contradicts itself; the operator sees where."""
    text = PLAIN + "A,A,3,GBP,,\nA,A,4,EUR,,\nA,A,3,GBP,,\nA,A,4,EUR,,\n"
    report = load(shelf, text, skip_bad=True)
    assert [line for line, _ in report.problems] == [4, 5]
    assert "in GBP on line 2" in report.problems[0][1]
    assert "in EUR on line 3" in report.problems[1][1]
    assert stored(shelf)["A"].prices == {"GBP": 300, "EUR": 400}


def test_rows_of_one_sku_must_agree(shelf):
    """Two names or two stocks for one product are a contradiction."""
    report = load(shelf, PLAIN + "A,A,3,GBP,5,\nA,A,4,EUR,6,\n")
    assert "is on line 2 with another name, stock" in report.problems[0][1]


def test_a_wrong_row_does_not_make_a_later_one_its_twin(shelf):
    """Only rows that are imported count as there already."""
    report = load(shelf, PLAIN + "A,A,bad,GBP,,\nA,A,3,GBP,,\n", skip_bad=True)
    assert (report.imported, report.skipped) == (1, 1)


# --- Files that are refused as a whole ------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        ("", 1, "empty"),
        ("\n\n", 1, "empty"),
        ("A1,Heart,3.39,GBP\n", 1, "sku,name,price"),
        ("sku;name;price\n", 1, "separated by commas"),
        ("id,title\n", 1, "Shopify"),
        ("sku,name\n", 1, "sku,name,price"),
        ("\nsku,name,price,stok\n", 2, "'stok' is not known"),
        ("sku,name,price,sku\n", 1, "sku is there twice"),
        ("sku,name,price\nA,A,3\n", 1, "no column currency"),
        (SHOPIFY, 1, "default currency"),
        ('"sku"x,name,price\n', 1, "closing quote"),
        ("sku,name,price\rA,A,3\r", 1, "a carriage return stands alone"),
        ("s\0k\0u\0,\0", 1, "not UTF-8"),
        (PLAIN + 'A,"open,3,GBP,,\nB,B,3,GBP,,\n', 2, "never closed (the row runs to line 3)"),
        (PLAIN + 'A,"open,3,GBP,,\n' + "B,B,3,GBP,,\n" * 20_000, 2, "is a quote left open?"),
        (PLAIN + 'A,"open,3,GBP,,\n"B",B,3,GBP,,\n', 2, "a closing quote"),
        (PLAIN + "A," + "n" * 2_000_000, 2, "the line is longer"),
    ],
)
def test_a_file_that_cannot_be_understood_is_refused(shelf, text, line, message):
    """Even with skip_bad: nobody can tell what its rows are."""
    for skip_bad in (False, True):
        with pytest.raises(CatalogueFileError, match=rf"^Line {line}: ") as refused:
            load(shelf, text, skip_bad=skip_bad)
        assert message in str(refused.value)
        assert refused.value.line == line
    assert shelf.units == 0


@pytest.mark.parametrize("kind", ["binary", "text"])
@pytest.mark.parametrize("line", [2, 3, 1500])
def test_a_wrong_encoding_is_refused_with_its_line(shelf, tmp_path, kind, line):
    """The line is exact, however far ahead the file is decoded."""
    path = tmp_path / "products.csv"
    rows = [f"A{index},Heart,3,GBP,," for index in range(2000)]
    rows[line - 2] = "A,Käse,3,GBP,,"
    path.write_bytes((PLAIN + "\n".join(rows)).encode("latin-1"))
    with (
        path.open("rb") if kind == "binary" else path.open(encoding="utf-8") as file,
        pytest.raises(CatalogueFileError, match=rf"^Line {line}: the text is not UTF-8"),
    ):
        import_csv(file, storage=shelf)


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le"])
def test_a_spreadsheets_unicode_text_is_refused(shelf, encoding):
    """UTF-16 is named as a wrong encoding, not as unknown columns."""
    with pytest.raises(CatalogueFileError, match="not UTF-8"):
        import_csv(io.BytesIO(PLAIN.encode(encoding)), storage=shelf)


def test_a_default_currency_must_exist(shelf):
    """A typo is refused before the file is read."""
    with pytest.raises(ValueError, match="'gbp' is not a currency"):
        load(shelf, PLAIN, default_currency="gbp")


def test_the_limit_on_csv_fields_of_the_process_stays(shelf):
    """The host's own CSV code sees nothing of an import."""
    before = csv.field_size_limit()
    load(shelf, PLAIN + "A," + "n" * 200_000 + ",3,GBP,,\n")
    assert csv.field_size_limit() == before


# --- A Shopify product export ---------------------------------------------------------------------


def test_every_variant_of_a_shopify_export_is_a_product(shelf):
    """Variants on more rows inherit the title; rows of images are nothing."""
    text = SHOPIFY
    text += shopify(
        handle="tee", title="Tee", published="true", option1_name="Size", option1_value="S",
        option2_name="Colour", option2_value="Red", variant_sku="T-S", variant_inventory_qty="4",
        variant_inventory_tracker="shopify", variant_inventory_policy="deny",
        variant_price="19.99", variant_taxable="true", status="active",
    )  # fmt: skip
    text += shopify(
        handle="tee", option1_value="M", option2_value="Red", variant_sku="T-M",
        variant_inventory_tracker="shopify", variant_inventory_qty="-2", variant_price="19.99",
    )  # fmt: skip
    text += shopify(handle="tee", image_src="https://example.com/tee.jpg")
    text += shopify(
        handle="mug", title="Mug", option1_name="Title", option1_value="Default Title",
        variant_sku="MUG", variant_price="8", variant_taxable="false", status="draft",
    )  # fmt: skip
    report = load(shelf, text, default_currency="GBP")
    assert report == ImportReport(imported=3)
    assert stored(shelf) == {
        "T-S": CatalogueEntry(sku="T-S", name="Tee - S / Red", prices={"GBP": 1999}, stock=4),
        "T-M": CatalogueEntry(sku="T-M", name="Tee - M / Red", prices={"GBP": 1999}, stock=0),
        "MUG": CatalogueEntry(
            sku="MUG", name="Mug", prices={"GBP": 800}, tax_class="exempt", active=False
        ),
    }


@pytest.mark.parametrize(
    ("status", "published", "active"),
    [
        ("active", "true", True),
        ("Active", "false", True),
        ("draft", "true", False),
        ("archived", "", False),
        ("", "FALSE", False),
        ("", "true", True),
        ("", "", True),
    ],
)
def test_a_shopify_status_decides_what_is_for_sale(shelf, status, published, active):
    """Without a status, what is published is for sale; variants inherit it."""
    text = SHOPIFY + shopify(
        handle="a", title="A", variant_sku="A", variant_price="1", status=status,
        published=published,
    ) + shopify(handle="a", variant_sku="B", variant_price="1", option1_value="B")  # fmt: skip
    load(shelf, text, default_currency="GBP")
    assert [entry.active for entry in stored(shelf).values()] == [active, active]


@pytest.mark.parametrize(
    ("tracker", "quantity", "policy", "stock"),
    [
        ("shopify", "7", "deny", 7),
        ("shopify", "7", "", 7),
        ("shopify", "7", "continue", None),
        ("", "7", "deny", None),
    ],
)
def test_shopify_stock_is_tracked_where_it_limits_sales(shelf, tracker, quantity, policy, stock):
    """What Shopify sells on at zero is not tracked here either."""
    text = SHOPIFY + shopify(
        handle="a", title="A", variant_sku="A", variant_price="1",
        variant_inventory_tracker=tracker, variant_inventory_qty=quantity,
        variant_inventory_policy=policy,
    )  # fmt: skip
    load(shelf, text, default_currency="GBP")
    assert stored(shelf)["A"].stock == stock


def test_a_shopify_export_without_quantities_is_untracked(shelf):
    """Shops with several locations have their quantities elsewhere."""
    text = "Handle,Title,Variant SKU,Variant Inventory Tracker,Variant Price\na,A,A,shopify,1\n"
    load(shelf, text, default_currency="GBP")
    assert stored(shelf)["A"].stock is None


def test_the_newer_names_of_shopifys_columns_are_known(shelf):
    """Shopify renamed its columns; both exports are read."""
    text = "Title,URL handle,Status,SKU,Option1 value,Price,Charge tax,Inventory tracker,"
    text += "Inventory quantity,Continue selling when out of stock\n"
    text += "Tee,tee,Active,T,S,19.99,TRUE,shopify,3,DENY\n"
    load(shelf, text, default_currency="GBP")
    expected = CatalogueEntry(sku="T", name="Tee - S", prices={"GBP": 1999}, stock=3)
    assert stored(shelf) == {"T": expected}


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"handle": "a", "title": "A", "variant_price": "1"}, "the sku is missing"),
        ({"handle": "a", "title": "A", "variant_sku": "A"}, "is not a price"),
        ({"handle": "b", "variant_sku": "B", "variant_price": "1"}, "'b' must have it"),
        ({"title": "A", "variant_sku": "A", "variant_price": "1"}, "the handle is missing"),
        (
            {
                "handle": "a", "title": "A", "variant_sku": "A", "variant_price": "1",
                "variant_inventory_tracker": "shopify",
            },
            "'' is not a stock",
        ),
    ],
)  # fmt: skip
def test_a_wrong_shopify_row_is_reported(shelf, values, message):
    """A variant that cannot be sold is named, not guessed."""
    first = shopify(handle="z", title="Z", variant_sku="Z", variant_price="1")
    report = load(shelf, SHOPIFY + first + shopify(**values), default_currency="GBP")
    ((line, found),) = report.problems
    assert line == 3
    assert message in found


# --- Writing --------------------------------------------------------------------------------------


def test_an_import_is_one_unit_in_batches(shelf):
    """All rows commit together; the operator sees them pass."""
    seen = []
    rows = "".join(f"A{index},A,1,GBP,,\n" for index in range(1201))
    load(shelf, PLAIN + rows, progress=seen.append)
    assert shelf.units == 1
    assert shelf.batches == [500, 500, 201]
    assert seen == [500, 1000, 1201]


def test_an_import_repeats_its_unit_after_a_conflict(shelf):
    """Someone else's write does not lose the import; three times is enough."""
    shelf.conflicts = 2
    assert load(shelf, PLAIN + "A,A,1,GBP,,\n").imported == 1
    assert sorted(stored(shelf)) == ["A"]
    shelf.conflicts = 3
    with pytest.raises(StorageUnavailable):
        load(shelf, PLAIN + "B,B,1,GBP,,\n")
    assert sorted(stored(shelf)) == ["A"]


def test_an_import_that_fails_midway_leaves_nothing(shelf):
    """A storage that gives up rolls everything back."""

    def stop(written):
        if written > 500:
            raise KeyboardInterrupt

    rows = "".join(f"A{index},A,1,GBP,,\n" for index in range(1201))
    with pytest.raises(KeyboardInterrupt):
        load(shelf, PLAIN + rows, progress=stop)
    assert stored(shelf) == {}


# --- The operator's catalogue ---------------------------------------------------------------------


def test_entries_are_given_in_sku_order_page_by_page(shelf):
    """All of them, from a sku on, and no more than asked for."""
    catalogue = Catalogue(shelf)
    skus = [f"A{index:04}" for index in range(1000)]
    catalogue.put([CatalogueEntry(sku=sku, name="A", prices={"GBP": 1}) for sku in skus])
    assert [entry.sku for entry in catalogue.entries()] == skus
    assert [entry.sku for entry in catalogue.entries(after="A0997")] == skus[998:]
    assert [entry.sku for entry in catalogue.entries(limit=501)] == skus[:501]
    assert list(catalogue.entries(limit=0)) == []


def test_what_is_put_is_found(shelf):
    """A product is seen in the currency of the cart."""
    catalogue = Catalogue(shelf)
    catalogue.put([CatalogueEntry(sku="A", name="Heart", prices={"GBP": 339})])
    assert catalogue.find(["A", "B"], "GBP") == {
        "A": Product(sku="A", name="Heart", unit_price=339)
    }
    assert catalogue.find(["A"], "EUR")["A"].unit_price is None


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"sku": "A\n"}, "is not a sku"),
        ({"stock": -1}, "the stock must be"),
        ({"prices": {"GBP": -1}}, "the price in GBP"),
        ({"prices": {"GBP": MAX_AMOUNT + 1}}, "the price in GBP"),
        ({"prices": {"XXX": 1}}, "'XXX' is not a currency"),
    ],
)
def test_what_no_cart_could_carry_is_not_put(shelf, changed, message):
    """A product out of bounds is refused with all of its company."""
    good = CatalogueEntry(sku="G", name="Good", prices={"GBP": 1})
    bad = CatalogueEntry(**{"sku": "A", "name": "A", "prices": {"GBP": 1}, **changed})
    with pytest.raises(ValueError, match="is out of bounds") as refused:
        Catalogue(shelf).put([good, bad])
    assert message in str(refused.value)
    assert stored(shelf) == {}


def test_the_operators_catalogue_imports_files(shelf):
    """The facade passes everything on."""
    source = io.StringIO("sku,name,price\nA,A,1\nB,,1\n")
    seen = []
    report = Catalogue(shelf).import_csv(
        source, default_currency="GBP", skip_bad=True, progress=seen.append
    )
    assert (report.imported, report.skipped, seen) == (1, 1, [1])
