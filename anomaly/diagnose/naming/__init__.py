"""Names from few examples: cases whose cause is known name later ones that resemble them."""
