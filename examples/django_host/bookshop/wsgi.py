"""The site as a WSGI application, with the bridge under /bridge."""

import os

from django.core.wsgi import get_wsgi_application
from shop.bridge import get_bridge

from orderflow_bridge import BridgeWSGI

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "bookshop.settings")
application = get_wsgi_application()
application = BridgeWSGI(application, bridge=get_bridge())
