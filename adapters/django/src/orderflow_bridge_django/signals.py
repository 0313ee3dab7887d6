"""What became of an order, told after the commit.

Each is sent with `sender` (the model `Order`), `order` (an `orderflow_bridge.domain.order.Order`)
and `using` (the database alias), in the thread that committed and before the storefront has its
answer: a receiver that takes long enqueues a job. A unit that is rolled back sends nothing. What a
receiver raises is logged and reaches neither the storefront nor the other receivers. A process that
dies after the commit has sent nothing: what must not be missed is looked up in the orders.
"""

import logging
from typing import Any

from django.dispatch import Signal
from orderflow_bridge.domain.faults import whereabouts

__all__ = [
    "OrderSignal",
    "order_cancelled",
    "order_paid",
    "order_paid_after_cancel",
    "order_placed",
]

_log = logging.getLogger("orderflow_bridge.signals")


class OrderSignal(Signal):
    """A signal whose failing receivers are logged by name and place.

    Django would log their traceback, and its message may quote the buyer.
    """

    def _log_robust_failure(self, receiver: Any, err: BaseException) -> None:
        name = getattr(receiver, "__qualname__", type(receiver).__name__)
        _log.error("a receiver of an order's signal failed: %s, %s", name, whereabouts(err))


order_placed = OrderSignal()
"""A cart became an order."""

order_paid = OrderSignal()
"""The money for an order came; of an order that is placed paid, after `order_placed`."""

order_cancelled = OrderSignal()
"""An order that waited for its money was cancelled."""

order_paid_after_cancel = OrderSignal()
"""Money came for an order that was cancelled: refund it."""
