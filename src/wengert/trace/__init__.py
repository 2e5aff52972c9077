"""From NumPy to the list."""

from wengert.trace import spellings as spellings
