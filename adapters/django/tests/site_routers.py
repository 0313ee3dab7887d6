"""Where the site of these tests keeps the bridge's tables."""


class ToSqlite:
    """Send the bridge's tables to the alias `sqlite`, and leave the rest where it is."""

    def db_for_read(self, model, **_hints):
        return "sqlite" if model._meta.app_label == "orderflow_bridge" else None

    db_for_write = db_for_read
