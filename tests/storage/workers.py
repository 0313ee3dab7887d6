"""What other processes do to a storage at the same time."""

from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

from orderflow_bridge.settings import Settings
from orderflow_bridge.storage import open_storage


def create_in_process(url: str) -> list[str]:
    """Use a new database; give the migrations that are left."""
    storage = open_storage(Settings(database=url))
    with storage.reading() as unit:
        assert unit.connections.all() == []
    pending = list(storage.pending_migrations())
    storage.close()
    return pending


def in_processes(count: int) -> ProcessPoolExecutor:
    """Start that many fresh interpreters."""
    return ProcessPoolExecutor(count, mp_context=get_context("spawn"))
