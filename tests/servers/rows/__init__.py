"""Hostile and broken requests as bytes, each a valid signed request with one thing changed.

The last ones are valid as bytes: there it is what the shop knows that decides.

A row's decision is the bridge's own, as docs/protocol.md has it. What a server answers in its place
stands in `tests/servers/differences.py`.
"""

from tests.servers.rows.bodies import BODIES
from tests.servers.rows.cards import CARDS
from tests.servers.rows.codings import CODINGS
from tests.servers.rows.headers import HEADERS
from tests.servers.rows.lengths import LENGTHS
from tests.servers.rows.row import Row
from tests.servers.rows.states import STATES
from tests.servers.rows.syntax import SYNTAX
from tests.servers.rows.targets import TARGETS

__all__ = ["CARDS", "ROWS", "Row"]

ROWS = (*HEADERS, *TARGETS, *BODIES, *LENGTHS, *CODINGS, *SYNTAX, *CARDS, *STATES)
"""Every row, in the order of the documentation."""
