"""Personalised treatment: genes, other drugs, kidneys and liver, and what they mean for what is prescribed."""
