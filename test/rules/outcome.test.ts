import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Test } from 'tap'
import { fieldErrors, hasSentMessage, NEXT, outcomeOf } from '../../src/flows/outcome.js'
import { classify, type Operation } from '../../src/kratos-client/answer.js'
import type { FlowName } from '../../src/kratos-client/caller.js'
import { upstreamAnswer } from '../support/recorded-answer.js'
import { ROOT } from '../support/process.js'

interface Exchange {
  step: string
  request: { method: string, url: string }
  response: { status: number, headers: Array<[string, string]>, body: unknown }
}

const folder = join(ROOT, 'test/recordings')
const files = readdirSync(folder)

function exchange (recording: string, step: string): Exchange {
  const file = files.find((name) => name.startsWith(`${recording}-`)) ?? ''
  const { exchanges } = JSON.parse(readFileSync(join(folder, file), 'utf8')) as { exchanges: Exchange[] }
  const found = exchanges.find((entry) => entry.step === step)
  if (found === undefined) throw new Error(`recording ${recording} has no step "${step}"`)
  return found
}

/** Which flow and operation a recorded request was. */
function operationOf ({ method, url }: Exchange['request']): { flow: FlowName, operation: Operation } {
  const [, flow = '', rest = ''] = /\/self-service\/([a-z]+)(\/flows)?/.exec(url) ?? []
  return { flow: flow as FlowName, operation: method === 'POST' ? 'submit' : rest === '/flows' ? 'fetch' : 'init' }
}

function outcomeOfRecorded (recording: string, step: string) {
  const { request, response } = exchange(recording, step)
  const context = { ...operationOf(request), isAllowedRedirect: () => true }
  const answer = classify(upstreamAnswer(response), context)
  return { answer, outcome: outcomeOf(answer, context.flow) }
}

const rows = [
  ...readFileSync(join(ROOT, 'docs/outcomes.md'), 'utf8').matchAll(/^\| (.+?) \| (\d\d) \| (.+?) \| (\w+) \|$/gm),
]
  .map(([, what = '', recording = '', step = '', next = '']) => ({ what, recording, step, next }))

export default async function (t: Test): Promise<void> {
  t.test('docs/outcomes.md', async (t) => {
    for (const { what, recording, step, next } of rows) {
      await t.test(`${what}: ${next} (recording ${recording}, ${step})`, async (t) => {
        t.equal(outcomeOfRecorded(recording, step).outcome.next, next)
      })
    }

    await t.test('has a row for every outcome', async (t) => {
      t.same([...new Set(rows.map(({ next }) => next))].sort(), [...NEXT].sort())
    })
  })

  t.test('outcomeOf', async (t) => {
    await t.test('names the flow that Kratos named', async (t) => {
      const uuid = /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}$/
      for (
        const [recording, step] of [['05', 'API submit'], ['55', 'right code'], ['13', 'submit expired login flow'], [
          '55',
          'wrong code no. 6',
        ], ['60', 'wrong code no. 6']] as const
      ) {
        t.match(outcomeOfRecorded(recording, step).outcome.flowId, uuid, step)
      }
    })

    await t.test('a fault of Kratos decides nothing', async (t) => {
      for (
        const code of [
          'UPSTREAM_ERROR',
          'UPSTREAM_UNAVAILABLE',
          'UPSTREAM_TIMEOUT',
          'OVERLOADED',
          'RATE_LIMITED',
        ] as const
      ) {
        t.same(outcomeOf({ kind: 'unavailable', code, setCookie: [] }, 'login'), { next: 'form' })
      }
    })
  })

  t.test('fieldErrors', async (t) => {
    await t.test('lists error messages by node name, and only errors', async (t) => {
      const weak = exchange('20', 'validation error (weak password)').response.body as Record<string, unknown>
      t.match(fieldErrors(weak), { password: [/password/i] })
      t.same(fieldErrors(exchange('02', 'init').response.body as Record<string, unknown>), {})
      t.same(fieldErrors({ ui: { nodes: null } }), {}, 'an empty choice has no nodes (recording 12)')
    })
  })

  t.test('hasSentMessage', async (t) => {
    await t.test('is true while a code is awaited', async (t) => {
      t.equal(hasSentMessage(exchange('55', 'known e-mail: code is sent').response.body as Record<string, unknown>), true)
      t.equal(hasSentMessage(exchange('55', 'init').response.body as Record<string, unknown>), false)
    })
  })
}
