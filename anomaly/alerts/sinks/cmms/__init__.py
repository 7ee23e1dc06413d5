"""Work orders in a maintenance system (CMMS): one per case, by templates of its HTTP interface.

``kind`` is the section of the site file, ``presets`` the templates of known systems, ``template`` fills them, ``sink``
sends the requests.
"""
