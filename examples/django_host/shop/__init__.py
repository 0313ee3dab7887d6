"""The shop: books, the pages that show them, and the catalogue that the bridge sells from."""
