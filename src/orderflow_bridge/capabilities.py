"""What a storage can do besides: looked up here, and nowhere else (ports, `Capability`)."""

from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from typing import cast, get_args

from orderflow_bridge.domain.errors import ConfigurationError, Conflict
from orderflow_bridge.ports import (
    PORTS_VERSION,
    AuditLedger,
    AuditUnit,
    Capability,
    CountingAnswerLedger,
    CountingReplayLedger,
    Journal,
    JournalUnit,
    ListedCartRepository,
    MigratingStorage,
    ProductRepository,
    ProductsUnit,
    RewritableAnswerLedger,
    SearchableCartRepository,
    SearchableOrderRepository,
    SessionLedger,
    SessionsUnit,
    StockLedger,
    StockUnit,
    Storage,
    Unit,
)
from orderflow_bridge.settings import Settings

__all__ = [
    "audit_of",
    "counting",
    "counting_answers",
    "journal_of",
    "listed_carts",
    "migrating",
    "products_of",
    "refuse_misdeclared",
    "refuse_unfit",
    "refuse_unsearchable",
    "rewritable",
    "searchable",
    "searchable_orders",
    "sessions_of",
    "stock_of",
]


class _Untracked:
    """The stock of a storage that tracks none: every sku is unlimited."""

    def available(self, skus: Sequence[str]) -> Mapping[str, int]:  # noqa: ARG002 -- a port
        return {}

    def take(self, wanted: Mapping[str, int]) -> None:
        if wanted:
            raise Conflict("Nothing is tracked.")

    def give_back(self, taken: Mapping[str, int]) -> None:
        """Skip everything: what is no longer tracked is not given back."""


_UNTRACKED = _Untracked()


def stock_of(unit: Unit) -> StockLedger:
    """Give the unit's stock; one that tracks nothing where the storage has none."""
    if hasattr(unit, "stock"):
        return cast("StockUnit", unit).stock
    return _UNTRACKED


def products_of(unit: Unit) -> ProductRepository:
    """Give the unit's default catalogue; raises `ConfigurationError` where it keeps none."""
    if hasattr(unit, "products"):
        return cast("ProductsUnit", unit).products
    raise ConfigurationError(
        "The storage keeps no products: they are where the bridge's own `catalogue` has them."
    )


def audit_of(unit: Unit) -> AuditLedger:
    """Give the unit's audit; raises `ConfigurationError` where it keeps none."""
    if hasattr(unit, "audit"):
        return cast("AuditUnit", unit).audit
    raise ConfigurationError("The storage keeps no audit: choose one with the capability `audit`.")


def journal_of(unit: Unit) -> Journal:
    """Give the unit's recent requests; raises `ConfigurationError` where it keeps none."""
    if hasattr(unit, "journal"):
        return cast("JournalUnit", unit).journal
    raise ConfigurationError(
        "The storage keeps no requests: choose one with the capability `journal`."
    )


def sessions_of(unit: Unit) -> SessionLedger:
    """Give the unit's sign-ins; raises `ConfigurationError` where it keeps none."""
    if hasattr(unit, "sessions"):
        return cast("SessionsUnit", unit).sessions
    raise ConfigurationError(
        "The storage keeps no sign-ins: choose one with the capability `sessions`."
    )


def counting(unit: Unit) -> CountingReplayLedger:
    """Give the unit's ledger of signatures as one that counts; `refuse_unfit` has looked."""
    return cast("CountingReplayLedger", unit.replays)


def counting_answers(unit: Unit) -> CountingAnswerLedger:
    """Give the unit's ledger of answers as one that counts; for a storage with `rates`."""
    return cast("CountingAnswerLedger", unit.answers)


def searchable(unit: Unit) -> SearchableCartRepository:
    """Give the unit's carts as those that can be searched; for a storage with `privacy`.

    Raises `ConfigurationError` where a site's own carts stand in a storage that could.
    """
    if hasattr(unit.carts, "of_email"):
        return cast("SearchableCartRepository", unit.carts)
    raise ConfigurationError(
        f"{type(unit.carts).__name__} cannot find carts by e-mail: give it the method `of_email`"
        " of the port SearchableCartRepository."
    )


