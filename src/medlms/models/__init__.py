"""Weights: where they come from, how they are loaded, what adapters add to them."""
