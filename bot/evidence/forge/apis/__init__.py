"""One module a forge or registry. Each has a `FORGE`; bot.evidence.forge.catalog finds them."""
