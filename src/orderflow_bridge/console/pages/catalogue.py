"""Catalogue: the products, and an import that is tried before it is done."""

import io
from binascii import Error as Base64Error
from binascii import a2b_base64, b2a_base64
from collections.abc import Iterator
from queue import SimpleQueue
from threading import Thread
from typing import Any

from orderflow_bridge.catalogue.csv_import import CatalogueFileError
from orderflow_bridge.catalogue.report import ImportReport
from orderflow_bridge.console.desk import Desk, Visit
from orderflow_bridge.console.http import Answer
from orderflow_bridge.console.links import query_of
from orderflow_bridge.console.routes import Route
from orderflow_bridge.domain.errors import BridgeError
from orderflow_bridge.domain.faults import whereabouts
from orderflow_bridge.domain.money import CURRENCIES

__all__ = ["ROUTES"]

_ROWS = 100
_MOST_FILE = 16 * 1024 * 1024
# What a page hands on from the trial to the import, so that the file is chosen once.
_MOST_CARRIED = 1024 * 1024


def listed(desk: Desk, visit: Visit) -> Answer:
    """Show products in the order of their skus."""
    is_kept = desk.bridge.keeps_catalogue
    after = visit.request.query.first("after")
    found = list(desk.bridge.catalogue.entries(after=after, limit=_ROWS + 1)) if is_kept else []
    return desk.show(
        visit,
        "catalogue/list.html",
        is_kept=is_kept,
        entries=found[:_ROWS],
        after=after,
        further=query_of({"after": found[_ROWS - 1].sku}) if len(found) > _ROWS else None,
    )


def asked(desk: Desk, visit: Visit) -> Answer:
    """Ask for a file."""
    _refuse_elsewhere(desk)
    return _form(desk, visit)


def imported(desk: Desk, visit: Visit) -> Answer:
    """Try a file, or import it; without anything wrong, or with the wrong rows left out."""
    _refuse_elsewhere(desk)
    form = visit.request.form
    content = form.files.get("file") or _carried(form.first("content"))
    if not content:
        return _form(desk, visit, problem="Choose a CSV file.", status=422)
    if form.first("act") != "import":
        return _tried(desk, visit, content)
    return Answer(
        headers=(("Content-Type", "text/html; charset=utf-8"),),
        body=_importing(desk, visit, content),
    )


def _refuse_elsewhere(desk: Desk) -> None:
    """Refuse to import where nothing that is imported would be sold."""
    if not desk.bridge.keeps_catalogue:
        raise BridgeError(
            "not_found",
            "The products are the site's own: nothing is imported here. Change them where the site"
            " keeps them.",
        )


def _tried(desk: Desk, visit: Visit, content: bytes) -> Answer:
    """Read the file and write nothing."""
    try:
        report = desk.bridge.catalogue.import_csv(
            io.BytesIO(content), default_currency=_currency(visit), dry_run=True
        )
    except CatalogueFileError as error:
        return _form(desk, visit, problem=str(error), status=422)
    carried = b2a_base64(content, newline=False).decode("ascii")
    return _form(
        desk,
        visit,
        report=report,
        content=carried if len(content) <= _MOST_CARRIED else "",
    )


def _importing(desk: Desk, visit: Visit, content: bytes) -> Iterator[bytes]:
    """Import, and tell on the page how far it is while it is under way."""
    told: SimpleQueue[int | ImportReport | str] = SimpleQueue()

    def act() -> None:
        try:
            told.put(
                desk.bridge.catalogue.import_csv(
                    io.BytesIO(content),
                    default_currency=_currency(visit),
                    skip_bad=visit.request.form.first("skip_bad") == "1",
                    progress=told.put,
                    actor=visit.actor,
                )
            )
        except (CatalogueFileError, BridgeError) as error:
            told.put(str(error))
        except Exception as error:  # noqa: BLE001 -- the page must end, and says what is known
            told.put(f"Nothing was imported: {whereabouts(error)}.")

    def steps() -> Iterator[int]:
        while isinstance(step := told.get(), int):
            yield step
        ended.append(step)

    ended: list[Any] = []
    working = Thread(target=act, name="catalogue-import")
    working.start()
    try:
        yield from desk.stream(visit, "catalogue/importing.html", steps=steps(), ended=ended)
    finally:
        working.join()


def _form(
    desk: Desk,
    visit: Visit,
    *,
    problem: str = "",
    status: int = 200,
    report: ImportReport | None = None,
    content: str = "",
) -> Answer:
    return desk.show(
        visit,
        "catalogue/import.html",
        status=status,
        problem=problem,
        report=report,
        content=content,
        currency=visit.request.form.first("currency"),
        currencies=sorted(CURRENCIES),
        most=_MOST_FILE // 1024**2,
    )


def _currency(visit: Visit) -> str | None:
    given = visit.request.form.first("currency")
    return given if given in CURRENCIES else None


def _carried(written: str) -> bytes:
    try:
        return a2b_base64(written)
    except (Base64Error, ValueError):
        return b""


ROUTES = (
    Route(method="GET", path="/catalogue", page=listed),
    Route(method="GET", path="/catalogue/import", page=asked, role="operator"),
    Route(
        method="POST",
        path="/catalogue/import",
        page=imported,
        role="operator",
        body=_MOST_FILE + 64 * 1024,
    ),
)
