// Fastify's own log, written to a file as an operator would.
import pino from 'pino'

export const loggerInstance = pino({}, pino.destination({ dest: 1, sync: false, minLength: 4096 }))
