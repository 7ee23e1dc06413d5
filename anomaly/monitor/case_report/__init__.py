"""Report of a case, to be attached to a work order: one HTML page, or a PDF."""
