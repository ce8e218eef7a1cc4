"""Thirty stories of a commons, told by its people and the bot: what they do, what the bot says, what main holds afterwards."""
