"""Status of a site as its database and lock files show it, beside a running monitor or without one."""
