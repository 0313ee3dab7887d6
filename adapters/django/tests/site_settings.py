"""The settings of the site that the tests run: one alias for each kind of database.

What the databases are called comes from the environment, so that every process of a test session
has the same ones. `OFB_TEST_POSTGRES` and `OFB_TEST_MYSQL` name other servers, as URLs without a
database.
"""

import importlib.util
import os
from urllib.parse import urlsplit

if importlib.util.find_spec("pymysql"):
    import pymysql

    pymysql.install_as_MySQLdb()


def server(variable: str, default: str) -> dict[str, object]:
    """Read where a server is."""
    parts = urlsplit(os.environ.get(variable, default))
    return {
        "HOST": parts.hostname,
        "PORT": parts.port or "",
        "USER": parts.username or "",
        "PASSWORD": parts.password or "",
        "NAME": os.environ.get("OFB_TEST_DJANGO_NAME", "ofb_test_django"),
    }


POSTGRES = server("OFB_TEST_POSTGRES", "postgresql://postgres@127.0.0.1:5432")
MARIADB = server("OFB_TEST_MYSQL", "mysql://root@127.0.0.1:3306")
SQLITE = {
    "ENGINE": "django.db.backends.sqlite3",
    "NAME": os.environ.get("OFB_TEST_DJANGO_FILE", ":memory:"),
    "OPTIONS": {"timeout": 60},
}

DATABASES = {
    # Nobody migrates this one.
    "default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"},
    "memory": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"},
    "sqlite": SQLITE,
    # The same file, by connections that wait for no lock.
    "hasty": SQLITE | {"OPTIONS": {"timeout": 0.1}},
    "postgres": {"ENGINE": "django.db.backends.postgresql"} | POSTGRES,
    "mariadb": {"ENGINE": "django.db.backends.mysql"} | MARIADB,
    # The same PostgreSQL database, by connections that are kept.
    "kept": {
        "ENGINE": "django.db.backends.postgresql",
        "CONN_MAX_AGE": None,
        "CONN_HEALTH_CHECKS": True,
    }
    | POSTGRES,
    "nowhere": {"ENGINE": "django.db.backends.postgresql"} | POSTGRES | {"PORT": 1},
}
SECRET_KEY = "only for tests"
USE_TZ = True
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
INSTALLED_APPS = [
    "django.contrib.admin",
    "django.contrib.contenttypes",
    "django.contrib.auth",
    "django.contrib.sessions",
    "django.contrib.messages",
    "orderflow_bridge_django",
    "shop",
]
ORDERFLOW_BRIDGE = {
    "MASTER_KEYS": "k1:7Jq0vXoB2mYd5w9LkTz3RsCfUeHgNiPa1bVxDtQyMuE",
    # The journal's thread opens a connection of its own, which tests that count them would see.
    "JOURNAL_ROWS": 0,
}
ROOT_URLCONF = "site_urls"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ]
        },
    }
]
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.auth.middleware.LoginRequiredMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]
STATIC_URL = "static/"
ALLOWED_HOSTS = ["*"]
