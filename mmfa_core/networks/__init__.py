"""One network a file, each with flat arguments and no knowledge of configurations."""
