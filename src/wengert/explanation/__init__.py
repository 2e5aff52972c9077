"""What shows a list to a reader."""
