"""Sizes that know how they were computed, and where they stand among the parameters of operators."""
