import { createRequire } from 'node:module'
import { join } from 'node:path'
import { Worker } from 'node:worker_threads'
import { ownFolder } from '../../own-folder.js'

export interface Argon2Parameters {
  kind: 'argon2i' | 'argon2id'
  memory: number
  iterations: number
  parallelism: number
  salt: Buffer
  length: number
}

/** Evaluated as CommonJS, so that the same text works from source, from a build and from a package. */
const WORKER = `
  const { parentPort, workerData: { path, kind, password, salt, options } } = require('node:worker_threads')
  require(path)[kind]({ ...options, password, salt, outputType: 'binary' })
    .then((hash) => parentPort.postMessage(hash))
`

/** Undefined in a bundle that has no packages beside it. */
function pathOfHashWasm (): string | undefined {
  const own = ownFolder()
  try {
    return own === undefined ? undefined : createRequire(join(own, 'any.js')).resolve('hash-wasm')
  } catch {
    return undefined
  }
}

/** Computed in a thread of its own: it takes up to half a second, in which nothing else would be answered. */
export async function argon2 (password: string, parameters: Argon2Parameters): Promise<Buffer> {
  const { kind, memory, iterations, parallelism, salt, length } = parameters
  const options = { memorySize: memory, iterations, parallelism, hashLength: length }
  const path = pathOfHashWasm()
  if (path === undefined) {
    const algorithms = await import('hash-wasm')
    return Buffer.from(await algorithms[kind]({ ...options, password, salt, outputType: 'binary' }))
  }
  const worker = new Worker(WORKER, { eval: true, execArgv: [], workerData: { path, kind, password, salt, options } })
  try {
    return Buffer.from(
      await new Promise<Uint8Array>((resolve, reject) => worker.once('message', resolve).once('error', reject)),
    )
  } finally {
    await worker.terminate()
  }
}
