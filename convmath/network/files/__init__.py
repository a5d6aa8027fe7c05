"""Networks in small TOML and YAML files, for people without a framework: reading and writing them."""
