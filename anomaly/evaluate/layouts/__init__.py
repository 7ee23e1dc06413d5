"""Layouts of labelled data sets, recognised by folder and file names."""
