"""The sections of the report, a module each: `build(files, words) -> Section | None`."""
