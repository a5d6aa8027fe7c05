"""Statements and derivations as LaTeX, Markdown and text."""
