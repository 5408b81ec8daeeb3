"""The whole money path in one process and one thread, with nothing real in it but our own code."""
