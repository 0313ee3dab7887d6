"""Floor 0: what a shop is made of — money, carts, orders, connections. No HTTP, no storage."""
