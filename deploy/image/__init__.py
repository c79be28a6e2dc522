"""The images: what builds them, and what starts them once they are built."""
