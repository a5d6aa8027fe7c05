"""The formulas: each written once, run on numbers and proved on symbols."""
