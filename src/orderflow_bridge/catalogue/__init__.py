"""Floor 5: the default catalogue — what an operator does with it, and its import from CSV."""
