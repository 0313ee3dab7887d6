"""The console: where an operator makes connections, sees why requests fail, and finds the orders.

Extra `[console]`. `BridgeConsole` is the console itself, without a server; `ConsoleWSGI` and
`ConsoleASGI` put it under one path of a site.
"""

from orderflow_bridge.console.asgi import ConsoleASGI
from orderflow_bridge.console.console import BridgeConsole
from orderflow_bridge.console.http import Answer, Request
from orderflow_bridge.console.operators import Authentication, Operator, Role
from orderflow_bridge.console.standalone import StandaloneAuth

__all__ = [
    "Answer",
    "Authentication",
    "BridgeConsole",
    "ConsoleASGI",
    "ConsoleWSGI",
    "Operator",
    "Request",
    "Role",
    "StandaloneAuth",
]

from orderflow_bridge.console.wsgi import ConsoleWSGI
