// A proxy that looks at nothing: Kratos' own whoami, passed through by @fastify/http-proxy.
import proxy from '@fastify/http-proxy'
import Fastify from 'fastify'

const { PORT, KRATOS_URL } = process.env
const app = Fastify()
await app.register(proxy, { upstream: KRATOS_URL, prefix: '/sessions', rewritePrefix: '/sessions' })
await app.listen({ port: Number(PORT), host: '127.0.0.1' })
