"""The local stack: the application with stand-ins for AWS, Stripe and an identity provider.

`__main__` is `make run`; `stack` starts the processes that `layout` lists and binds them together
(`crew`, `parts`, `tether`, `janitor`). `web` and `gateway` stand for API Gateway, `worker` and
`sources` for Lambda's event sources, `oidc` and `tokens` for the issuer of tokens, the package
`stripe` for Stripe; AWS is ministack, its resources are created from the template by `aws`.
"""
