"""Text on the screen for the commands on stored scores: verdict, meaning, what to do next; figures with details."""
