import { existsSync, readFileSync } from 'node:fs'
import type { SmtpConfig } from '../config/types.js'
import { DispatchError, type Channel } from './channel.js'

const TIMEOUT_MS = 10_000

const isTrue = (text: string | null): boolean => ['1', 't', 'T', 'TRUE', 'true', 'True'].includes(text ?? '')

/** What Kratos reads from `courier.smtp`. STARTTLS is a must unless it is disabled. */
function transportOptions (config: SmtpConfig): object {
  const uri = new URL(config.connection_uri ?? '')
  const isTls = uri.protocol === 'smtps:'
  const withoutTls = !isTls && isTrue(uri.searchParams.get('disable_starttls'))
  const user = decodeURIComponent(uri.username)
  const { client_cert_path: cert = '', client_key_path: key = '', local_name: name = '' } = config
  const hasClientKey = cert !== '' && key !== '' && existsSync(cert) && existsSync(key)
  const host = uri.hostname.replace(/^\[|\]$/g, '')
  const servername = uri.searchParams.get('server_name') ?? ''
  return {
    host,
    port: Number(uri.port) || (isTls ? 465 : 25),
    secure: isTls,
    requireTLS: !isTls && !withoutTls,
    ignoreTLS: withoutTls,
    name: name === '' ? 'localhost' : name,
    connectionTimeout: TIMEOUT_MS,
    greetingTimeout: TIMEOUT_MS,
    disableFileAccess: true,
    disableUrlAccess: true,
    ...(user === '' ? {} : { auth: { user, pass: decodeURIComponent(uri.password) } }),
    tls: {
      minVersion: 'TLSv1.2',
      rejectUnauthorized: !isTrue(uri.searchParams.get('skip_ssl_verify')),
      ...(servername === '' ? {} : { servername }),
      ...(hasClientKey ? { cert: readFileSync(cert), key: readFileSync(key) } : {}),
    },
  }
}

/** Mails by SMTP, with a text and an HTML part. */
export function smtpChannel (config: SmtpConfig): Channel {
  return async (kratos, message) => {
    // Loaded with the first mail, because most tests send none.
    const { createTransport } = await import('nodemailer')
    const transport = createTransport(transportOptions(config))
    const stop = (): void => transport.close()
    kratos.closing.addEventListener('abort', stop, { once: true })
    try {
      await transport.sendMail({
        from: config.from_name === undefined || config.from_name === ''
          ? config.from_address
          : { name: config.from_name, address: config.from_address },
        to: { name: '', address: message.recipient },
        subject: message.subject,
        headers: config.headers ?? {},
        text: message.body,
        html: kratos.store.messages.content(message.id).html,
      })
    } catch (error) {
      throw new DispatchError(reasonOf(error), 'failed to send email via smtp')
    } finally {
      kratos.closing.removeEventListener('abort', stop)
      transport.close()
    }
  }
}

interface SmtpFailure {
  code?: string
  message: string
  response?: string
  command?: string
  address?: string
  port?: number
}

/** As Go's client says it, where it is easily said. */
function reasonOf (error: unknown): string {
  const { code, message, response, address, port, command } = error as SmtpFailure
  const [, status, text] = /^(\d{3})[ -]?(.*)$/s.exec(response ?? '') ?? []
  if (status !== undefined) {
    const said = `${status} ${JSON.stringify(text)}`
    return command === 'RCPT TO' || command === 'MAIL FROM' || command === 'DATA'
      ? `gomail: could not send email 1: ${said}`
      : said
  }
  return code === 'ESOCKET' && message.includes('ECONNREFUSED') && address !== undefined
    ? `dial tcp ${address}:${port}: connect: connection refused`
    : message
}
