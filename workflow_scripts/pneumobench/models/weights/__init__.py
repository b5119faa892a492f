"""Starting weights: where published ones come from, and how they get into a network."""
