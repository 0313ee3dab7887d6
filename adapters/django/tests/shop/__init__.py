"""A site's own app, with its own table of orders."""
