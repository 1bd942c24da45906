"""Every picture: data and drawing apart, one palette."""
