"""One tab a file: each builds its components, then wires its handlers."""
