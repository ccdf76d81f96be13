"""Language hosts and the sandbox, with real interpreters in real sandboxes."""
