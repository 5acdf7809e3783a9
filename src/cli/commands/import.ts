import { createReadStream } from 'node:fs'
import { access } from 'node:fs/promises'
import { createInterface } from 'node:readline'
import { parseArgs } from 'node:util'
import { hostOf, isLoopback } from '../../doctor/hosts.js'
import { createKratosAdmin, KratosAwayError } from '../../service/admin/kratos-admin.js'
import { importLines } from '../../service/import/import.js'
import { createResumeFile } from '../../service/import/resume.js'
import { isHttpsUrl, isHttpUrl } from '../../url-rules.js'
import { type Command, type CommandIo, parsed, positive, UsageError } from './command.js'

const REFUSED_LINES = 1
const ABORTED = 3
/** Most that Kratos takes in one request. */
const MAX_BATCH = 1000

function readArguments (args: string[], env: CommandIo['env']) {
  const { values, positionals } = parsed(() =>
    parseArgs({
      args,
      allowPositionals: true,
      options: {
        'admin-url': { type: 'string' },
        batch: { type: 'string', default: '100' },
        resume: { type: 'string' },
        trust: { type: 'boolean', default: false },
        insecure: { type: 'boolean', default: false },
      },
    }),
  )
  const [file, ...rest] = positionals
  if (file === undefined || rest.length > 0) throw new UsageError('import wants one file with a JSON object in each line')
  const url = values['admin-url'] ?? env['KRATOS_ADMIN_URL'] ?? ''
  if (!isHttpUrl(url)) throw new UsageError("--admin-url, or KRATOS_ADMIN_URL, wants the URL of Kratos' admin port")
  if (!values.insecure && !isHttpsUrl(url) && !isLoopback(hostOf(url))) {
    throw new UsageError('the admin URL is neither https nor loopback: password hashes would travel in the clear (--insecure: they may)')
  }
  const batchSize = positive('batch', values.batch)
  if (batchSize > MAX_BATCH) throw new UsageError(`--batch is at most ${MAX_BATCH}`)
  return { file, url, batchSize, resume: values.resume ?? `${file}.resume`, isTrusted: values.trust }
}

/** Opened when the first line is asked for: lines that come before anybody listens are lost. */
async function * linesOf (file: string): AsyncGenerator<string> {
  yield * createInterface({ input: createReadStream(file), crlfDelay: Infinity })
}

async function run (args: string[], { env, print, tell, signal }: CommandIo): Promise<number> {
  const { file, url, batchSize, resume, isTrusted } = readArguments(args, env)
  await access(file).catch(() => {
    throw new UsageError(`${file} cannot be read`)
  })
  try {
    const { created, present, refused, isComplete } = await importLines({
      lines: linesOf(file),
      // A batch that was begun is ended, so that the resume file says what is done.
      kratos: createKratosAdmin({ url }),
      resume: createResumeFile(resume),
      isTrusted,
      batchSize,
      onRefused: (line, reason) => print(`line ${line}: ${reason}\n`),
      onProgress: (lines) => tell(`${lines} lines`),
      signal,
    })
    print(`${created} created, ${present} present already, ${refused} refused\n`)
    if (!isComplete) tell('stopped; start it again to go on')
    return refused > 0 ? REFUSED_LINES : 0
  } catch (error) {
    if (!(error instanceof KratosAwayError)) throw error
    tell(`aborted: ${error.message}; start it again to go on`)
    return ABORTED
  }
}

export const importIdentities: Command = {
  usage: '<file.jsonl> [--admin-url http://127.0.0.1:4434] [--batch 100] [--resume <file>] [--trust] [--insecure]',
  about: 'creates identities in Kratos, which may be repeated; status 0: all are there, 1: lines were refused, 3: aborted',
  run,
}
