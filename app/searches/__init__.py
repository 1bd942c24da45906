"""The page Searches."""
