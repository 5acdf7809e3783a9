import type { Test } from 'tap'
import { compareAnswer } from './replay/compare.js'
import type { Comparison } from './replay/compare-text.js'
import { judge } from './replay/judge.js'
import { createLedger } from './replay/ledger.js'
import { loadRecordings } from './replay/load.js'
import { mockLive } from './replay/mock.js'
import { differenceLines } from './replay/report.js'
import { runRecording } from './replay/run.js'
import { timedOut } from './replay/send.js'
import {
  isJsonObject,
  type Exchange,
  type HeaderPair,
  type HookCall,
  type Json,
  type JsonObject,
  type NamedRecording,
  type ScenarioResult,
} from './replay/types.js'

/** A change of the mock's behaviour, and where the comparison must report it. */
interface Change {
  name: string
  recording: string
  step: string
  /** where it is reported, if not at the step itself: a mail or a web hook step */
  effect?: string
  at: string
  apply: (exchange: Exchange, recording: NamedRecording) => void
}

const whoami = { recording: '02', step: 'whoami with the token' }
const init = { recording: '02', step: 'init' }
const wrongPassword = { recording: '10', step: 'wrong password' }

const changes: Change[] = [
  {
    ...whoami,
    name: 'another status',
    at: 'status',
    apply: ({ response }) => {
      response.status = 201
    },
  },
  {
    ...whoami,
    name: 'another header value',
    at: 'header cache-control',
    apply: setHeader('Cache-Control', () => 'no-store'),
  },
  {
    ...whoami,
    name: 'a missing header',
    at: 'header vary',
    apply: ({ response }) => {
      response.headers = response.headers.filter(([name]) => name !== 'Vary')
    },
  },
  {
    ...whoami,
    name: 'an extra header',
    at: 'header keep-alive',
    apply: ({ response }) => {
      response.headers.push(['Keep-Alive', 'timeout=72'])
    },
  },
  {
    ...whoami,
    name: 'another id where the same was due',
    at: 'header x-kratos-authenticated-identity-id',
    apply: setHeader('X-Kratos-Authenticated-Identity-Id', () => '9b2d5c1e-0c70-4d55-8d2e-6f3f0c1a2b3c'),
  },
  {
    ...whoami,
    name: 'a missing null',
    at: 'body.identity.organization_id',
    apply: changeBody((body) => {
      delete memberOf(body, 'identity')['organization_id']
    }),
  },
  {
    ...whoami,
    name: 'null for absent',
    at: 'body.tokenized',
    apply: changeBody((body) => {
      body['tokenized'] = null
    }),
  },
  {
    ...whoami,
    name: 'absent for null',
    at: 'body.devices[0].user_agent',
    apply: changeBody((body) => {
      delete itemOf(body, 'devices', 0)['user_agent']
    }),
  },
  {
    ...whoami,
    name: 'a time an hour off',
    at: 'body.expires_at',
    apply: changeBody((body) => {
      body['expires_at'] = '2026-11-24T06:33:16Z'
    }),
  },
  {
    ...whoami,
    name: 'the zero time for a time',
    at: 'body.issued_at',
    apply: changeBody((body) => {
      body['issued_at'] = '0001-01-01T00:00:00Z'
    }),
  },
  {
    ...whoami,
    name: 'an id that is none',
    at: 'body.id',
    apply: changeBody((body) => {
      body['id'] = '00000000-0000-0000-0000-000000000000'
    }),
  },
  {
    ...whoami,
    name: 'a number for a text',
    at: 'body.authenticator_assurance_level',
    apply: changeBody((body) => {
      body['authenticator_assurance_level'] = 1
    }),
  },
  {
    ...whoami,
    name: 'an extra item',
    at: 'body.devices',
    apply: changeBody((body) => {
      listOf(body, 'devices').push({})
    }),
  },
  {
    ...init,
    name: 'two nodes in another order',
    at: 'body.ui.nodes',
    apply: changeBody((body) => {
      listOf(memberOf(body, 'ui'), 'nodes').reverse()
    }),
  },
  {
    ...init,
    name: 'an extra member',
    at: 'body.ui.nodes[0].attributes.autocomplete',
    apply: changeBody((body) => {
      memberOf(itemOf(memberOf(body, 'ui'), 'nodes', 0), 'attributes')['autocomplete'] = 'off'
    }),
  },
  {
    ...init,
    name: 'a token that looks otherwise',
    at: 'body.ui.nodes[0].attributes.value',
    apply: changeBody((body) => {
      memberOf(itemOf(memberOf(body, 'ui'), 'nodes', 0), 'attributes')['value'] = 'x'
    }),
  },
]

