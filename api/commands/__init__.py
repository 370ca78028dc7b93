"""One module per command of `pitboss`, each with its click command as `command`."""
