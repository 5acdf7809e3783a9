import { createServer, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Test } from 'tap'

const escape = (text: unknown): string =>
  String(text).replaceAll('&', '&amp;').replaceAll('"', '&quot;').replaceAll('<', '&lt;')

/** An input or script of a form. Labels become placeholders and texts of buttons. */
function element ({ type, attributes, meta }: Record<string, any>): string {
  const kept = Object.entries(attributes)
    .filter(([name, value]) => !['node_type', 'onclickTrigger', 'onloadTrigger', 'onload'].includes(name) && value !== false)
    .map(([name, value]) => ` ${name}="${escape(value)}"`).join('')
  const label = escape(meta.label?.text ?? '')
  if (type === 'script') return `<script${kept}></script>`
  if (type !== 'input') return ''
  return ['submit', 'button'].includes(attributes.type)
    ? `<button${kept} formnovalidate>${label}</button>`
    : `<input${kept} placeholder="${label}">`
}

const messagesOf = (ui: Record<string, any>): string =>
  [...(ui['messages'] ?? []), ...ui['nodes'].flatMap(({ messages }: any) => messages)]
    .map(({ id, text }) => `<p role="alert">${id} ${escape(text)}</p>`).join('')

const document = (title: string, body: string): string => `<!doctype html><title>${title}</title><h1>${title}</h1>${body}`

/** A page for forms of Kratos, as an app would have it: the server fetches the flow with the cookies of the browser. */
export async function startPage (t: Test, publicUrl: string, port: number): Promise<string> {
  const ask = async (path: string, request: IncomingMessage): Promise<Record<string, any>> => {
    const headers = { accept: 'application/json', cookie: request.headers.cookie ?? '' }
    return await (await fetch(`${publicUrl}${path}`, { headers })).json() as Record<string, any>
  }
  const content = async (request: IncomingMessage): Promise<string> => {
    const url = new URL(request.url ?? '/', 'http://localhost')
    const kind = url.pathname.slice(1)
    if (kind === '') {
      const session = await ask('/sessions/whoami', request)
      const methods = (session['authentication_methods'] ?? []).map(({ method, aal }: any) => `${method} ${aal}`)
      return document('home', `<pre>${methods.join(', ')}</pre>`)
    }
    const { ui, ...rest } = await ask(`/self-service/${kind}/flows?id=${url.searchParams.get('flow')}`, request)
    if (ui === undefined) return document('error', `<pre>${escape(JSON.stringify(rest))}</pre>`)
    const fields = ui.nodes.map(element).join('\n')
    return document(kind, `${messagesOf(ui)}<form action="${escape(ui.action)}" method="${ui.method}">${fields}</form>`)
  }
  const server = createServer((request, response) => {
    content(request).then(
      (html) => response.writeHead(200, { 'content-type': 'text/html' }).end(html),
      (error) => response.writeHead(500).end(String(error)),
    )
  })
  await new Promise<void>((resolve) => server.listen(port, 'localhost', resolve))
  t.teardown(async () => {
    server.closeAllConnections()
    await new Promise((resolve) => server.close(resolve))
  })
  return `http://localhost:${(server.address() as AddressInfo).port}`
}
