"""Certificates of the integer facts that the proofs use, one file per entry."""
