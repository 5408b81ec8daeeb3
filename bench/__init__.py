"""`make bench`: what a model call costs, in counted units and in ratios: docs/benchmarks.md."""
