"""Figures: every module here that has `run(size)` is measured by `python -m benchmarks`, beside peers."""
