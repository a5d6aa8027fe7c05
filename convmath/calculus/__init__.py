"""The proof engine: terms, certificates, the kernel's rules, the chains in which proofs are written, and rechecking."""
