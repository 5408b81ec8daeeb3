"""What each kind of Stripe object can do: one module per kind, each naming the routes it serves."""
