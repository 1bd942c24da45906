"""The page Detect."""
