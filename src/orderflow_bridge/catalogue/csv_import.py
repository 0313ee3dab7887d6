"""Import products from a CSV file: the plain columns, or a Shopify product export."""

import csv
import os
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from hashlib import sha256
from pathlib import Path
from tempfile import SpooledTemporaryFile
from typing import BinaryIO, Protocol, TextIO

import msgspec

from orderflow_bridge.capabilities import products_of
from orderflow_bridge.catalogue.bounds import MAX_STOCK, check_entry, quoted
from orderflow_bridge.catalogue.report import ImportReport, Source
from orderflow_bridge.domain.money import CURRENCIES, parse_price
from orderflow_bridge.domain.product import CatalogueEntry
from orderflow_bridge.ports import Storage, Unit
from orderflow_bridge.security.cards import is_card
from orderflow_bridge.transactions import transact

__all__ = ["CatalogueFileError", "import_csv"]

_BATCH = 500
_KEPT_PROBLEMS = 1_000
_IN_MEMORY = 8 * 1024 * 1024
_LONGEST_LINE = 1024 * 1024
_COUNT = re.compile(r"[0-9]{1,16}", re.ASCII)
_SIGNED_COUNT = re.compile(r"-?[0-9]{1,16}", re.ASCII)

_REQUIRED = ("sku", "name", "price")
_OPTIONAL = ("currency", "stock", "tax_class")

_SHOPIFY = {
    "handle": ("handle", "url handle"),
    "title": ("title",),
    "sku": ("variant sku", "sku"),
    "price": ("variant price", "price"),
    "option1": ("option1 value",),
    "option2": ("option2 value",),
    "option3": ("option3 value",),
    "tracker": ("variant inventory tracker", "inventory tracker"),
    "quantity": ("variant inventory qty", "inventory quantity"),
    "policy": ("variant inventory policy", "continue selling when out of stock"),
    "taxable": ("variant taxable", "charge tax"),
    "status": ("status",),
    "published": ("published", "published on online store"),
}
"""Our word for a column → Shopify's, in the long-standing export and in the one that followed."""

_SHOPIFY_REQUIRED = ("handle", "title", "sku", "price")


class CatalogueFileError(ValueError):
    """Refuse a whole file, from `line` on: it cannot be told what its rows are."""

    def __init__(self, line: int, message: str) -> None:
        super().__init__(f"Line {line}: {message}.")
        self.line = line


def import_csv(
    source: Source,
    *,
    storage: Storage,
    default_currency: str | None = None,
    skip_bad: bool = False,
    dry_run: bool = False,
    progress: Callable[[int], None] | None = None,
    tell: Callable[[Unit, ImportReport, str], None] | None = None,
) -> ImportReport:
    """Add or replace the products of a CSV file, all of them or none.

    The header tells which columns these are. Plain: `sku,name,price`, and where wanted `currency`
    (empty or missing: `default_currency`), `stock` (empty: untracked) and `tax_class` (empty:
    `default`), in any order; rows of one sku in several currencies make one product and agree in
    the rest. Or Shopify's product export, priced in `default_currency`: every variant is a product
    named by the title and its options; it is tracked where Shopify tracks it and does not go on
    selling at zero, and where the file has quantities (below zero counts as zero); it is active
    where its status is, or, without a status, where it is published; one that is not taxable gets
    the tax class `exempt`.

    The file is UTF-8, with or without a byte order mark, and is read once, row by row, before
    anything is written; then everything is written in one unit. Where a row is wrong, nothing is
    written and the report names every wrong row; with `skip_bad` the wrong rows are left out
    instead. A `dry_run` reads, compares with what is for sale and reports, and writes nothing.
    `progress` is told the number of entries written so far; `tell` is given the unit that writes,
    the report, and the SHA-256 of the file in hexadecimal (of a text file: of its text in UTF-8).

    Raises `CatalogueFileError` where the file as a whole is not one of the two (columns, encoding,
    an open quote), `ValueError` for a default currency that does not exist, and `OSError`.
    """
    if default_currency is not None and default_currency not in CURRENCIES:
        raise ValueError(
            f"{default_currency!r} is not a currency; write its ISO 4217 code, like GBP."
        )
    with SpooledTemporaryFile(max_size=_IN_MEMORY) as spool:
        check = _Check(spool)
        with _opened(source) as file:
            check.read(file, default_currency)
        found = check.problems, check.problem_count - len(check.problems)
        if dry_run:
            new, repriced = _changes(spool, storage)
            return ImportReport(
                read=check.products,
                new=new,
                repriced=repriced,
                problems=found[0],
                more_problems=found[1],
            )
        if check.problem_count and not skip_bad:
            return ImportReport(problems=found[0], more_problems=found[1])
        report = ImportReport(
            imported=check.products,
            skipped=check.problem_count,
            problems=found[0],
            more_problems=found[1],
        )

        def told(unit: Unit) -> None:
            if tell is not None:
                tell(unit, report, check.digest)

        _write(spool, storage, progress, told)
        return report


