"""What runs a list."""
