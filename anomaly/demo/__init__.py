"""The whole chain on a simulated pump: learn, distil, compile, watch it fail, deliver the alert, report."""
