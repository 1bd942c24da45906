"""Reports and pictures of docs."""