def _opened(source: Source) -> AbstractContextManager[TextIO | BinaryIO]:
    if isinstance(source, (str, os.PathLike)):
        return Path(source).open("rb")
    return nullcontext(source)


def _changes(spool: "SpooledTemporaryFile[bytes]", storage: Storage) -> tuple[int, int]:
    """Count the products that are not for sale yet, and those that get another price."""
    decoder = msgspec.json.Decoder(list[CatalogueEntry])
    new: set[str] = set()
    repriced: set[str] = set()
    spool.seek(0)
    for batch in spool:
        by_currency: dict[str, dict[str, int]] = {}
        for entry in decoder.decode(batch):
            for currency, amount in entry.prices.items():
                by_currency.setdefault(currency, {})[entry.sku] = amount
        with storage.reading() as unit:
            for currency, prices in by_currency.items():
                sold = products_of(unit).find(list(prices), currency)
                new.update(prices.keys() - sold.keys())
                repriced.update(
                    sku for sku, product in sold.items() if product.unit_price != prices[sku]
                )
    return len(new), len(repriced)


def _write(
    spool: "SpooledTemporaryFile[bytes]",
    storage: Storage,
    progress: Callable[[int], None] | None,
    tell: Callable[[Unit], None],
) -> None:
    decoder = msgspec.json.Decoder(list[CatalogueEntry])

    def act(unit: Unit) -> None:
        tell(unit)
        written = 0
        spool.seek(0)
        for batch in spool:
            entries = decoder.decode(batch)
            products_of(unit).put(entries)
            written += len(entries)
            if progress is not None:
                progress(written)

    transact(storage, act)


class _Check:
    """Read a file's rows, spool the good ones in batches, and note what is wrong with the others.

    A batch is one line of JSON, so that a source is read once whether or not it can be rewound, and
    what is written is exactly what was checked.
    """

    def __init__(self, spool: "SpooledTemporaryFile[bytes]") -> None:
        self.problems: list[tuple[int, str]] = []
        self.problem_count = 0
        self.digest = ""
        self._spool = spool
        self._encoder = msgspec.json.Encoder()
        self._batch: dict[str, CatalogueEntry] = {}
        self._first: dict[str, tuple[int, str, int]] = {}
        self._others: dict[tuple[str, str], int] = {}

    @property
    def products(self) -> int:
        return len(self._first)

    def read(self, file: TextIO | BinaryIO, default_currency: str | None) -> None:
        lines = _Lines(file)
        rows = _rows(lines)
        header_line, columns = _header(rows)
        dialect = _dialect(header_line, columns, default_currency)
        for line, row in rows:
            try:
                if isinstance(row, csv.Error):
                    self._note(line, _reason(row))
                elif any(map(str.strip, row)):
                    _check_fields(row, columns, line, lines.count)
                    entry = dialect.entry([value.strip() for value in row])
                    if entry is not None:
                        check_entry(entry)
                        self._keep(line, entry)
            except ValueError as error:
                self._note(line, str(error))
        self._flush()
        self.digest = lines.digest.hexdigest()

    def _note(self, line: int, message: str) -> None:
        self.problem_count += 1
        if len(self.problems) < _KEPT_PROBLEMS:
            # A report is printed, mailed and logged; what is quoted in it may be anything.
            shown = "a field holds what looks like a card number" if is_card(message) else message
            self.problems.append((line, shown))

    def _keep(self, line: int, entry: CatalogueEntry) -> None:
        (currency,) = entry.prices
        rest = hash((entry.name, entry.tax_class, entry.active, entry.stock))
        first = self._first.get(entry.sku)
        if first is None:
            self._first[entry.sku] = (line, currency, rest)
        else:
            key = (entry.sku, currency)
            twin = first[0] if first[1] == currency else self._others.get(key)
            if twin is not None:
                raise ValueError(
                    f"the sku {entry.sku!r} has a price in {currency} on line {twin} already;"
                    " keep one of the two rows"
                )
            if first[2] != rest:
                raise ValueError(
                    f"the sku {entry.sku!r} is on line {first[0]} with another name, stock, tax"
                    " class or status; rows of one sku differ only in price and currency"
                )
            self._others[key] = line
        if entry.sku in self._batch:
            self._batch[entry.sku].prices.update(entry.prices)
            return
        self._batch[entry.sku] = entry
        if len(self._batch) == _BATCH:
            self._flush()

    def _flush(self) -> None:
        if self._batch:
            # In sku order, the order in which orders take their stock.
            entries = [self._batch[sku] for sku in sorted(self._batch)]
            self._spool.write(self._encoder.encode(entries) + b"\n")
            self._batch = {}


