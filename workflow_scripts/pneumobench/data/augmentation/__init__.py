"""Random variation of images: drawn in policy.py, carried out in apply.py, online and offline."""
