"""Comparative measurements, one command each. Ratios within one run, so that they are comparable between machines."""
