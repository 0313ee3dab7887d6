"""The settings of a Django site that has nothing but the bridge's tables, for tests of storages.

`tests/databases.py` says which databases there are, so that every process of a test has the same.
"""

import importlib.util
import json
import os

if importlib.util.find_spec("pymysql"):
    import pymysql

    pymysql.install_as_MySQLdb()

SECRET_KEY = "only for these tests"
INSTALLED_APPS = ["orderflow_bridge_django"]
DATABASES = json.loads(os.environ.get("OFB_TEST_DJANGO_DATABASES", "{}"))
USE_TZ = True
