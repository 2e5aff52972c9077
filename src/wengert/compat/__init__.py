"""Other libraries' names, so that code written for them runs on wengert."""