const messageChanges: Change[] = [
  {
    ...wrongPassword,
    name: 'another message id',
    at: 'body.ui.messages[0].id',
    apply: changeMessage((message) => {
      message['id'] = 4000007
    }),
  },
  {
    ...wrongPassword,
    name: 'another message text',
    at: 'body.ui.messages[0].text',
    apply: changeMessage((message) => {
      message['text'] = 'no'
    }),
  },
]

const csrfCookie = { recording: '53', step: 'setup: browser login (json) - init' }
const loginCookies = { recording: '53', step: 'setup: browser login (json) - submit' }
const cookieChanges: Change[] = [
  {
    ...csrfCookie,
    name: 'a cookie without HttpOnly',
    at: 'header set-cookie csrf_token',
    apply: setHeader('Set-Cookie', (value) => value.replace('; HttpOnly', '')),
  },
  {
    ...csrfCookie,
    name: 'another SameSite',
    at: 'header set-cookie csrf_token',
    apply: setHeader('Set-Cookie', (value) => value.replace('Lax', 'Strict')),
  },
  {
    ...csrfCookie,
    name: 'another age of a fixed-age cookie',
    at: 'header set-cookie csrf_token',
    apply: setHeader('Set-Cookie', (value) => value.replace('31536000', '31535999')),
  },
  {
    ...csrfCookie,
    name: 'another cookie name',
    at: 'header set-cookie csrf_token',
    apply: setHeader('Set-Cookie', (value) => value.replace('csrf_token_8', 'csrf_token_9')),
  },
  {
    ...csrfCookie,
    name: 'a missing cookie',
    at: 'header set-cookie',
    apply: ({ response }) => {
      response.headers = response.headers.filter(([name]) => name !== 'Set-Cookie')
    },
  },
  {
    ...loginCookies,
    name: 'cookies in another order',
    at: 'header set-cookie csrf_token',
    apply: ({ response }) => {
      response.headers.reverse()
    },
  },
  {
    ...loginCookies,
    name: 'a session cookie that ends later',
    at: 'header set-cookie ory_kratos_session Expires',
    apply: setHeader('Set-Cookie', (value) => value.replace(/Expires=[^;]*/, 'Expires=Wed, 25 Nov 2026 00:00:00 GMT')),
  },
]

const failing = {
  recording: '72',
  step: 'hook answers 500 always',
  effect: 'web hook calls during "hook answers 500 always"',
}
const passing = { recording: '72', step: 'hook answers 204', effect: 'web hook calls during "hook answers 204"' }
const effectChanges: Change[] = [
  {
    ...failing,
    name: 'a web hook attempt less',
    at: 'calls',
    apply: changeCalls((calls) => {
      calls.pop()
    }),
  },
  {
    ...failing,
    name: 'another wait between attempts',
    at: 'ms between attempts 2 and 3',
    apply: changeCalls(([, , third]) => {
      if (third !== undefined) {
        third.at_ms = 2014
      }
    }),
  },
  {
    ...failing,
    effect: 'hook answers 500 always',
    name: 'an answer that does not wait for the attempts',
    at: 'elapsed ms',
    apply: (exchange) => {
      exchange.elapsed_ms = 10
    },
  },
  {
    ...passing,
    name: 'a web hook header less',
    at: 'call 1 header x-webhook-key',
    apply: changeCalls(([call]) => {
      call?.request.headers.splice(6, 1)
    }),
  },
  {
    ...passing,
    name: 'another web hook body',
    at: 'call 1 body.identity',
    apply: changeCalls(([call]) => {
      if (call !== undefined) {
        call.request.body = { identity: null }
      }
    }),
  },
  {
    name: 'another mail subject',
    recording: '57',
    step: 'right code',
    effect: 'mail recovery_code_valid to rech@example.test',
    at: 'subject',
    apply: (_, { mails }) => {
      if (mails?.[0] !== undefined) {
        mails[0].subject = 'Hello 799695'
      }
    },
  },
  {
    name: 'a mail less',
    recording: '61',
    step: 'right code',
    effect: 'mail verification_code_valid to verb@example.test',
    at: 'mail',
    apply: (_, { mails }) => {
      mails?.shift()
    },
  },
]

async function runChanged ({ recording: beginning, step, apply }: Change): Promise<ScenarioResult> {
  const recording = upTo(step, loadRecordings([beginning])[0])
  const changed = structuredClone(recording)
  const exchange = changed.exchanges.at(-1)
  if (exchange === undefined) throw new Error(`recording ${beginning} has no step "${step}"`)
  apply(exchange, changed)
  return await runRecording(recording, mockLive(changed))
}

/**
 * The exchanges before a step. With web hooks, only its flow and its own calls, because each earlier call takes time.
 */
