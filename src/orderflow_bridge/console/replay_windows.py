"""A replay window as an operator types it."""

__all__ = ["read_window", "window_problem"]

_MOST_DIGITS = 9


def read_window(text: str, *, most: int) -> int | None:
    """Read the seconds of a replay window, 1 to `most`; None for anything else."""
    if not (text.isascii() and text.isdigit()) or len(text) > _MOST_DIGITS:
        return None
    return int(text) if 1 <= int(text) <= most else None


def window_problem(most: int) -> str:
    """Say what a replay window is."""
    return f"The replay window is 1 to {most} whole seconds."
