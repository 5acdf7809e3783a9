import { createManualClock, type ManualClock } from './clock.js'
import { compareAnswer } from './compare.js'
import type { Comparison } from './compare-text.js'
import { expandRemarks } from './expand.js'
import { compareHookCalls } from './hook-calls.js'
import { startHookTarget, type HookTarget } from './hook-target.js'
import { startIssuer, type Issuer } from './issuer.js'
import { createLedger } from './ledger.js'
import { createMailbox, type Mailbox } from './mails.js'
import { configOf, hostMap, type LiveConfig } from './live-config.js'
import { scenarioOf, type Scenario } from './scenarios.js'
import { send } from './send.js'
import { liveRequest } from './substitute.js'
import { timelineOf } from './timeline.js'
import { advanceBetween, whileWaiting } from './waiting.js'
import type {
  Answer,
  Exchange,
  NamedRecording,
  RecordedMail,
  RecordedRequest,
  ScenarioResult,
  StepResult,
} from './types.js'

/** A started server, real or mock, for replaying a recording. */
export interface LiveServer {
  publicUrl: string
  adminUrl: string
  close: () => Promise<void>
}

/** Called with every recorded request and the live answer to it. */
export type Observe = (request: RecordedRequest, answer: Answer) => void

export type StartLive = (config: LiveConfig, clock: ManualClock) => Promise<LiveServer>

export interface Run {
  recording: NamedRecording
  scenario: Scenario
  clock: ManualClock
  times: number[]
  comparison: Comparison
  server: LiveServer
  target: HookTarget
  mailbox: Mailbox
  hosts: (text: string) => string
  observe: Observe
}

/** Waits are whole seconds; the rest of the recorded time is the delay of the machine. */
const elapsedToleranceMs = 500

/** Replays one recording against its own server and compares everything. */
export async function runRecording (
  recording: NamedRecording,
  startLive: StartLive,
  observe: Observe = () => {},
): Promise<ScenarioResult> {
  const scenario = scenarioOf(recording.name)
  const times = timelineOf(recording.exchanges)
  const clock = createManualClock(times[0] ?? 0)
  const target = await startHookTarget(recording.webhook_calls ?? [], scenario.hookAnswers ?? {}, clock)
  const issuer: Issuer | undefined = scenario.claims === undefined
    ? undefined
    : await startIssuer(scenario.claims, clock)
  const hosts = hostMap(target.address, issuer?.address)
  try {
    const server = await startLive(configOf(scenario, hosts), clock)
    const comparison: Comparison = { ledger: createLedger(), timeToleranceMs: 2000, differences: [] }
    const mailbox = createMailbox(recording.mails ?? [], async () => await readMails(server), comparison)
    try {
      return await replay({
        recording,
        scenario,
        clock,
        times,
        comparison,
        server,
        target,
        mailbox,
        hosts: hosts.toRecorded,
        observe,
      })
    } finally {
      await server.close()
    }
  } finally {
    await Promise.all([target.close(), issuer?.close()])
  }
}

async function replay (run: Run): Promise<ScenarioResult> {
  const { recording, clock, times, comparison } = run
  const steps: StepResult[] = []
  for (const [index, exchange] of recording.exchanges.entries()) {
    await advanceBetween(run, recording.exchanges[index - 1], times[index] ?? clock.now())
    const own: Comparison = { ...comparison, differences: [] }
    const start = clock.now()
    const live = await exchangeLive(run, exchange, index)
    compareAnswer(exchange, live, recording.exchanges, own)
    compareElapsed(exchange, clock.now() - start, own)
    steps.push({ index, step: exchange.step, differences: own.differences })
  }
  await advanceBetween(run, recording.exchanges.at(-1), clock.now())
  const hookResults = compareHookCalls(recording.webhook_calls ?? [], run.target, comparison, run.hosts)
  return { name: recording.name, steps, effects: [...await run.mailbox.results(), ...hookResults] }
}

/** The duration of an answer shows whether it waited for the attempts of a hook. */
function compareElapsed ({ elapsed_ms: recorded }: Exchange, live: number, comparison: Comparison): void {
  if (recorded === undefined || Math.abs(recorded - live) <= elapsedToleranceMs) return
  comparison.differences.push({ at: 'elapsed ms', recorded: String(recorded), live: String(live) })
}

async function exchangeLive (run: Run, exchange: Exchange, index: number): Promise<Answer> {
  const { request } = exchange
  await run.mailbox.prepare(`${request.url} ${JSON.stringify(request.body ?? null)}`)
  run.target.begin(exchange.step)
  const bodies = run.scenario.bodies?.[exchange.step]
  const live = liveRequest(request, run.times[index] ?? 0, run.comparison.ledger, (text) => expandRemarks(text, bodies))
  const origin = request.url.startsWith('admin:') ? run.server.adminUrl : run.server.publicUrl
  const answer = await whileWaiting(send(origin, live), run, exchange)
  run.observe(request, answer)
  return JSON.parse(run.hosts(JSON.stringify(answer))) as Answer
}

async function readMails ({ adminUrl }: LiveServer): Promise<RecordedMail[]> {
  const answer = await send(adminUrl, {
    method: 'GET',
    path: '/admin/courier/messages?page_size=500',
    headers: [
      ['Host', '127.0.0.1:4434'],
      ['Accept', 'application/json'],
    ],
    body: undefined,
  })
  return Array.isArray(answer.body) ? (answer.body as unknown as RecordedMail[]).toReversed() : []
}
