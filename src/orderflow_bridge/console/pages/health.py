"""Health: what the doctor finds, with the fix of each."""

from orderflow_bridge.console.desk import Desk, Visit
from orderflow_bridge.console.http import Answer
from orderflow_bridge.console.operators import may
from orderflow_bridge.console.routes import Route
from orderflow_bridge.doctor.checks import examine_hosted
from orderflow_bridge.doctor.findings import Finding
from orderflow_bridge.ports import PORTS_VERSION

__all__ = ["ROUTES"]

_ORDER = {"problem": 0, "warning": 1, "ok": 2}


def shown(desk: Desk, visit: Visit) -> Answer:
    """Show what the doctor finds, the worst first."""
    findings = sorted(
        examine_hosted(desk.bridge, program=desk.program_of(visit.request)),
        key=lambda finding: _ORDER[finding.state],
    )
    keys = desk.bridge.keys.all()
    return desk.show(
        visit,
        "health.html",
        findings=[(finding, _link(finding, visit)) for finding in findings],
        problems=sum(finding.state == "problem" for finding in findings),
        storage=desk.bridge.storage_name,
        capabilities=sorted(desk.bridge.capabilities),
        ports_version=PORTS_VERSION,
        keys=keys,
        refusals=desk.refusals(),
    )


def _link(finding: Finding, visit: Visit) -> tuple[str, str] | None:
    """Give the page where an admin does what a command would do: (path under the mount, words)."""
    if visit.operator is None or not may(visit.operator, "admin"):
        return None
    if finding.check == "connections":
        return "connections/new", "New inbound"
    kind, _, client_id = finding.check.partition(" ")
    return (f"connections/{client_id}", "The connection") if kind == "connection" else None


ROUTES = (Route(method="GET", path="/health", page=shown),)
