"""The parts of the check that need no torch: inputs, bounds, structure, decisions, self-test, test vectors."""
