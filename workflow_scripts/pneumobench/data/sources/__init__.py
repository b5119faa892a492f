"""Where images come from: one module for each source, all of them ending in one kind of list."""
