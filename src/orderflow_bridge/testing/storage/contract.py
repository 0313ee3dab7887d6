"""What every contract of a storage begins with: an empty storage, and a way to open it again."""

import inspect
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import ClassVar, cast

import pytest

from orderflow_bridge.ports import Capability, Storage

__all__ = ["Contract", "Factory"]

Factory = Callable[[Path], Storage]
"""Open the storage of a folder: the same one in every process, an empty one for a new folder."""


class Contract:
    """Hold the storage of `factory` to a part of its promises.

        class TestMine(CartsContract):
            factory = staticmethod(open_mine)

    `factory` takes a folder and opens the storage that belongs to it: the same folder is the same
    storage in every process, a new folder is an empty one. It is a function of a module, since
    other processes call it too. A storage on a server empties its tables where the folder is
    still empty, and leaves a mark there.

    `needs` names the capability that a contract is about; without it its tests are skipped.
    """

    factory: ClassVar[Factory]
    needs: ClassVar[Capability | None] = None

    @pytest.fixture
    def open_again(self, tmp_path: Path) -> Iterator[Callable[[], Storage]]:
        """Open the storage of this test once more; it is closed after the test."""
        opened: list[Storage] = []

        def opening() -> Storage:
            opened.append(self.opening()(self.place(tmp_path)))
            return opened[-1]

        yield opening
        for storage in opened:
            storage.close()

    @pytest.fixture
    def storage(self, open_again: Callable[[], Storage], request: pytest.FixtureRequest) -> Storage:
        """Give an empty storage; the test is skipped where it lacks what is tested."""
        storage = open_again()
        self.skip_without(storage, self._home(request.function.__name__).needs)
        return storage

    @classmethod
    def _home(cls, test: str) -> "type[Contract]":
        """Find the contract that a test comes from, among those that are mixed together."""
        return [one for one in cls.__mro__ if issubclass(one, Contract) and test in vars(one)][-1]

    @classmethod
    def opening(cls) -> Factory:
        """Give the function that opens the storage, as it was written in the class."""
        found = inspect.getattr_static(cls, "factory", None)
        if isinstance(found, staticmethod):
            found = found.__func__
        if not callable(found):
            raise pytest.UsageError(
                f"{cls.__name__} needs `factory = staticmethod(...)`: a function from a folder to"
                " the storage in it."
            )
        return cast("Factory", found)

    @staticmethod
    def place(folder: Path) -> Path:
        """Give the folder of a test's storage: a new one, that nothing else is in."""
        place = folder / "storage"
        place.mkdir(exist_ok=True)
        return place

    @staticmethod
    def skip_without(storage: Storage, *needed: Capability | None) -> None:
        """Skip the test where the storage does not declare what it needs."""
        for capability in needed:
            if capability is not None and capability not in storage.capabilities:
                pytest.skip(f"the storage does not declare `{capability}`")
