"""Programs with Google's clients for Python, called as `python -m …`: ACTION SOURCE DESTINATION NAME."""
