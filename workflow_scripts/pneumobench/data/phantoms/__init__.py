"""Procedural chest radiographs of children: a data set with known truth that needs no download."""
