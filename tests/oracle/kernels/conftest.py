"""The kernels here are what is tested, and no tests; they import each other as a user's modules do."""

collect_ignore_glob = ["*_kernels.py"]
