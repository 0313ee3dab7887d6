"""The bridge in a Django site: its storage is the site's database, through the site's own ORM."""
