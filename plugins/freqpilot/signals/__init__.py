"""Numbers to opinions, opinions to one decision. Pure."""
