"""Floor 4: what keeps the recent requests for an operator who asks what came of one.

Who cannot sign, and who sends again what others signed, writes nothing by it but a bounded trickle,
and no storefront waits for it.
"""

from orderflow_bridge.journal.entries import Course
from orderflow_bridge.journal.recent import RecentRequests
from orderflow_bridge.journal.recorder import Recorder

__all__ = ["Course", "RecentRequests", "Recorder"]
