"""What a storefront needs to call the bridge; imports nothing of the server."""