class _Lines:
    """Give a file's lines as text, count them, and digest what was read."""

    def __init__(self, file: TextIO | BinaryIO) -> None:
        self._file = file
        self.count = 0
        self.digest = sha256()

    def __iter__(self) -> "_Lines":
        return self

    def __next__(self) -> str:
        try:
            line = self._file.readline(_LONGEST_LINE)
            if not line:
                raise StopIteration
            if len(line) == _LONGEST_LINE:
                raise CatalogueFileError(
                    self.count + 1, f"the line is longer than {_LONGEST_LINE:,} characters"
                )
            text, raw = _both(line)
        except UnicodeDecodeError as error:
            # A text file decodes ahead: the bytes before the fault start in the line asked for.
            at = self.count + 1 + error.object.count(b"\n", 0, error.start)
            raise CatalogueFileError(at, _NOT_UTF_8) from None
        self.count += 1
        self.digest.update(raw)
        return text.removeprefix("\ufeff") if self.count == 1 else text


def _both(line: str | bytes) -> tuple[str, bytes]:
    """Give a line as text and as bytes."""
    if isinstance(line, str):
        return line, line.encode("utf-8", "surrogatepass")
    return line.decode("utf-8"), line


_NOT_UTF_8 = 'the text is not UTF-8; save the file as "CSV UTF-8"'


def _rows(lines: _Lines) -> Iterator[tuple[int, list[str] | csv.Error]]:
    """Give each row, or what is wrong with it, and the line it starts on."""
    reader = csv.reader(lines, strict=True)
    while True:
        line = lines.count + 1
        try:
            row = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            if lines.count > line:
                # Nobody can tell where the next row starts, so no later row can be trusted.
                raise CatalogueFileError(
                    line, f"{_reason(error)} (the row runs to line {lines.count})"
                ) from None
            yield line, error
        else:
            yield line, row


_REASONS = {
    "field limit": "a field is too long; is a quote left open?",
    "unexpected end": "a quote is opened and never closed",
    "new-line": "a carriage return stands alone; save the file with Windows or Unix line ends",
    "expected after": 'text follows a closing quote; write a quote inside quotes twice ("")',
}
"""A part of what `csv` says → what an operator can do about it."""


def _reason(error: csv.Error) -> str:
    text = str(error)
    return next((reason for part, reason in _REASONS.items() if part in text), text)


def _check_fields(row: list[str], columns: list[str], line: int, last: int) -> None:
    if len(row) != len(columns):
        open_quote = f" (the row runs to line {last}; is a quote left open?)" if last > line else ""
        raise ValueError(f"the row has {len(row)} fields, the header {len(columns)}{open_quote}")


class _Dialect(Protocol):
    def entry(self, row: Sequence[str]) -> CatalogueEntry | None:
        """Read a row; None where it is not about a product, `ValueError` where it is wrong."""
        ...


def _header(rows: Iterator[tuple[int, list[str] | csv.Error]]) -> tuple[int, list[str]]:
    for line, row in rows:
        if isinstance(row, csv.Error):
            raise CatalogueFileError(line, _reason(row))
        if any(map(str.strip, row)):
            return line, [name.strip().casefold() for name in row]
    raise CatalogueFileError(1, f"the file is empty; {_EXPECTED}")


_EXPECTED = (
    "its first line must name the columns, separated by commas: sku,name,price and where wanted"
    " currency,stock,tax_class, or those of a Shopify product export (Handle, Title, Variant SKU,"
    " Variant Price, ...)"
)


