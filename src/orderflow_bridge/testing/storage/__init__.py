"""The contracts of a storage, one file for each port and one for each thing that can go wrong.

`contract.py` has the one that holds a storage to all of them.
"""
