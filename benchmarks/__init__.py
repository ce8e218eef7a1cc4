"""Measurements beside their neighbours: only the ratios of one run say anything."""
