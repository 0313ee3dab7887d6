"""Pure rules of the door: signatures, secrets, the window, addresses and card data."""
