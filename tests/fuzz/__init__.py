"""Mutated documents and mutated answers of services. Every mutant has a recipe that makes it again."""
