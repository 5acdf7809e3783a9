import { plain, type Answer } from '../http/answer.js'
import type { Exchange } from '../http/exchange.js'
import { route, type Handler, type Route } from '../http/router.js'
import { rfc3339 } from '../clock.js'
import { escapeHtml } from '../courier/go-template/functions.js'
import type { CourierMessage } from '../store/messages.js'

const SHOWN = 100
const POLICY = "default-src 'none'; style-src 'self'"

const STYLE = `body { font: 1rem/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 50rem; padding: 0 1rem }
article { border-top: 1px solid #ccc; padding: 1rem 0 }
h2 { font-size: 1.1rem; margin: 0 }
pre { background: #f4f4f4; overflow-x: auto; padding: 1rem; white-space: pre-wrap }
iframe { border: 1px solid #ccc; height: 16rem; width: 100% }
`

const HEADERS = { 'Content-Security-Policy': POLICY, 'X-Content-Type-Options': 'nosniff', 'Referrer-Policy': 'no-referrer' }

const answer = (type: string, body: string): Answer => ({
  status: 200,
  headers: { ...HEADERS, 'Content-Type': `${type}; charset=utf-8` },
  body,
})

/** A page of another site that makes its name lead here must not read codes (DNS rebinding). */
function isOurHost ({ headers, kratos }: Exchange): boolean {
  const host = headers.get('host') ?? ''
  if (!URL.canParse(`http://${host}/`)) return false
  const { hostname } = new URL(`http://${host}/`)
  const configured = new URL(kratos.config.serve.admin.base_url).hostname
  return hostname === configured || hostname === 'localhost' || hostname === '[::1]' || /^127(\.\d+){3}$/.test(hostname)
}

const guarded = (handler: Handler): Handler => (ex) =>
  isOurHost(ex) ? handler(ex) : plain(403, 'Forbidden: this page is for the local machine only')

function article (ex: Exchange, message: CourierMessage): string {
  const { id, recipient, subject, template, status, createdAt, type } = message
  const { html } = ex.kratos.store.messages.content(id)
  const frame = html === ''
    ? ''
    : `<details><summary>HTML</summary><iframe sandbox title="HTML" srcdoc="${escapeHtml(html)}"></iframe></details>`
  return `<article><h2>${escapeHtml(subject === '' ? template : subject)}</h2>
<p>${escapeHtml(type)} to ${escapeHtml(recipient)}, ${rfc3339(createdAt)}, ${escapeHtml(status)}, ${escapeHtml(template)}</p>
<pre>${escapeHtml(message.body)}</pre>${frame}</article>`
}

function page (ex: Exchange): Answer {
  const messages = ex.kratos.store.messages.all().slice(0, SHOWN)
  const list = messages.length === 0 ? '<p>No messages yet.</p>' : messages.map((one) => article(ex, one)).join('\n')
  return answer(
    'text/html',
    `<!doctype html>
<html lang="en"><meta charset="utf-8"><title>Messages of the embedded Kratos</title>
<link rel="stylesheet" href="/messages.css"><h1>Messages</h1>
${list}
</html>
`,
  )
}

/** One page with the newest mails and text messages; only where the start asks for it. */
export const messagesPageRoutes: Route[] = [
  route('GET', '/admin', guarded(page)),
  route('GET', '/admin/messages.css', guarded(() => answer('text/css', STYLE))),
]
