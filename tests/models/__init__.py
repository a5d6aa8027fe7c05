"""Published networks as torch modules, each written out from its paper."""
