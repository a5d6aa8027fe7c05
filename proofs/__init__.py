"""The proofs of the catalogue, one module per subject."""
