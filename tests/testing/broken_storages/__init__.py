"""Storages that each break one rule of the ports, by the port."""
