import { once } from 'node:events'
import { createServer, get, type IncomingHttpHeaders, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import { simpleParser, type ParsedMail } from 'mailparser'
import { SMTPServer } from 'smtp-server'
import type { Test } from 'tap'
import { startEmbeddedKratos, type EmbeddedKratos, type EmbeddedKratosOptions } from '../../kratos/embedded/index.js'
import type { JsonObject } from '../../kratos/embedded/json.js'
import { call, register, submitFlow } from './client.js'

const base64 = (text: string): string => `base64://${Buffer.from(text).toString('base64')}`

async function start (t: Test, courier: JsonObject, options: EmbeddedKratosOptions = {}): Promise<EmbeddedKratos> {
  const overrides = {
    hashers: { bcrypt: { cost: 4 } },
    courier: { worker: { pull_wait: '1ms' }, message_retries: 1, ...courier },
  }
  const kratos = await startEmbeddedKratos({ overrides, env: {}, ...options })
  t.teardown(async () => await kratos.close())
  return kratos
}

/** The message once it has this status. */
async function delivered (kratos: EmbeddedKratos, recipient: string, status: string): Promise<JsonObject> {
  for (;;) {
    const path = `/admin/courier/messages?recipient=${encodeURIComponent(recipient)}`
    const list = (await call('GET', `${kratos.adminUrl}${path}`)).body as unknown as JsonObject[]
    const found = list.find((message) => message['status'] === status)
    if (found === undefined) {
      await new Promise((resolve) => setTimeout(resolve, 5))
      continue
    }
    return (await call('GET', `${kratos.adminUrl}/admin/courier/messages/${String(found['id'])}`)).body
  }
}

async function mailServer (t: Test, refusal?: number): Promise<{ port: number, mails: ParsedMail[] }> {
  const mails: ParsedMail[] = []
  const server = new SMTPServer({
    authOptional: true,
    disabledCommands: ['STARTTLS'],
    onRcptTo: (_address, _session, done) =>
      done(refusal === undefined ? undefined : Object.assign(new Error('no such user'), { responseCode: refusal })),
    onData: (stream, _session, done) => {
      simpleParser(stream).then((mail) => {
        mails.push(mail)
        done()
      }, done)
    },
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.teardown(() => server.close(() => {}))
  return { port: (server.server.address() as AddressInfo).port, mails }
}

interface Call {
  url: string
  headers: IncomingHttpHeaders
  body: JsonObject
}

async function receiver (t: Test, status = 200): Promise<{ url: string, calls: Call[] }> {
  const calls: Call[] = []
  const server = createServer((request, response) => {
    let text = ''
    request.on('data', (part) => { text += part }).on('end', () => {
      calls.push({ url: request.url ?? '', headers: request.headers, body: JSON.parse(text) })
      response.writeHead(status).end()
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.teardown(() => server.close())
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, calls }
}

export default async function (t: Test): Promise<void> {
  t.test('mails by SMTP', async (t) => {
    t.test('leave with sender, headers, text and HTML, and are sent then', async (t) => {
      const { port, mails } = await mailServer(t)
      const kratos = await start(t, {
        smtp: {
          connection_uri: `smtp://127.0.0.1:${port}/?disable_starttls=true`,
          from_name: 'Ä Shop',
          headers: { 'X-Shop': 'yes' },
        },
      })
      await register(kratos.publicUrl, 'ada@example.test')
      t.match(await delivered(kratos, 'ada@example.test', 'sent'), {
        send_count: 1,
        dispatches: [{ status: 'success', error: null }],
      })
      const [mail] = mails
      const [message] = kratos.messages('ada@example.test')
      t.equal(mail?.from?.text, '"Ä Shop" <no-reply@ory.kratos.sh>')
      t.equal(mail?.headers.get('x-shop'), 'yes')
      t.equal(mail?.subject, message?.subject)
      t.equal(mail?.text?.trim(), message?.body.trim())
      t.match(mail?.html, `<a href="${message?.link?.replaceAll('&', '&amp;') ?? ''}">`)
    })

    t.test('a refused one is tried again, and then abandoned with what the server said', async (t) => {
      const { port } = await mailServer(t, 550)
      const kratos = await start(t, { smtp: { connection_uri: `smtp://127.0.0.1:${port}/?disable_starttls=true` } })
      await register(kratos.publicUrl, 'no@example.test')
      const error = { code: 500, reason: 'failed to send email via smtp', message: 'gomail: could not send email 1: 550 "no such user"' }
      t.match(await delivered(kratos, 'no@example.test', 'abandoned'), {
        send_count: 2,
        dispatches: [{ status: 'failed', error }, { status: 'failed', error }],
      })
    })

    t.test('need STARTTLS unless it is disabled', async (t) => {
      const { port, mails } = await mailServer(t)
      const kratos = await start(t, { smtp: { connection_uri: `smtp://127.0.0.1:${port}/` } })
      await register(kratos.publicUrl, 'tls@example.test')
      await delivered(kratos, 'tls@example.test', 'abandoned')
      t.equal(mails.length, 0)
    })

    t.test('stay queued when nothing is configured, or when the courier is off', async (t) => {
      const { port, mails } = await mailServer(t)
      const smtp = { connection_uri: `smtp://127.0.0.1:${port}/?disable_starttls=true` }
      for (const kratos of [await start(t, {}), await start(t, { smtp }, { watchCourier: false })]) {
        await register(kratos.publicUrl, 'quiet@example.test')
        t.match(await delivered(kratos, 'quiet@example.test', 'queued'), { send_count: 0 })
      }
      t.equal(mails.length, 0)
    })
  })

  t.test('messages by HTTP', async (t) => {
    const channel = (url: string): JsonObject => ({
      url,
      method: 'POST',
      body: base64('function(ctx) ctx'),
      auth: { type: 'api_key', config: { name: 'Authorization', value: 'Bearer key', in: 'header' } },
    })

    t.test('carry the whole message as ctx', async (t) => {
      const { url, calls } = await receiver(t)
      const kratos = await start(t, { delivery_strategy: 'http', http: { request_config: channel(`${url}/mail`) } })
      await register(kratos.publicUrl, 'http@example.test')
      await delivered(kratos, 'http@example.test', 'sent')
      const [{ url: path, headers, body } = { url: '', headers: {}, body: {} }] = calls
      t.equal(path, '/mail')
      t.equal(headers['authorization'], 'Bearer key')
      t.match(body, {
        recipient: 'http@example.test',
        template_type: 'verification_code_valid',
        message_type: 'email',
        request_headers: {},
        html_body: /<a href="/,
        template_data: {
          to: 'http@example.test',
          verification_code: /^\d{6}$/,
          verification_url: /code=\d{6}/,
          expires_in_minutes: 60,
          identity: { traits: { email: 'http@example.test' } },
          request_url: /\/self-service\/registration\/api$/,
          transient_payload: {},
        },
      })
    })

    t.test('a refusing receiver abandons them, and a channel that is missing too', async (t) => {
      const { url } = await receiver(t, 404)
      const kratos = await start(t, { delivery_strategy: 'http', http: { request_config: channel(url) } })
      await register(kratos.publicUrl, 'gone@example.test')
      t.match(await delivered(kratos, 'gone@example.test', 'abandoned'), {
        dispatches: [{ error: { message: /upstream server replied with status code 404$/ } }, {}],
      })
    })
  })

  t.test('a server without a configuration of its own', async (t) => {
    t.test('calls nobody: its example has no web hooks and no mail server', async (t) => {
      const kratos = await startEmbeddedKratos({ env: {}, overrides: { hashers: { bcrypt: { cost: 4 } } } })
      t.teardown(async () => await kratos.close())
      const lines: string[] = []
      const loud = await startEmbeddedKratos({ env: {}, logger: (line) => lines.push(line) })
      t.teardown(async () => await loud.close())
      await register(loud.publicUrl, 'calm@example.test')
      await loud.close()
      t.notMatch(lines.join('\n'), /web hook|not delivered/)
      t.equal((await fetch(`${kratos.adminUrl}/`)).status, 404, 'no page either')
    })
  })

  t.test('page of messages', async (t) => {
    t.test('shows texts, and HTML only in a sandbox, to the local machine', async (t) => {
      const kratos = await start(t, {}, { messagesPage: true })
      await register(kratos.publicUrl, 'page@example.test')
      await submitFlow(kratos.publicUrl, 'recovery', { method: 'code', email: 'page@example.test' })
      const answer = await fetch(`${kratos.adminUrl}/`)
      const page = await answer.text()
      t.equal(answer.headers.get('content-security-policy'), "default-src 'none'; style-src 'self'")
      t.match(page, new RegExp(`<pre>[^<]*${kratos.messages('page@example.test')[0]?.code}`))
      t.match(page, /<iframe sandbox title="HTML" srcdoc="[^"]*&lt;a href=&#34;http/)
      t.notMatch(page, /<script|<a /)
      t.equal((await fetch(`${kratos.adminUrl}/messages.css`)).status, 200)
      const foreign = get(`${kratos.adminUrl}/`, { headers: { host: 'evil.example' } })
      const [{ statusCode }] = await once(foreign, 'response') as [IncomingMessage]
      t.equal(statusCode, 403)
    })
  })
}
