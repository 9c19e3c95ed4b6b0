"""A real worker, in a process of its own, against a real broker."""
