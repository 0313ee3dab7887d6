"""The shop's pages, and the address that the payment provider calls."""

import hmac
import json
import re
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST, require_safe
from orderflow_bridge_django.bridge import get_bridge

from orderflow_bridge import BridgeError
from orderflow_bridge.http import CODES
from orderflow_bridge.ports import OrderQuery
from shop.models import Product

_NEWEST = 50
_INTENT = re.compile(r"[A-Za-z0-9_.:-]{4,255}")


@require_safe
def products(request: HttpRequest) -> HttpResponse:
    """Show what is for sale."""
    return render(request, "shop/products.html", {"books": Product.objects.filter(for_sale=True)})


@require_safe
def orders(request: HttpRequest) -> HttpResponse:
    """Show the newest orders: what and how much, and nothing about whom."""
    found = get_bridge().orders.search(OrderQuery(limit=_NEWEST))
    return render(request, "shop/orders.html", {"orders": found})


@csrf_exempt  # The provider has no session; it proves itself with the shared token.
@require_POST
def payment(request: HttpRequest) -> HttpResponse:
    """Record that money has arrived, for those who know the shared token."""
    if not settings.PAYMENT_TOKEN:
        return _answer(503, error="Set SHOP_PAYMENT_TOKEN to take payments.")
    given = request.headers.get("Authorization", "").encode("utf-8", "replace")
    if not hmac.compare_digest(given, f"Bearer {settings.PAYMENT_TOKEN}".encode()):
        return _answer(401, error="This is for the payment provider.")
    match _json(request):
        case {"intent": str(intent), "amount": int(amount), "currency": str(currency)} if (
            _INTENT.fullmatch(intent) and not isinstance(amount, bool)
        ):
            pass
        case _:
            return _answer(400, error="Send intent, amount in minor units, and currency.")
    try:
        order = get_bridge().settle(intent, amount=amount, currency=currency)
    except BridgeError as refusal:
        return _answer(CODES[refusal.code][0], error=refusal.code, detail=refusal.detail)
    if order is None:
        # The money was quicker than the order, which will be paid when it comes.
        return _answer(202, order=None)
    return _answer(200, order=order.number, status=order.status)


def _json(request: HttpRequest) -> object:
    try:
        return json.loads(request.body)
    except ValueError:
        return None


def _answer(status: int, /, **members: Any) -> JsonResponse:
    return JsonResponse(members, status=status)
