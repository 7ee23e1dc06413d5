"""Transfer from a source to the file: resonances of the structure, room and microphone, as linear filters."""
