"""The changes of the tables, applied by `manage.py migrate`."""
