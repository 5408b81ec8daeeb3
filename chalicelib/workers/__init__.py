"""The Lambdas that nobody waits for: queues and the schedule."""
