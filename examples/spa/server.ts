import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { build } from 'esbuild'
import Fastify, { type FastifyInstance } from 'fastify'

const HERE = import.meta.dirname
const FILES = { '/style.css': 'text/css', '/icon.svg': 'image/svg+xml', '/leaves.svg': 'image/svg+xml' }

/** The app as one script; the client is bundled from its source, as from `node_modules` elsewhere. */
async function bundle (): Promise<string> {
  const { outputFiles: [file] } = await build({
    entryPoints: [join(HERE, 'src/main')],
    alias: { 'fastify-kratos/client': join(HERE, '../../src/client/client') },
    bundle: true,
    write: false,
    format: 'esm',
    target: 'es2022',
    minify: true,
    // The compiler's business; the alias above is what counts here.
    tsconfigRaw: {},
  })
  if (file === undefined) throw new Error('the demo has no script')
  return file.text
}

/**
 * The demo as any static host would serve it, under a strict content policy.
 * @param servicePort port of the service on the page's own host name
 */
export async function buildPage (servicePort: number): Promise<FastifyInstance> {
  const page = Fastify({ forceCloseConnections: true })
  const services = ['localhost', '127.0.0.1'].map((host) => `http://${host}:${servicePort}`).join(' ')
  const policy = `default-src 'self'; connect-src ${services}; img-src 'self' data:; object-src 'none'; ` +
    "base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
  page.addHook('onSend', async (_request, reply) => {
    reply.headers({ 'content-security-policy': policy, 'x-content-type-options': 'nosniff', 'referrer-policy': 'no-referrer' })
  })
  const read = (file: string): Promise<string> => readFile(join(HERE, file), 'utf8')
  const script = await bundle()
  page.get('/app.js', (_request, reply) => reply.type('text/javascript; charset=utf-8').send(script))
  for (const [path, type] of Object.entries(FILES)) {
    page.get(path, async (_request, reply) => reply.type(`${type}; charset=utf-8`).send(await read(path.slice(1))))
  }
  // Every other path is a view, and the app knows which of them it has.
  page.get('/*', async (_request, reply) => {
    const html = await read('index.html')
    return reply.type('text/html; charset=utf-8').send(
      html.replace('name="service-port" content="3000"', `name="service-port" content="${servicePort}"`),
    )
  })
  return page
}
