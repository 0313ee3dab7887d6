"""Floor 4, pure: why a request was refused, in an operator's words.

`checks` tells how far it came, `explain_signature` which part of what was signed is another.
"""

from orderflow_bridge.diagnosis.advice import advice
from orderflow_bridge.diagnosis.finding import Finding
from orderflow_bridge.diagnosis.received import Received, header_problems
from orderflow_bridge.diagnosis.signature import (
    VERDICTS,
    Explanation,
    explain_signature,
    secret_changed,
)
from orderflow_bridge.diagnosis.signers import Signer
from orderflow_bridge.diagnosis.steps import STEP_OF, STEPS, Check, checks

__all__ = [
    "STEPS",
    "STEP_OF",
    "VERDICTS",
    "Check",
    "Explanation",
    "Finding",
    "Received",
    "Signer",
    "advice",
    "checks",
    "explain_signature",
    "header_problems",
    "secret_changed",
]
