"""Training of networks and supernets, and their evaluation."""
