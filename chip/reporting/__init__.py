"""Reports about a network on the chip: text, HTML, pictures, comparison with other chips."""
