"""Physics of rotating machines: lines in spectra that bearings, gears, shafts, blades and motors cause."""
