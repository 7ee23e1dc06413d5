"""Eight tasks on real data, each with an ordinary network, for the conversion of any network."""
