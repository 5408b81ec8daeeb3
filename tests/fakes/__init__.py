"""Fakes of every port, in memory, and a world that runs the real use cases over them.

    world = World()
    card = world.customer("acme")
    world.buy("acme", "50.00", card=card)
    world.run(minutes=5)
    assert_laws(world)

- `store`, `ledger`, `repositories`: the database. Any value of `Saved` is kept by its version; one
  that is named otherwise than by `organization_id` and `id` says so in `store.place_of`.
- `payments`: the provider as Stripe behaves: idempotency, declines, 3-D Secure, outages, events.
- `outside`: queue, documents, renderer, ids, pause.
- `steps`: a process that dies, or loses an answer, at its n-th I/O call.
- `values`: ready-made values; `laws`: what must hold of every world.
"""
