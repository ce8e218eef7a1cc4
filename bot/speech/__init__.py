"""Floor 1, the voice: everything the bot says, pure. Foreign text enters Markdown through `md` and nowhere else."""
