"""How many examples a property is tried with: few with each change, many in a search."""

from hypothesis import HealthCheck, settings

__all__ = ["examples"]

_USUAL = 100


def examples(few: int) -> settings:
    """Try `few` examples, and as many times more as the profile has more than the usual."""
    return settings(
        max_examples=max(1, few * settings.default.max_examples // _USUAL),
        suppress_health_check=[HealthCheck.too_slow],
    )
