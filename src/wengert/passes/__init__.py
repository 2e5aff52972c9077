"""Lists to lists of the same meaning, cheaper."""
