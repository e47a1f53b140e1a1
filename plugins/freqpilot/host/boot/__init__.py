"""How the bot starts: plug-ins, config, and starts that are not clean."""
