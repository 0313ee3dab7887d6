"""The bridge as a WSGI application, for the server that is measured."""

import os
from pathlib import Path

from shop import open_bridge

from orderflow_bridge import BridgeWSGI

application = BridgeWSGI(bridge=open_bridge(Path(os.environ["BENCHMARK_FILE"])))
