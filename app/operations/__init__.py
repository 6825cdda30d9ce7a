"""What a caller can ask of the service; the locks and the threads live here, and only here."""
