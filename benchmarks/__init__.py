"""Side-by-side measurements, each one command; ratios within one run, so that they mean the same on any machine."""
