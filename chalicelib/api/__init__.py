"""The routes: each parses, authorises, calls one use case, presents."""
