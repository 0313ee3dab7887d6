"""A SQLite file that is locked, full or read-only under traffic."""

import errno
import os
import resource
import signal
import subprocess
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from multiprocessing import get_context
from multiprocessing.connection import Connection
from pathlib import Path

import pytest

from orderflow_bridge.domain.errors import BridgeError
from tests.canary.session import canary_of
from tests.databases import ADAPTED
from tests.faults.seeds import rounds
from tests.faults.traffic import Market, in_process, prove, run
from tests.faults.workers import hold_the_lock
from tests.rig import CountedEntropy, SetClock, TestShop, item, open_shop, order_fields

NOBODY = 65_534
SCHEMES = ["sqlite", *(["sqlalchemy+sqlite"] if "sqlalchemy-sqlite" in ADAPTED else [])]


@contextmanager
def locked(path: Path, kind: str = "IMMEDIATE") -> Iterator[Connection]:
    """Hold the file's lock in another process; a word sent to it lets go and takes it again."""
    context = get_context("spawn")
    here, there = context.Pipe()
    process = context.Process(target=hold_the_lock, args=(str(path), kind, there))
    process.start()
    there.close()
    try:
        assert here.recv() == "held"
        yield here
    finally:
        here.send("end")
        process.join(30)
        here.close()


def test_a_lock_held_beyond_the_timeout_is_503_and_then_over(tmp_path: Path) -> None:
    """Nothing happened, `Retry-After` says when, and reads go on meanwhile."""
    path = tmp_path / "shop.db"
    shop = open_shop(f"sqlite:///{path}", pool_timeout=0.2)
    front = shop.storefront()
    cart_id = front.cart(item("lamp"))["cart_id"]
    fields = order_fields(cart_id)
    with locked(path):
        refused = front.call("convertToOrder", key="buy", **fields)
        assert (refused.status, refused.code) == (503, "storage_unavailable")
        assert refused.headers["Retry-After"] == "1"
        assert front.ok("cart.get", cart_id=cart_id)["status"] == "open"
        with pytest.raises(BridgeError, match="storage_unavailable"):
            shop.bridge.connections.disable(front.client_id)
    # Nothing was spent: the very same request is good now.
    assert front.call("convertToOrder", key="buy", **fields).status == 200
    assert (len(shop.bridge.orders.search()), shop.stock("lamp")) == (1, 2)
    shop.bridge.close()


@rounds(1, 10)
def test_traffic_while_the_file_is_locked_again_and_again(tmp_path: Path, seeds) -> None:
    """Whoever was told 503 finds that nothing happened, and its retry has one effect."""
    came: Counter[tuple[str, int | None]] = Counter()
    for seed in seeds:
        path = tmp_path / f"shop-{seed}.db"
        shop = open_shop(f"sqlite:///{path}", pool_timeout=0.05)
        market = Market.of(shop)
        with locked(path) as holder:
            stop = threading.Event()

            def flicker(holder: Connection = holder, stop: threading.Event = stop) -> None:
                while not stop.wait(0.1):
                    holder.send("flicker")
                    holder.recv()

            flickering = threading.Thread(target=flicker)
            flickering.start()
            try:
                run(
                    market,
                    in_process(shop.bridge),
                    seed=seed,
                    threads=True,
                    patience=100,
                    pause=0.02,
                )
            finally:
                stop.set()
                flickering.join()
        attempts = prove(market, shop, seed=seed, faults_leave_nothing=True)
        came.update((one.action, one.status) for one in attempts)
        shop.bridge.close()
    assert any(status == 503 for _, status in came)
    assert came["convertToOrder", 200]


# What only a process of its own can try: a limit on files, another user.


def _traffic_under(database: str, spoil: Callable[[], None], told: Connection) -> None:
    """Trade, spoil the file, trade on, and hand over what happened."""
    shop = open_shop(database, pool_timeout=0.2)
    market = Market.of(shop)
    run(market, in_process(shop.bridge), seed=1, clients=2, steps=4)
    before = len(market.history.attempts)
    spoil()
    run(
        market,
        in_process(shop.bridge),
        seed=2,
        clients=2,
        steps=25,
        patience=2,
        names="spoilt",
    )
    shop.bridge.close()
    unlimited()
    told.send((market.history, market.secrets, before))


def limited() -> None:
    """Let no file of this process grow: the kernel answers as a full disk does."""
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    _, most = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, most))


def unlimited() -> None:
    """Let files grow again: what measures the tests writes its own at the end of a process."""
    _, most = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (most, most))


def spoilt(database: str, spoil: Callable[[], None]) -> tuple[Market, int, SetClock]:
    """Trade in a process that spoils its own file; give the market and when it was spoilt."""
    context = get_context("spawn")
    here, there = context.Pipe()
    process = context.Process(target=_traffic_under, args=(database, spoil, there))
    process.start()
    there.close()
    assert here.poll(120), "the process hung"
    history, secrets, before = here.recv()
    process.join(60)
    assert process.exitcode == 0
    clock = SetClock()
    market = Market(
        clock=clock,
        history=history,
        secrets=secrets,
        carts={client_id: [] for client_id in secrets},
        orders={client_id: [] for client_id in secrets},
    )
    return market, before, clock


