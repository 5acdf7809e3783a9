// The same guard with Fastify's own log, written to a file as an operator would.
process.env.LOGGED = 'true'
await import('./fastify-request.mjs')
