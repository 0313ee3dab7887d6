"""What Django applies to the shop's own database."""
