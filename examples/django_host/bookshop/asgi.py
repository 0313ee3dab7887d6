"""The site as an ASGI application, with the bridge under /bridge."""

import os

from django.core.asgi import get_asgi_application
from shop.bridge import get_bridge

from orderflow_bridge import BridgeASGI

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "bookshop.settings")
application = get_asgi_application()
application = BridgeASGI(application, bridge=get_bridge())
