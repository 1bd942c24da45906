"""The page of `evonas find`."""
