"""The settings of the site that the tests run: one alias for each kind of database.

The names of the databases come from the environment, so that every process of a test session
has the same ones.
"""

import os

SECRET_KEY = "only for tests"
USE_TZ = True
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
INSTALLED_APPS = [
    "django.contrib.contenttypes",
    "django.contrib.auth",
    "orderflow_bridge_django",
]
DATABASES = {
    "default": {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": os.environ.get("OFB_DJANGO_SQLITE", ":memory:"),
    },
}
