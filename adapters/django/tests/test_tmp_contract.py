from tests.storage.test_contract_units import *
from tests.storage.test_contract_carts import *
from tests.storage.test_contract_orders import *
from tests.storage.test_contract_ledgers import *
from tests.storage.test_contract_products import *
from tests.storage.test_concurrency import TestThreads
