"""Lists to lists: the mathematics."""
