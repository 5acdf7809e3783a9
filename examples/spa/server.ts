import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import Fastify, { type FastifyInstance } from 'fastify'

const FILES = { '/app.js': 'text/javascript', '/style.css': 'text/css', '/icon.svg': 'image/svg+xml' }
/** Where Kratos may send a browser (`ui_url` in kratos.yml); all of them show the same page. */
const VIEWS = ['/', '/login', '/registration', '/recovery', '/verification', '/settings', '/error']

/**
 * The demo page as any static host would serve it, under a strict content policy.
 * @param servicePort port of the service on the page's own host name
 */
export function buildPage (servicePort: number): FastifyInstance {
  const page = Fastify({ forceCloseConnections: true })
  const services = ['localhost', '127.0.0.1'].map((host) => `http://${host}:${servicePort}`).join(' ')
  const serve = (path: string, file: string, type: string): void => {
    page.get(path, async (_request, reply) => {
      reply.header('content-security-policy', `default-src 'self'; connect-src ${services}; frame-ancestors 'none'`)
      const text = await readFile(join(import.meta.dirname, file), 'utf8')
      return reply.type(`${type}; charset=utf-8`).send(
        text.replace('name="service-port" content="3000"', `name="service-port" content="${servicePort}"`),
      )
    })
  }
  for (const [path, type] of Object.entries(FILES)) serve(path, path.slice(1), type)
  for (const path of VIEWS) serve(path, 'index.html', 'text/html')
  return page
}
