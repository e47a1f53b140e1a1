"""The base of protections and pairlists, whose options FreqUI shows as a form."""
