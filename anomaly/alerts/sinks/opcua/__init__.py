"""OPC UA server with the state of each machine and its alarms (OPC 10000-9, Alarms and Conditions)."""
