"""What a storage promises that has a schema of its own to move."""

from typing import ClassVar, cast

from orderflow_bridge.ports import Capability, MigratingStorage, Storage
from orderflow_bridge.testing.samples import SHOP, add, cart
from orderflow_bridge.testing.storage.contract import Contract

__all__ = ["MigrationsContract"]


class MigrationsContract(Contract):
    """The capability `migrations`: the port `MigratingStorage`."""

    needs: ClassVar[Capability | None] = "migrations"

    def test_migrations_are_done_after_the_first_use(self, storage: Storage) -> None:
        """Nothing is left to migrate, and migrating again does nothing."""
        add(storage, cart())
        migrating = cast("MigratingStorage", storage)
        assert list(migrating.pending_migrations()) == []
        assert list(migrating.migrate()) == []

    def test_migrations_before_the_first_use_are_those_that_were_pending(
        self, storage: Storage
    ) -> None:
        """What `migrate` applies is what was named, and then the storage is ready."""
        migrating = cast("MigratingStorage", storage)
        pending = list(migrating.pending_migrations())
        assert list(migrating.migrate()) == pending
        assert list(migrating.pending_migrations()) == []
        add(storage, cart())
        with storage.reading() as unit:
            assert unit.carts.find("cart_1", connection=SHOP) == cart()

    def test_migrations_keep_what_is_stored(self, storage: Storage) -> None:
        """Migrating live data leaves it as it was."""
        add(storage, cart())
        cast("MigratingStorage", storage).migrate()
        with storage.reading() as unit:
            assert unit.carts.find("cart_1", connection=SHOP) == cart()
