"""Reports on a compiled network: cost, pictures, pages, comparison with other chips."""
