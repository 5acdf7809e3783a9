import { AsyncLocalStorage } from 'node:async_hooks'
import { setImmediate as nextTurn } from 'node:timers/promises'
import type { Test } from 'tap'
import { createStartQueue, inContext, type StartQueue } from '../../src/service/start-queue.js'
import { busyFor } from '../support/busy-for.js'

const READ = { client: '192.0.2.1', isUrgent: false }
const LOGIN = { client: '192.0.2.1', isUrgent: true }

const idle = async (queue: StartQueue): Promise<void> => {
  while (queue.isBusy()) await nextTurn()
}

export default async function (t: Test): Promise<void> {
  t.test('service/start-queue', async (t) => {
    await t.test('begins work at once while nobody connects', async (t) => {
      const begun: string[] = []
      createStartQueue().start(() => begun.push('work'), READ)
      t.same(begun, ['work'])
    })

    await t.test('after a newcomer a turn begins little work, until all has begun, in order (M13)', async (t) => {
      const queue = createStartQueue()
      const begun: number[] = []
      queue.connectionAccepted()
      for (let n = 0; n < 40; n++) {
        queue.start(() => {
          begun.push(n)
          busyFor(2)
        }, READ)
      }
      t.same(begun, [])
      let most = 0
      while (queue.isBusy()) {
        const before = begun.length
        await nextTurn()
        most = Math.max(most, begun.length - before)
      }
      t.same(begun, Array.from({ length: 40 }, (_, n) => n))
      t.ok(most <= 3, `${most} of 40 in one turn`)
    })

    await t.test('one newcomer in each turn stops no work', async (t) => {
      const queue = createStartQueue()
      const begun: number[] = []
      queue.connectionAccepted()
      for (let n = 0; n < 10; n++) queue.start(() => begun.push(n), READ)
      for (let turn = 0; begun.length < 10 && turn < 1_000_000; turn++) {
        queue.connectionAccepted()
        await nextTurn()
      }
      t.equal(begun.length, 10)
    })

    await t.test('newcomers and turns that others make long stop no work either', async (t) => {
      const queue = createStartQueue()
      const begun: number[] = []
      queue.connectionAccepted()
      for (let n = 0; n < 3; n++) queue.start(() => begun.push(n), READ)
      for (let turn = 0; turn < 4; turn++) {
        queue.connectionAccepted()
        busyFor(10)
        await nextTurn()
      }
      t.equal(begun.length, 3)
    })

    await t.test('what is urgent does not wait behind what is not, nor the other way round', async (t) => {
      const queue = createStartQueue()
      const begun: string[] = []
      queue.connectionAccepted()
      for (let n = 0; n < 20; n++) queue.start(() => begun.push('read'), READ)
      for (let n = 0; n < 20; n++) queue.start(() => begun.push('login'), LOGIN)
      await idle(queue)
      t.same(begun.slice(0, 4).sort(), ['login', 'login', 'read', 'read'])
      t.equal(begun.length, 40)
    })

    await t.test('clients take turns: who sends much waits for itself', async (t) => {
      const queue = createStartQueue()
      const begun: string[] = []
      queue.connectionAccepted()
      for (const client of ['flood', 'flood', 'flood', 'flood', 'somebody', 'flood', 'somebody']) {
        queue.start(() => begun.push(client), { client, isUrgent: false })
      }
      await idle(queue)
      t.same(begun, ['flood', 'somebody', 'flood', 'somebody', 'flood', 'flood', 'flood'])
    })

    await t.test('who asks little hardly waits for those who ask much, however many they are (M14)', async (t) => {
      const queue = createStartQueue()
      const begun: string[] = []
      const ask = (client: string): void => {
        queue.start(() => {
          begun.push(client)
          busyFor(1)
        }, { client, isUrgent: false })
      }
      queue.connectionAccepted()
      for (let n = 0; n < 400; n++) ask(`flood ${n % 20}`)
      while (begun.length < 40) await nextTurn()
      const before = begun.length
      for (let n = 0; n < 3; n++) ask('somebody')
      await idle(queue)
      const turns = begun.slice(before).flatMap((client, at) => client === 'somebody' ? [at] : [])
      t.equal(turns.length, 3)
      t.ok((turns[2] ?? 99) < 6, `after ${turns.join(', ')} others`)
      t.equal(begun.length, 403)
    })

    await t.test('those who ask little do not stop who asks much', async (t) => {
      const queue = createStartQueue()
      const begun: string[] = []
      queue.connectionAccepted()
      for (let n = 0; n < 20; n++) queue.start(() => begun.push('much'), READ)
      for (let n = 2; n < 42; n++) queue.start(() => begun.push('little'), { client: `192.0.2.${n}`, isUrgent: false })
      await idle(queue)
      t.equal(begun.slice(0, 8).filter((who) => who === 'much').length, 4)
      t.equal(begun.length, 60)
    })

    await t.test('a handler that begins together with its request does not wait again', async (t) => {
      const queue = createStartQueue()
      const waits: boolean[] = []
      const look = (): number => waits.push(queue.isBusyForHandler())
      queue.connectionAccepted()
      queue.start(look, READ)
      queue.start(() => queueMicrotask(look), READ)
      queue.start(() => {}, READ)
      await idle(queue)
      t.same(waits, [false, true])
    })

    await t.test('what begins in the turn of its connection does not wait, nor does its handler', async (t) => {
      const queue = createStartQueue()
      const waits: boolean[] = []
      queue.connectionAccepted()
      queue.begin(() => waits.push(queue.isBusyForHandler()))
      waits.push(queue.isBusyForHandler())
      await idle(queue)
      t.same(waits, [false, true])
    })

    await t.test('of handlers that could all begin in one turn the last ones wait, and all begin', async (t) => {
      const queue = createStartQueue()
      const begun: number[] = []
      for (let n = 0; n < 200; n++) {
        if (queue.isBusyForHandler()) queue.start(() => begun.push(n), READ)
        else begun.push(n)
      }
      const atOnce = begun.length
      await idle(queue)
      t.ok(atOnce > 0 && atOnce < 100, `${atOnce} at once`)
      t.equal(begun.length, 200)
      t.equal(queue.isBusyForHandler(), false, 'the next turn takes some again')
    })

    await t.test('connections are read in later turns, few at a time, and their clients take turns (M14)', async (t) => {
      // No packet takes any time.
      const queue = createStartQueue(() => 0)
      const read: string[] = []
      const readFlood = (): void => {
        read.push('flood')
        setImmediate(queue.noteRead, 'flood', true)
      }
      for (let n = 0; n < 99; n++) queue.read('flood', readFlood)
      queue.read('somebody', () => read.push('somebody'))
      t.same([read, queue.isBusy()], [[], true])
      let most = 0
      while (queue.isBusy()) {
        const before = read.length
        await nextTurn()
        most = Math.max(most, read.length - before)
      }
      t.same(read.slice(0, 2), ['flood', 'somebody'])
      t.equal(read.length, 100)
      t.ok(most > 2 && most <= 32, `${most} of 100 in one turn`)
    })

    await t.test('fewer connections are read where that takes long, and always more than are accepted', async (t) => {
      const queue = createStartQueue()
      const read: number[] = []
      for (let n = 0; n < 20; n++) {
        queue.read('client', () => {
          read.push(n)
          setImmediate(() => {
            queue.noteRead('client', true)
            busyFor(5)
          })
        })
      }
      let most = 0
      for (let turn = 0; read.length < 20 && turn < 1_000_000; turn++) {
        const before = read.length
        queue.connectionAccepted()
        await nextTurn()
        most = Math.max(most, read.length - before)
      }
      t.same([read.length, most], [20, 2])
    })

    await t.test('work keeps the asynchronous context of its request', async (t) => {
      const queue = createStartQueue()
      const context = new AsyncLocalStorage<string>()
      const seen: unknown[] = []
      queue.connectionAccepted()
      const look = (): number => seen.push(context.getStore())
      for (const name of ['a', 'b']) context.run(name, () => queue.start(inContext(look), READ))
      await idle(queue)
      t.same(seen, ['a', 'b'])
    })
  })
}
