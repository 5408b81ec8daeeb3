"""The one page of the local log-in: who to be, and what to be allowed."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from html import escape
from string import Template

from devstack.tokens import SCOPES


def log_in_page(*, hidden: Mapping[str, str], asked: Collection[str]) -> str:
    """Return the form as HTML; nothing in `hidden` can become markup."""
    return _PAGE.substitute(
        hidden="".join(
            f'<input type="hidden" name="{escape(name)}" value="{escape(value)}">'
            for name, value in hidden.items()
        ),
        scopes="".join(
            f'<label><input type="checkbox" name="scopes" value="{scope}"'
            f"{' checked' if scope in asked else ''}> {scope}</label>"
            for scope in SCOPES
        ),
    )


_PAGE = Template("""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Log in · local stack</title>
<style>
  :root { color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif; }
  body { display: grid; place-items: center; min-height: 100vh; margin: 0; }
  form { display: grid; gap: 1rem; width: min(22rem, 90vw); }
  fieldset { border: 1px solid #8888; border-radius: .5rem; display: grid; gap: .25rem; }
  .field { display: grid; gap: .25rem; }
  input[type=text] { font: inherit; padding: .5rem; border: 1px solid #888;
                     border-radius: .375rem; }
  button { font: inherit; font-weight: 600; padding: .625rem; border: 0; border-radius: .375rem;
           background: #1f5fbf; color: #fff; cursor: pointer; }
  h1 { font-size: 1.25rem; margin: 0; } p { margin: 0; opacity: .75; }
</style>
</head>
<body>
<form method="post">
  <h1>Log in to the local stack</h1>
  <p>For development on this machine. Choose who you are.</p>
  $hidden
  <label class="field">Organization
    <input type="text" name="organization" value="demo" required maxlength="64"
           pattern="[A-Za-z0-9_\\-]+" autocomplete="off" autofocus></label>
  <fieldset><legend>May</legend>$scopes</fieldset>
  <button type="submit">Continue</button>
</form>
</body>
</html>
""")
