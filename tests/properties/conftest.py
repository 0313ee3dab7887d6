"""Examples that are the same in every run, and how many of them."""
