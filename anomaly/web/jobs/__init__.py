"""Jobs of the dashboard: commands that run beside the server and outlive it."""
