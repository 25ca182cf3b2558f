"""Faults between the deployed functions and everything they reach, each at a planned request, on the local stack."""
