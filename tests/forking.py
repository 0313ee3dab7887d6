"""What a forked child does, and how it ended."""

import os
import signal
import warnings
from collections.abc import Callable

import pytest

__all__ = ["FORKS", "in_child"]

FORKS = pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
"""For tests that fork."""

_PATIENCE = 60


def in_child(act: Callable[[], object]) -> int:
    """Run `act` in a forked child; give its exit code, 0 where nothing was raised.

    One that hangs is ended by a signal, which is a negative code.
    """
    with warnings.catch_warnings():
        # Python 3.12 warns of forks beside threads: that is what is tested.
        warnings.simplefilter("ignore", DeprecationWarning)
        pid = os.fork()
    if pid == 0:
        signal.alarm(_PATIENCE)
        code = 1
        try:
            act()
            code = 0
        except BaseException as error:  # noqa: BLE001 -- the child ends here
            os.write(2, repr(error).encode())
        finally:
            os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
