"""A configuration management database whose graph is good enough to decide with."""
