"""What axe-core says of a page."""

from typing import Any

from tests.live import need

__all__ = ["violations"]


def violations(page: Any) -> list[str]:
    """Name each rule that the page breaks, and where."""
    need("axe_playwright_python")
    from axe_playwright_python.sync_playwright import Axe  # noqa: PLC0415 -- an optional package

    found = Axe().run(page).response["violations"]
    return [
        f"{one['id']}: {node['target']} {node.get('failureSummary', '')}"
        for one in found
        for node in one["nodes"]
    ]
