"""What a ledger of stock promises."""

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import ClassVar

import pytest

from orderflow_bridge.capabilities import stock_of
from orderflow_bridge.domain.errors import Conflict
from orderflow_bridge.ports import Capability, Storage, Unit
from orderflow_bridge.testing.samples import entry, order, put, transact
from orderflow_bridge.testing.storage.contract import Contract

__all__ = ["StockContract"]


class StockContract(Contract):
    """The port `StockLedger`."""

    needs: ClassVar[Capability | None] = "stock"

    def fill(self, storage: Storage, stock: Mapping[str, int]) -> None:
        """Track so much of each sku; override it where the storage keeps no products."""
        self.skip_without(storage, "products")
        put(storage, *(entry(sku, stock=left) for sku, left in stock.items()))

    def test_stock_take_and_give_back(self, storage: Storage) -> None:
        """What was taken and given back is there again."""
        self.fill(storage, {"A": 5, "B": 1})
        with storage.writing() as unit:
            stock_of(unit).take({"B": 1, "A": 2})
            assert stock_of(unit).available(["A", "B"]) == {"A": 3, "B": 0}
        with storage.writing() as unit:
            stock_of(unit).give_back({"B": 1, "A": 2})
        with storage.reading() as unit:
            assert stock_of(unit).available(["A", "B", "C"]) == {"A": 5, "B": 1}
            assert stock_of(unit).available(["A"]) == {"A": 5}
            assert stock_of(unit).available([]) == {}

    @pytest.mark.parametrize(
        "wanted",
        [{"A": 1, "B": 2}, {"A": 1, "UNTRACKED": 1}, {"A": 6}],
        ids=["second short", "untracked", "first short"],
    )
    def test_stock_take_is_all_or_nothing(
        self, storage: Storage, wanted: Mapping[str, int]
    ) -> None:
        """One sku that is short, or not tracked, leaves every other as it was."""
        self.fill(storage, {"A": 5, "B": 1})
        with pytest.raises(Conflict), storage.writing() as unit:
            stock_of(unit).take(wanted)
        with storage.reading() as unit:
            assert stock_of(unit).available(["A", "B"]) == {"A": 5, "B": 1}

    def test_stock_taking_nothing_is_fine(self, storage: Storage) -> None:
        """Nothing, and none of a sku, can always be taken."""
        self.fill(storage, {"A": 0})
        with storage.writing() as unit:
            stock_of(unit).take({})
            stock_of(unit).take({"A": 0})
            stock_of(unit).give_back({})
            assert stock_of(unit).available(["A"]) == {"A": 0}

    def test_stock_that_is_not_tracked_is_not_given_back(self, storage: Storage) -> None:
        """A sku whose tracking ended stays unlimited."""
        self.fill(storage, {"A": 5})
        with storage.writing() as unit:
            stock_of(unit).give_back({"A": 1, "GONE": 3})
            assert stock_of(unit).available(["A", "GONE"]) == {"A": 6}

    def test_stock_is_back_when_the_unit_fails(self, storage: Storage) -> None:
        """What a failed unit took was never gone."""
        self.fill(storage, {"A": 5})

        def fail() -> None:
            with storage.writing() as unit:
                stock_of(unit).take({"A": 5})
                raise ValueError("fault")

        with pytest.raises(ValueError, match="fault"):
            fail()
        with storage.reading() as unit:
            assert stock_of(unit).available(["A"]) == {"A": 5}

    def test_stock_skus_compare_as_bytes(self, storage: Storage) -> None:
        """Case, accents, spaces at the end and the marks of SQL make another sku."""
        skus = ["tea", "Tea", "tea ", "té", "a'b", "a%sb", "a?b", "a%b", "a\\b", "☕", "{0}"]
        self.fill(storage, dict.fromkeys(skus, 3))
        with storage.writing() as unit:
            stock_of(unit).take({"tea": 1})
        with storage.writing() as unit:
            stock_of(unit).take(dict.fromkeys(skus, 1))
            left = dict.fromkeys(skus, 2) | {"tea": 1}
            assert stock_of(unit).available([*skus, "TEA", "te"]) == left

    def test_stock_of_two_thousand_skus_in_one_call(self, storage: Storage) -> None:
        """A cart's skus come in one call, however many there are."""
        skus = [f"SKU-{number:05d}" for number in range(2_000)]
        self.fill(storage, {sku: number for number, sku in enumerate(skus, 1)})
        with storage.writing() as unit:
            stock_of(unit).take(dict.fromkeys(skus, 1))
        with storage.reading() as unit:
            assert stock_of(unit).available(skus)["SKU-01999"] == 1_999

    def test_stock_the_last_one_is_sold_once(self, storage: Storage) -> None:
        """Eight threads want three units; three get one."""
        self.fill(storage, {"TEA": 3})
        with ThreadPoolExecutor(8) as pool:
            jobs = [pool.submit(buy_one, storage, f"order_{n}") for n in range(8)]
            assert sum(job.result() for job in jobs) == 3
        with storage.reading() as unit:
            assert stock_of(unit).available(["TEA"]) == {"TEA": 0}

    def test_stock_baskets_in_any_order_do_not_deadlock_for_good(self, storage: Storage) -> None:
        """Everyone gets through, whatever the order of their skus is."""
        skus = ["A", "B", "C", "D"]
        self.fill(storage, dict.fromkeys(skus, 1_000))

        def trade(turn: int) -> None:
            wanted = dict.fromkeys(skus[turn % 4 :] + skus[: turn % 4], 1)
            for _ in range(10):
                transact(storage, lambda unit: stock_of(unit).take(wanted))
                transact(storage, lambda unit: stock_of(unit).give_back({"A": 1}))

        with ThreadPoolExecutor(8) as pool:
            for job in [pool.submit(trade, turn) for turn in range(8)]:
                job.result()
        with storage.reading() as unit:
            left = stock_of(unit).available(skus)
        assert left == {"A": 1_000, "B": 920, "C": 920, "D": 920}


def buy_one(storage: Storage, order_id: str) -> bool:
    """Take one unit of TEA and place an order for it; False when it is sold out."""

    def act(unit: Unit) -> bool:
        if stock_of(unit).available(["TEA"])["TEA"] < 1:
            return False
        stock_of(unit).take({"TEA": 1})
        unit.orders.place(order(order_id))
        return True

    return transact(storage, act)
