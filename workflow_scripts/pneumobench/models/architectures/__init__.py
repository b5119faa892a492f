"""The architectures, one file each; a new file here is a new name in the configuration."""
