"""A small Stripe on loopback: the routes, test cards, webhooks and faults this project needs."""
