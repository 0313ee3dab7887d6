"""A signed cart-and-order API for the Python site you already run."""
