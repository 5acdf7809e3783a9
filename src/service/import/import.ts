import { isDeepStrictEqual } from 'node:util'
import { isRecord, type JsonObject } from '../../kratos-client/kratos-body.js'
import type { KratosAdmin } from '../admin/kratos-admin.js'
import { readLine, refusalOf } from './line.js'
import type { ResumeFile } from './resume.js'

export interface ImportOptions {
  lines: AsyncIterable<string>
  kratos: Pick<KratosAdmin, 'createAll' | 'byExternalId'>
  resume: ResumeFile
  isTrusted: boolean
  batchSize: number
  /** Told of each line that is not imported, and why; never what stands in it. */
  onRefused: (line: number, reason: string) => void
  onProgress: (lines: number) => void
  signal: AbortSignal
}

export interface Imported {
  created: number
  /** Were there already: from an earlier run, or one that was cut short. */
  present: number
  /** With those of the runs that this one goes on from. */
  refused: number
  isComplete: boolean
}

interface Entry {
  line: number
  identity: JsonObject & { external_id: string }
}

const PROGRESS_EVERY = 1000

/**
 * Creates the identities of a file in Kratos. `external_id` is unique there, so whatever was sent twice is there once:
 * an import may be ended at any time and started again. @throws KratosAwayError
 */
export async function importLines (options: ImportOptions): Promise<Imported> {
  const { lines, kratos, resume, isTrusted, batchSize, onRefused, onProgress, signal } = options
  const done = await resume.read()
  const result: Imported = { created: 0, present: 0, refused: done.refused, isComplete: false }

  function refuse (line: number, reason: string): void {
    result.refused++
    onRefused(line, reason)
  }

  /** A conflict is nothing new where the identity is the one of the line. */
  async function settleConflict ({ line, identity }: Entry, error: unknown): Promise<void> {
    const there = await kratos.byExternalId(identity.external_id)
    if (there === undefined) return refuse(line, refusalOf(error))
    if (!isDeepStrictEqual(there['traits'], identity['traits'])) {
      return refuse(line, 'its external_id is there already, with other traits')
    }
    result.present++
  }

  async function settle (entry: Entry, outcome: unknown): Promise<void> {
    const error = isRecord(outcome) ? outcome['error'] : undefined
    if (isRecord(outcome) && outcome['action'] === 'create') result.created++
    else if (isRecord(error) && error['code'] === 409) await settleConflict(entry, error)
    else refuse(entry.line, refusalOf(error))
  }

  /** Kratos refuses some mistakes with the whole request: then halves tell whose it is. */
  async function send (entries: Entry[]): Promise<void> {
    const [first] = entries
    if (first === undefined) return
    const { status, body } = await kratos.createAll(entries.map(({ identity }) => identity))
    if (status === 200 && isRecord(body) && Array.isArray(body['identities'])) {
      const outcomes: unknown[] = body['identities']
      for (const [index, entry] of entries.entries()) await settle(entry, outcomes[index])
      return
    }
    if (entries.length === 1) return await settle(first, { error: isRecord(body) ? body['error'] : undefined })
    const middle = Math.ceil(entries.length / 2)
    await send(entries.slice(0, middle))
    await send(entries.slice(middle))
  }

  let line = 0
  let pending: Entry[] = []

  async function flush (): Promise<void> {
    await send(pending)
    pending = []
    await resume.write({ lines: line, refused: result.refused })
  }

  for await (const text of lines) {
    line++
    if (line <= done.lines || text.trim() === '') continue
    const read = readLine(text, { isTrusted })
    if ('reason' in read) refuse(line, read.reason)
    else pending.push({ line, identity: read.identity })
    if (line % PROGRESS_EVERY === 0) onProgress(line)
    if (pending.length < batchSize) continue
    await flush()
    if (signal.aborted) return result
  }
  await flush()
  // Another run begins at the start and finds what is there.
  await resume.remove()
  return { ...result, isComplete: true }
}
