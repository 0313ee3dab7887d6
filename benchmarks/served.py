"""The bridge as an application, for the server that is measured."""

import os
from pathlib import Path

from shop import open_bridge

from orderflow_bridge import BridgeASGI, BridgeWSGI

bridge = open_bridge(Path(os.environ["BENCHMARK_FILE"]))
application = BridgeWSGI(bridge=bridge)
asgi_application = BridgeASGI(bridge=bridge)
