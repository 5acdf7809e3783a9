import type { Test } from 'tap'
import type { KratosSession } from '../../src/kratos-client/session.js'
import { createSessionCache } from '../../src/sessions/session-cache.js'
import { type Bus, createReplicas, type Purge } from '../../src/sessions/bus.js'
import { SESSION } from '../support/faults.js'

type Listener = Parameters<Bus['subscribe']>[0]

/** Carries messages at once; a replica that is cut off neither sends nor hears. */
function createWire () {
  const ends = new Map<Listener, { isCut: boolean }>()
  function connect (): { bus: Bus, cut: () => void, join: () => void } {
    const end = { isCut: false }
    let own: Listener | undefined
    const bus: Bus = {
      publish: async (message) => {
        if (end.isCut) throw new Error('cut')
        for (const [{ onMessage }, { isCut }] of ends) if (!isCut) onMessage(message)
      },
      subscribe: (listener) => {
        own = listener
        ends.set(listener, end)
      },
      alive: () => !end.isCut,
    }
    const cut = (): void => {
      end.isCut = true
    }
    const join = (): void => {
      end.isCut = false
      own?.onLoss()
    }
    return { bus, cut, join }
  }
  return { connect }
}

const PURGE: Purge = { key: 'k', identityId: 'i' }

export default async function (t: Test): Promise<void> {
  t.test('a kept session older than five seconds is used only while other replicas are heard', async (t) => {
    let isHeard = true
    const cache = createSessionCache({ maxAgeMs: 60_000, isHeard: () => isHeard })
    cache.set('k', SESSION as KratosSession, { since: 0, lifetimeMs: 60_000 })
    t.ok(cache.get('k', 59_000))
    isHeard = false
    t.ok(cache.get('k', 5000), 'at most five seconds')
    t.notOk(cache.get('k', 5001))
    isHeard = true
    t.notOk(cache.get('k', 5002), 'it is gone at once')
  })

  t.test('how long ago the replica was heard that is heard least', async (t) => {
    let time = 0
    const wire = createWire()
    const join = (name: string) =>
      createReplicas({ bus: wire.connect().bus, name, onPurge: () => {}, now: () => time })
    const [one, two] = [join('one'), join('two')]
    t.equal(one.silenceMs(), undefined)
    await Promise.all([one.beat(), two.beat()])
    time = 3000
    t.equal(one.silenceMs(), 3000)
    await one.beat()
    t.same([one.silenceMs(), two.silenceMs()], [3000, 3000], 'the other one does not beat')
    time = 61_001
    t.same([one.silenceMs(), two.silenceMs()], [58_001, 61_001], 'whoever is silent for a minute is gone')
    await two.beat()
    t.equal(one.silenceMs(), 58_001)
  })

  t.test('replicas', async (t) => {
    function setUp () {
      let time = 0
      const wire = createWire()
      const join = (name: string) => {
        const purges: Purge[] = []
        const connection = wire.connect()
        const replicas = createReplicas({
          bus: connection.bus, name, now: () => time, onPurge: (purge) => purges.push(purge),
        })
        return { ...connection, ...replicas, purges }
      }
      const [one, two] = [join('one'), join('two')]
      const pass = async (ms: number, ...beating: Array<typeof one>): Promise<void> => {
        time += ms
        for (const replica of beating) await replica.beat()
      }
      return { one, two, pass, join }
    }

    t.test('tell each other what to forget, and not themselves', async (t) => {
      const { one, two } = setUp()
      one.tell(PURGE)
      await one.beat()
      t.same(two.purges, [PURGE])
      t.same(one.purges, [])
    })

    t.test('are alive for each other while every one of them is heard, themselves included', async (t) => {
      const { one, two, pass } = setUp()
      t.notOk(one.isAlive(), 'before the first heartbeat')
      await pass(1000, one)
      t.ok(one.isAlive(), 'alone')
      await pass(1000, one, two)
      t.ok(one.isAlive() && two.isAlive())
      await pass(2500, one)
      t.notOk(one.isAlive(), 'the other one is silent')
      await pass(0, two)
      t.ok(one.isAlive(), 'and heard again')
      await two.sayGoodbye()
      await pass(2500, one)
      t.ok(one.isAlive(), 'one that has said goodbye is not waited for')
    })

    t.test('wait a minute for one that was killed', async (t) => {
      const { one, two, pass } = setUp()
      await pass(0, one, two)
      await pass(59_000, one)
      t.notOk(one.isAlive())
      await pass(2000, one)
      t.ok(one.isAlive())
    })

    t.test('send first what could not be sent, then forget everything', async (t) => {
      const { one, two, pass } = setUp()
      await pass(0, one, two)
      two.cut()
      t.notOk(two.isAlive(), 'its own connection is gone')
      two.tell(PURGE)
      await pass(3000, one, two)
      t.notOk(one.isAlive(), 'two may have something to say')
      t.same(one.purges, [])
      two.join()
      await pass(0, two)
      t.same(one.purges, [PURGE])
      t.same(two.purges, [{ all: true }], 'it may have missed as much')
      t.ok(one.isAlive())
    })

    t.test('make one purge of everything of more than a thousand that wait', async (t) => {
      const { one, two, pass } = setUp()
      one.cut()
      for (let count = 0; count < 1001; count++) one.tell(PURGE)
      one.join()
      await pass(0, one)
      t.same(two.purges, [{ all: true }])
    })

    t.test('forget everything where too much waits behind a message that is under way', async (t) => {
      const sent: string[] = []
      const releases: Array<() => void> = []
      const bus: Bus = {
        publish: (message) => {
          sent.push(message)
          return new Promise((resolve) => releases.push(resolve))
        },
        subscribe: () => {},
        alive: () => true,
      }
      const replica = createReplicas({ bus, name: 'one', onPurge: () => {} })
      const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))
      replica.tell(PURGE)
      await turn()
      for (let n = 0; n < 1000; n++) replica.tell(PURGE)
      for (let n = 0; n < 3; n++) {
        releases.shift()?.()
        await turn()
      }
      t.match(JSON.parse(sent[1] ?? '{}'), { kind: 'purge', purge: { all: true } })
    })

    t.test('ignore what they do not understand', async (t) => {
      const { one, two, pass } = setUp()
      await pass(0, one, two)
      const strange = [
        '', 'null', '[]', '{}', '{"from":1,"kind":"purge","purge":{}}', '{"from":"x","kind":"purge"}',
        '{"from":"x","kind":"purge","purge":{"key":1}}', '{"from":"x","kind":"other"}',
      ]
      for (const message of strange) await one.bus.publish(message)
      t.same(two.purges, [])
      t.ok(two.isAlive())
    })
  })
}
