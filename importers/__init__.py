"""One module per format: each turns bytes into claims and row errors, and touches no store."""