def _dialect(line: int, columns: list[str], default_currency: str | None) -> _Dialect:
    if any("\0" in name for name in columns):
        raise CatalogueFileError(line, _NOT_UTF_8)
    shopify = {
        word: columns.index(name)
        for word, names in _SHOPIFY.items()
        # The first name is the one that counts, so it comes last.
        for name in reversed(names)
        if name in columns
    }
    if all(word in shopify for word in _SHOPIFY_REQUIRED):
        if default_currency is None:
            raise CatalogueFileError(
                line, "a Shopify export does not say its currency; give a default currency"
            )
        return _Shopify(shopify, default_currency)
    if not all(name in columns for name in _REQUIRED):
        raise CatalogueFileError(line, f"these columns are not known; {_EXPECTED}")
    return _plain(line, columns, default_currency)


def _plain(line: int, columns: list[str], default_currency: str | None) -> "_Plain":
    for index, name in enumerate(columns):
        if name not in (*_REQUIRED, *_OPTIONAL):
            raise CatalogueFileError(
                line, f"the column {quoted(name)} is not known; remove it, or: {_EXPECTED}"
            )
        if name in columns[:index]:
            raise CatalogueFileError(line, f"the column {name} is there twice; remove one")
    if default_currency is None and "currency" not in columns:
        raise CatalogueFileError(
            line, "there is no column currency; add one, or give a default currency"
        )
    return _Plain({name: index for index, name in enumerate(columns)}, default_currency)


class _Plain:
    """Our own columns."""

    def __init__(self, columns: dict[str, int], default_currency: str | None) -> None:
        self._columns = columns
        self._default_currency = default_currency

    def entry(self, row: Sequence[str]) -> CatalogueEntry:
        def of(name: str) -> str:
            index = self._columns.get(name)
            return row[index] if index is not None else ""

        currency = of("currency").upper() or self._default_currency
        if currency is None:
            raise ValueError("the currency is missing; write its code, or give a default currency")
        stock = of("stock")
        return CatalogueEntry(
            sku=of("sku"),
            name=of("name"),
            prices={currency: parse_price(of("price"), currency)},
            tax_class=of("tax_class") or "default",
            stock=_count(stock, _COUNT) if stock else None,
        )


class _Shopify:
    """Shopify's columns: a product's first row has its title and status, more rows its variants."""

    def __init__(self, columns: dict[str, int], currency: str) -> None:
        self._columns = columns
        self._currency = currency
        self._handle = ""
        self._title = ""
        self._active = True

    def entry(self, row: Sequence[str]) -> CatalogueEntry | None:
        values = {word: row[index] for word, index in self._columns.items()}
        handle, title = values["handle"], values["title"]
        if handle != self._handle or title:
            self._handle, self._title, self._active = handle, title, _active(values)
        options = [
            value
            for word in ("option1", "option2", "option3")
            if (value := values.get(word)) and value != "Default Title"
        ]
        if not (title or values["sku"] or values["price"] or options):
            return None
        if not handle:
            raise ValueError("the handle is missing")
        if not self._title:
            raise ValueError(
                f"the title is missing; the first row of {quoted(handle)} must have it"
            )
        return CatalogueEntry(
            sku=values["sku"],
            name=self._title + (" - " + " / ".join(options) if options else ""),
            prices={self._currency: parse_price(values["price"], self._currency)},
            tax_class="exempt" if values.get("taxable", "").casefold() == "false" else "default",
            active=self._active,
            stock=_shopify_stock(values),
        )


def _active(values: dict[str, str]) -> bool:
    status = values.get("status", "").casefold()
    return status == "active" if status else values.get("published", "").casefold() != "false"


def _shopify_stock(values: dict[str, str]) -> int | None:
    """Give the tracked stock: None where Shopify sells on at zero or the file has no quantities."""
    oversells = values.get("policy", "").casefold() in ("continue", "true")
    if not values.get("tracker") or oversells or "quantity" not in values:
        return None
    # Shopify counts below zero what it sold beyond its stock.
    return max(0, _count(values["quantity"], _SIGNED_COUNT))


def _count(text: str, pattern: re.Pattern[str]) -> int:
    if not pattern.fullmatch(text):
        raise ValueError(
            f"{quoted(text)} is not a stock; write a whole number from 0 to {MAX_STOCK}"
        )
    return int(text)
