"""lagmap: finds what makes a Python system slow, leak or stall. The program is a binary; this package finds it."""

from lagmap._find import find_lagmap

__all__ = ["find_lagmap"]
