"""Hostile and broken requests as bytes, each a valid signed request with one thing changed.

A row's decision is the bridge's own, as docs/protocol.md has it. What a server answers in its place
stands in `tests/servers/differences.py`.
"""

from tests.servers.rows.bodies import BODIES
from tests.servers.rows.codings import CODINGS
from tests.servers.rows.headers import HEADERS
from tests.servers.rows.lengths import LENGTHS
from tests.servers.rows.row import Row
from tests.servers.rows.syntax import SYNTAX
from tests.servers.rows.targets import TARGETS

__all__ = ["ROWS", "Row"]

ROWS = (*HEADERS, *TARGETS, *BODIES, *LENGTHS, *CODINGS, *SYNTAX)
"""Every row, in the order of the documentation."""
