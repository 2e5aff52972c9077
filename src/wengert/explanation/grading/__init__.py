"""The grader: what kind of mistake a gradient written by hand makes."""