def listed_carts(unit: Unit) -> ListedCartRepository:
    """Give the unit's carts as those that can be listed; for a storage with `search`.

    Raises `ConfigurationError` where a site's own carts stand in a storage that could.
    """
    missing = _missing(unit.carts, "find_any", "search", "newer")
    if missing:
        raise ConfigurationError(
            f"{type(unit.carts).__name__} cannot list carts: give it {missing} of the port"
            " ListedCartRepository."
        )
    return cast("ListedCartRepository", unit.carts)


def searchable_orders(unit: Unit) -> SearchableOrderRepository:
    """Give the unit's orders as those that can be searched; for a storage with `search`.

    Raises `ConfigurationError` where a site's own orders stand in a storage that could.
    """
    missing = _missing(unit.orders, "of_number", "of_intent", "newer", "takings")
    if missing:
        raise ConfigurationError(
            f"{type(unit.orders).__name__} cannot be searched: give it {missing} of the port"
            " SearchableOrderRepository."
        )
    return cast("SearchableOrderRepository", unit.orders)


def _missing(repository: object, *methods: str) -> str:
    return ", ".join(f"`{name}`" for name in methods if not hasattr(repository, name))


def refuse_unsearchable(storage: Storage) -> None:
    """Refuse a storage without `search`, where an operator's list needs it.

    Raises `ConfigurationError` that names what to change.
    """
    if "search" not in storage.capabilities:
        raise ConfigurationError(
            f"{type(storage).__name__} cannot list carts and orders for an operator: choose a"
            " storage with the capability `search`."
        )


def rewritable(unit: Unit) -> RewritableAnswerLedger:
    """Give the unit's answers as those that can be rewritten; for a storage with `privacy`."""
    return cast("RewritableAnswerLedger", unit.answers)


def migrating(storage: Storage) -> MigratingStorage | None:
    """Give the storage as one that migrates; None where it has no schema of its own to move."""
    return cast("MigratingStorage", storage) if "migrations" in storage.capabilities else None


def refuse_misdeclared(storage: Storage) -> None:
    """Refuse a storage for other ports, and one that declares what it cannot mean.

    Raises `ConfigurationError` that names what to correct.
    """
    name = type(storage).__name__
    version = getattr(storage, "ports_version", None)
    if version != PORTS_VERSION:
        raise ConfigurationError(
            f"{name} was written for version {version} of the storage ports, and this bridge has"
            f" version {PORTS_VERSION}: install versions of the two that fit."
        )
    known = get_args(Capability)
    for declared in sorted(storage.capabilities):
        if declared not in known:
            near = get_close_matches(declared, known, n=1)
            raise ConfigurationError(
                f"{name} declares {declared!r}, which is no capability"
                + (f": did you mean {near[0]!r}?" if near else f"; there is {', '.join(known)}.")
            )
    if "products" in storage.capabilities and "stock" not in storage.capabilities:
        raise ConfigurationError(f"{name} declares `products`, which brings `stock`: declare both.")
    if "migrations" in storage.capabilities and not hasattr(storage, "migrate"):
        raise ConfigurationError(f"{name} declares `migrations`, and has no method `migrate`.")


def refuse_unfit(
    storage: Storage, settings: Settings, *, own_catalogue: bool, own_rates: bool = False
) -> None:
    """Refuse a storage that cannot do what is asked of it.

    `own_catalogue` says that the products are elsewhere, `own_rates` that writes are counted
    elsewhere. Raises `ConfigurationError` that names
    what is missing, and what to change.
    """
    refuse_misdeclared(storage)
    name = type(storage).__name__
    if not own_catalogue and "products" not in storage.capabilities:
        raise ConfigurationError(f"{name} keeps no products: give the bridge a `catalogue`.")
    if settings.max_writes_per_minute and not own_rates and "rates" not in storage.capabilities:
        raise ConfigurationError(
            f"{name} cannot count writes: set `max_writes_per_minute` to 0, or choose a storage"
            " with the capability `rates`."
        )
