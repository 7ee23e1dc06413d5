"""Files of an archive: found in folders, lists, tar and zip archives and object stores, and opened for reading."""
