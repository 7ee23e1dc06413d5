"""Answers of other systems: a CMMS or SCADA acknowledges, shelves, assigns and closes cases, and reports work.

``answer_handler`` is the one way in, for HTTP and MQTT: it checks the signature, the time and the content, and changes
the case as ``anomaly cases`` does, once for each key.
"""