def recovered(database: str, market: Market, clock: SetClock) -> TestShop:
    """Open the file again and trade on, as if nothing had been."""
    shop = open_shop(database, stocked=False, clock=clock, entropy=CountedEntropy(b"later"))
    known = len(market.history.attempts)
    run(market, in_process(shop.bridge), seed=3, clients=2, steps=6, names="later")
    assert {one.outcome for one in market.history.attempts[known:]} <= {"known", "refused"}
    return shop


@pytest.mark.parametrize("scheme", SCHEMES)
def test_a_disk_that_is_full_takes_nothing_and_loses_nothing(tmp_path: Path, scheme: str) -> None:
    """What was acknowledged before stays, what came then is 503, and afterwards it goes on."""
    database = f"{scheme}:///{tmp_path}/shop.db"
    market, before, clock = spoilt(database, limited)
    during = market.history.attempts[before:]
    assert {one.code for one in during if one.status == 503} == {"storage_unavailable"}
    assert not any(one.status == 500 for one in during)
    shop = recovered(database, market, clock)
    prove(market, shop, seed=1, faults_leave_nothing=True)
    shop.bridge.close()


@pytest.mark.parametrize("scheme", SCHEMES)
def test_a_small_disk_that_is_full_takes_nothing_and_loses_nothing(
    tmp_path: Path, scheme: str
) -> None:
    """The same on a file system of its own, whose last block is given away."""
    small = tmp_path / "small"
    small.mkdir()
    mounting = ["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", str(small)]
    if os.geteuid() or subprocess.run(mounting, capture_output=True, check=False).returncode:
        pytest.skip("a file system of its own can be mounted by root alone")
    try:
        database = f"{scheme}:///{small}/shop.db"
        shop = open_shop(database)
        market = Market.of(shop)
        run(market, in_process(shop.bridge), seed=1, clients=2, steps=4)
        ballast = small / "ballast"
        filled = len(market.history.attempts)
        _fill(ballast)
        run(market, in_process(shop.bridge), seed=2, clients=2, steps=25, patience=2, names="full")
        during = market.history.attempts[filled:]
        assert {one.code for one in during if one.status == 503} == {"storage_unavailable"}
        assert not any(one.status == 500 for one in during)
        ballast.unlink()
        freed = len(market.history.attempts)
        run(market, in_process(shop.bridge), seed=3, clients=2, steps=6, names="later")
        assert {one.outcome for one in market.history.attempts[freed:]} <= {"known", "refused"}
        prove(market, shop, seed=1, faults_leave_nothing=True)
        shop.bridge.close()
    finally:
        subprocess.run(["umount", str(small)], check=True)


def _fill(path: Path) -> None:
    with path.open("wb", buffering=0) as ballast:
        try:
            while True:
                ballast.write(bytes(4096))
        except OSError as error:
            assert error.errno == errno.ENOSPC  # noqa: PT017 -- the end of the disk


def _read_only(database: str, told: Connection) -> None:
    """Trade as a user who may read the file and not write it."""
    warm = open_shop(told.recv())
    run(Market.of(warm), in_process(warm.bridge), seed=0, steps=2)
    warm.bridge.close()
    shop = open_shop(database, stocked=False, pool_timeout=0.2)
    if os.geteuid() == 0:
        # Only now: the interpreter may be root's own, and everything is imported.
        os.seteuid(NOBODY)
    client_id, secret = told.recv()
    market = Market(
        clock=shop.clock,
        history=told.recv(),
        secrets={client_id: secret},
        carts={client_id: []},
        orders={client_id: []},
    )
    run(market, in_process(shop.bridge), seed=4, clients=2, steps=4, patience=2, names="shut")
    shop.bridge.close()
    told.send(market.history)


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("folder", [False, True], ids=["file", "folder"])
def test_a_read_only_file_takes_nothing_and_loses_nothing(
    folder: bool, scheme: str, request, tmp_path: Path
) -> None:
    """Every write is 503 until the permission is back; the file is the same to the byte."""
    home = Path(subprocess.check_output(["mktemp", "-d"], text=True).strip())
    request.addfinalizer(lambda: subprocess.run(["rm", "-rf", str(home)], check=True))
    request.addfinalizer(lambda: canary_of(request.config).look_at_files(home))
    database = f"{scheme}:///{home}/shop.db"
    shop = open_shop(database)
    market = Market.of(shop, connections=1)
    run(market, in_process(shop.bridge), seed=1, clients=2, steps=6)
    shop.bridge.close()
    before = (home / "shop.db").read_bytes()
    for path in home.iterdir():
        path.chmod(0o444)
    home.chmod(0o555 if folder else 0o755)
    context = get_context("spawn")
    here, there = context.Pipe()
    process = context.Process(target=_read_only, args=(database, there))
    process.start()
    there.close()
    here.send(f"{scheme}:///{tmp_path}/warm.db")
    here.send(next(iter(market.secrets.items())))
    here.send(market.history)
    assert here.poll(60), "the process hung"
    known = len(market.history.attempts)
    market.history = here.recv()
    process.join(60)
    during = [one for one in market.history.attempts[known:] if one.action != "cart.get"]
    assert {(one.status, one.code) for one in during} == {(503, "storage_unavailable")}
    assert (home / "shop.db").read_bytes() == before
    home.chmod(0o755)
    for path in home.iterdir():
        path.chmod(0o644)
    again = recovered(database, market, shop.clock)
    prove(market, again, seed=1, faults_leave_nothing=True)
    again.bridge.close()
