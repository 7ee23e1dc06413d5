"""Access: users, tokens, sessions, limits, and the log of actions."""
