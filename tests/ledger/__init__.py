"""Every job has an identity and writes down what happens to it; whatever is disturbed, the sum must be right."""
