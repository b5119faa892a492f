"""What every other room stands on: errors, files, configuration. Never imports torch."""
