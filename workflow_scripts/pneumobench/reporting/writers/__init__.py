"""Sections and their tables as HTML, LaTeX, Markdown and CSV; one module each."""
