"""Measurements. Every figure is taken beside another one in the same run, so that the machine cancels out."""
