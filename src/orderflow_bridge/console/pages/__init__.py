"""Every page of the console; each module lists its own routes."""

from orderflow_bridge.console.pages import (
    carts,
    catalogue,
    changes,
    confirmation,
    connections,
    health,
    inspector,
    order,
    orders,
    overview,
    requests,
    signature,
    signing_in,
)
from orderflow_bridge.console.routes import Route

__all__ = ["ROUTES"]

ROUTES: tuple[Route, ...] = (
    *carts.ROUTES,
    *catalogue.ROUTES,
    *changes.ROUTES,
    *confirmation.ROUTES,
    *connections.ROUTES,
    *health.ROUTES,
    *inspector.ROUTES,
    *order.ROUTES,
    *orders.ROUTES,
    *overview.ROUTES,
    *requests.ROUTES,
    *signature.ROUTES,
    *signing_in.ROUTES,
)
"""All of them; the first that fits counts."""
