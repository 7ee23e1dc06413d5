"""Reports of a training: what the command prints, and the page that travels in the bundle."""
