import { connect, type Socket } from 'node:net'
import { CONNECTIONS, type Load, type PlannedRequest, wireFormat } from './load.js'

/** One planned request as it goes over the wire. */
interface Question {
  bytes: Buffer
  expects: string
}

/** Answers of one burst; `wrong` holds the first that was not what was asked for. */
interface Tally {
  bad: number
  broken: number
  wrong: string | undefined
}

/** A connection that is kept from burst to burst. */
interface Line {
  socket: Socket
  answered: ((text: string | undefined) => void) | undefined
}

const LENGTH = /\r\ncontent-length: ?(\d+)\r\n/i
/** Characters of a wrong answer that are shown. */
const SHOWN = 300

/** Whether the answer is here whole; every server of the benchmark sends Content-Length. */
function isWhole (text: string): boolean {
  const end = text.indexOf('\r\n\r\n')
  return end >= 0 && text.length >= end + 4 + Number(LENGTH.exec(text.slice(0, end + 2))?.[1] ?? 0)
}

function openLine (url: URL): Promise<Line> {
  return new Promise((resolve, reject) => {
    const socket = connect(Number(url.port), url.hostname).setNoDelay(true).setEncoding('latin1')
    const line: Line = { socket, answered: undefined }
    let text = ''
    socket.once('connect', () => resolve(line)).once('error', reject)
    socket.on('data', (chunk: string) => {
      text += chunk
      if (!isWhole(text)) return
      const answer = text
      text = ''
      line.answered?.(answer)
    })
    socket.on('close', () => line.answered?.(undefined))
  })
}

const ask = (line: Line, { bytes }: Question): Promise<string | undefined> =>
  new Promise((resolve) => {
    line.answered = resolve
    line.socket.write(bytes)
  })

function check (answer: string | undefined, { expects }: Question, tally: Tally): void {
  const isRight = answer?.startsWith('HTTP/1.1 2') === true && answer.includes(expects)
  if (isRight) return
  if (answer === undefined) tally.broken++
  else tally.bad++
  tally.wrong ??= answer?.slice(0, SHOWN)
}

/**
 * Bursts from this process, each connection sending when it was answered. Meant to share one core with the server:
 * whoever has the core does all that is ready, so nobody is paid for waking the other.
 */
export function createBatchedLoad (): Load {
  const linesOf = new Map<string, Line[]>()
  const questionsOf = new WeakMap<readonly PlannedRequest[], Question[]>()

  async function openLines (url: string): Promise<Line[]> {
    const lines = (linesOf.get(url) ?? []).filter(({ socket }) => !socket.destroyed)
    while (lines.length < CONNECTIONS) lines.push(await openLine(new URL(url)))
    linesOf.set(url, lines)
    return lines
  }

  function questions (requests: readonly PlannedRequest[], url: string): Question[] {
    const made = questionsOf.get(requests) ?? requests.map((request) => ({
      bytes: Buffer.from(wireFormat(request, new URL(url).host)),
      expects: request.expects,
    }))
    questionsOf.set(requests, made)
    return made
  }

  return async ({ url, requests, amount = 0 }) => {
    const lines = await openLines(url)
    const list = questions(requests, url)
    const tally: Tally = { bad: 0, broken: 0, wrong: undefined }
    let sent = 0
    const startedAt = performance.now()
    await Promise.all(lines.map(async (line) => {
      while (sent < amount && !line.socket.destroyed) {
        const question = list[sent++ % list.length]
        if (question !== undefined) check(await ask(line, question), question, tally)
      }
    }))
    if (tally.wrong !== undefined) process.stderr.write(`bench: wrong answer: ${tally.wrong}\n`)
    const seconds = (performance.now() - startedAt) / 1000
    return { requests: sent, seconds, p50Ms: NaN, p99Ms: NaN, bad: tally.bad, broken: tally.broken }
  }
}
