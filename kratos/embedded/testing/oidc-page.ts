const escaped = (text: string): string =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('"', '&quot;')

/**
 * The authorize page of the test provider: everybody is who they say.
 * @param query of the authorization request, kept
 */
export function signInPage (query: URLSearchParams): string {
  const kept = [...query].filter(([name]) => name !== 'sub' && name !== 'email')
    .map(([name, value]) => `<input type="hidden" name="${escaped(name)}" value="${escaped(value)}">`).join('')
  return `<!doctype html><html lang="en"><meta charset="utf-8"><title>Dummy provider</title>
<h1>Dummy provider</h1><p>For development and tests only: no password is asked for.</p>
<form method="get" action="/authorize">${kept}
<p><label>Subject <input name="sub" required value="user-1"></label></p>
<p><label>E-mail <input name="email" type="email" value="${escaped(query.get('login_hint') ?? '')}"></label></p>
<p><button>Sign in</button></p></form></html>`
}
