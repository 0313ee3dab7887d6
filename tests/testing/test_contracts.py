"""The kit's contracts can be mixed together, and say their rules to a person."""

import inspect
from collections import Counter

import pytest

from orderflow_bridge import testing
from orderflow_bridge.testing import StorageContract
from orderflow_bridge.testing.storage.contract import Contract

PARTS = StorageContract.__bases__
EVERY = [
    *PARTS,
    *(getattr(testing, name) for name in ("CatalogueContract", "HostContract", "PaymentsContract")),
]


def rules_of(contract: type) -> list[str]:
    """Name the tests that a contract itself has."""
    return [name for name in vars(contract) if name.startswith("test_")]


def test_no_two_contracts_have_a_test_of_one_name():
    """Mixed by inheritance, one of the two would never run."""
    names = Counter(name for contract in EVERY for name in rules_of(contract))
    assert [name for name, times in names.items() if times > 1] == []


def test_the_whole_contract_has_every_part():
    """A contract that is written is one that `StorageContract` holds a storage to."""
    written = [
        one for one in Contract.__subclasses__() if one.__module__.startswith(testing.__name__)
    ]
    assert set(written) - {StorageContract} == set(PARTS)
    assert {one.__name__ for one in EVERY} < set(testing.__all__)


@pytest.mark.parametrize("contract", EVERY)
def test_every_rule_is_a_sentence(contract: type):
    """A verdict prints one line for each: it begins large and ends with a full stop."""
    rules = rules_of(contract)
    assert rules
    for name in rules:
        sentence = inspect.getdoc(getattr(contract, name)) or ""
        assert sentence.count("\n") == 0, name
        assert sentence.endswith("."), name
        assert sentence[:1].isupper() or sentence.startswith("`"), name


class Opened:
    """What a factory gives, when the factory is a class."""

    def __init__(self, folder):
        self.folder = folder


def open_it(folder):
    """Open it."""
    return Opened(folder)


@pytest.mark.parametrize("factory", [open_it, staticmethod(open_it), Opened])
def test_a_factory_is_a_function_or_a_class(factory, tmp_path):
    """However it is written in the class, it is called with the folder alone."""
    mine = type("Mine", (StorageContract,), {"factory": factory})
    assert mine.opening()(tmp_path).folder == tmp_path


@pytest.mark.parametrize("attributes", [{}, {"factory": None}, {"factory": "shop:open_it"}])
def test_a_missing_factory_is_told(attributes):
    """The message says what to write."""
    mine = type("Mine", (StorageContract,), attributes)
    with pytest.raises(pytest.UsageError, match=r"Mine needs `factory = staticmethod"):
        mine.opening()
