"""Tables, figures and the report. Never imports torch."""
