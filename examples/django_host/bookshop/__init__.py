"""The project: settings, addresses, and the two ways to serve it."""