function upTo (step: string, recording?: NamedRecording): NamedRecording {
  if (recording === undefined) throw new Error('the recording is missing')
  const end = recording.exchanges.findIndex((candidate) => candidate.step === step) + 1
  const hooks = recording.webhook_calls?.filter(({ during }) => during === step)
  return {
    ...recording,
    exchanges: recording.exchanges.slice(hooks === undefined ? 0 : end - 2, end),
    ...(hooks === undefined ? {} : { webhook_calls: hooks }),
  }
}

function changeCalls (change: (calls: HookCall[]) => void): Change['apply'] {
  return (_, { webhook_calls: steps }) => {
    change(steps?.[0]?.calls ?? [])
  }
}

function setHeader (wanted: string, change: (value: string) => string): Change['apply'] {
  return ({ response }) => {
    response.headers = response.headers.map(([name, value]): HeaderPair => [
      name,
      name === wanted ? change(value) : value,
    ])
  }
}

function changeBody (change: (body: JsonObject) => void): Change['apply'] {
  return ({ response }) => {
    if (isJsonObject(response.body)) change(response.body)
  }
}

function changeMessage (change: (message: JsonObject) => void): Change['apply'] {
  return changeBody((body) => {
    change(itemOf(memberOf(body, 'ui'), 'messages', 0))
  })
}

const asObject = (value: Json | undefined): JsonObject => isJsonObject(value) ? value : {}
const listOf = (object: JsonObject, member: string): Json[] => object[member] as Json[]
const memberOf = (object: JsonObject, member: string): JsonObject => asObject(object[member])
const itemOf = (object: JsonObject, member: string, index: number): JsonObject =>
  asObject(listOf(object, member)[index])

export default async function (t: Test): Promise<void> {
  /**
   * Tests the replay itself with a mock server that answers as recorded, but with other ids, tokens and codes. Nothing
   * may differ.
   */
  t.test('replay against a mock that behaves as recorded', async (t) => {
    for (const recording of loadRecordings(process.argv.slice(2))) {
      t.test(`finds no difference in ${recording.name}`, async (t) => {
        const verdict = judge(await runRecording(recording, mockLive(recording)), [])
        t.strictSame(differenceLines(verdict.unaccepted, 3), [])
      })
    }
  })

  t.test('replay against a mock with one difference', async (t) => {
    for (const change of [...changes, ...messageChanges, ...cookieChanges, ...effectChanges]) {
      t.test(`reports ${change.name}`, async (t) => {
        const result = await runChanged(change)
        const places = [...result.steps, ...result.effects]
          .filter(({ step }) => step === (change.effect ?? change.step))
          .flatMap(({ differences }) => differences)
        t.ok(places.some(({ at }) => at.startsWith(change.at)), `expected ${change.at} in ${JSON.stringify(places)}`)
      })
    }
  })

  t.test('comparison of a connection that closed without an answer', async (t) => {
    const [recording] = loadRecordings(['74'])
    const exchange = recording?.exchanges.find(({ response }) => response.status === 0)
    if (exchange === undefined) throw new Error('recording 74 has no such exchange')
    const placesFor = (body: string): string[] => {
      const comparison: Comparison = { ledger: createLedger(), timeToleranceMs: 0, differences: [] }
      compareAnswer(exchange, { status: 0, headers: [], body }, [], comparison)
      return comparison.differences.map(({ at }) => at)
    }
    t.test('is equal when the live one also closes', async (t) => {
      t.strictSame(placesFor('<no answer: connection closed>'), [])
    })
    t.test('reports one that stays open', async (t) => {
      t.strictSame(placesFor(timedOut), ['connection'])
    })
  })

  t.test('list of accepted differences', async (t) => {
    const [recording] = loadRecordings(['02'])
    if (recording === undefined) throw new Error('recording 02 is missing')
    const entry = { scenario: '02', step: 'whoami with the token', at: ['status'], reason: 'for the test' }
    t.test('an entry that no longer occurs is reported', async (t) => {
      t.strictSame(judge(await runRecording(recording, mockLive(recording)), [entry]).stale, [entry])
    })
    t.test(
      'a listed difference is accepted but does not count as equal, and another one at the same step stays',
      async (t) => {
        const result = await runChanged({
          ...whoami,
          name: '',
          at: '',
          apply: ({ response }) => {
            response.status = 201
            response.headers.push(['X-Other', '1'])
          },
        })
        const verdict = judge(result, [entry])
        t.equal(verdict.equal, verdict.total - 1)
        t.strictSame(
          verdict.unaccepted.flatMap(({ differences }) => differences.map(({ at }) => at)),
          ['header x-other'],
        )
        t.equal(judge(result, [{ ...entry, at: ['status', 'header x-other'] }]).unaccepted.length, 0)
      },
    )
  })
}
