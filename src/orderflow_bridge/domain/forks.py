"""What is made anew in a forked child: its parent's locks, threads and connections are no use."""

import os
import weakref
from typing import Protocol

__all__ = ["Renewable", "renew_in_children"]


class Renewable(Protocol):
    """What holds something that a forked child may not share with its parent."""

    def renew(self) -> None:
        """Begin anew, in a child; nothing of the parent's is touched."""
        ...


_renewed: weakref.WeakSet[Renewable] = weakref.WeakSet()


def renew_in_children(one: Renewable) -> None:
    """Have `one` renewed in every child that this process forks, for as long as it is alive."""
    _renewed.add(one)


def _renew() -> None:
    for one in list(_renewed):
        one.renew()


# Where processes fork; to ask for the process at each use would cost more than most uses.
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_renew)
