import { setImmediate as nextTurn } from 'node:timers/promises'
import type { Test } from 'tap'
import { createReadQueue } from '../../src/service/read-queue.js'

/** What a packet of theirs takes to read, in milliseconds. */
const TAKES: Record<string, number> = { flood: 50, somebody: 1 }

/** Turns of an event loop that reads from the queue, and whom it has read. */
function startReading () {
  let time = 0
  const queue = createReadQueue(() => time)
  const read: string[] = []
  let resumed: string[] = []
  return {
    read,
    add: (client: string): void => queue.add(client, () => resumed.push(client)),
    size: queue.size,
    turn: async (): Promise<void> => {
      queue.readNext(4)
      for (const client of resumed) {
        queue.noteRead(client, true)
        time += TAKES[client] ?? 0
        queue.noteProgress()
        read.push(client)
      }
      resumed = []
      await nextTurn()
      // The rest of a turn.
      time++
    },
  }
}

export default async function (t: Test): Promise<void> {
  t.test('service/read-queue', async (t) => {
    await t.test('after a packet that took long others are read for as long', async (t) => {
      const { add, turn, read } = startReading()
      for (let n = 0; n < 2; n++) {
        add('flood')
        await turn()
      }
      add('flood')
      while (read.filter((client) => client === 'flood').length < 3) {
        add('somebody')
        await turn()
      }
      const between = read.lastIndexOf('flood') - 1
      t.ok(between >= 5, `${between} between two of the flood`)
    })

    await t.test('also where the next one was waiting before', async (t) => {
      const { add, turn, read } = startReading()
      for (let n = 0; n < 20; n++) add('flood')
      for (let n = 0; n < 10; n++) {
        add('somebody')
        await turn()
      }
      const meanwhile = read.filter((client) => client === 'flood').length
      t.ok(meanwhile <= 4, `${meanwhile} of the flood in ten turns`)
    })

    await t.test('its client alone waits with the next one, and not for ever', (t) => {
      let time = 0
      const queue = createReadQueue(() => time)
      const read = (client: string, takes: number, other: number): boolean => {
        const isDear = queue.noteRead(client, false)
        time += takes
        queue.noteProgress()
        time += other
        return isDear
      }
      const once = [read('flood', 50, 0), read('somebody', 50, 0), read('flood', 50, 0)]
      t.same(once, [false, false, false], 'it may be chance')
      t.same([read('flood', 1, 0), read('somebody', 1, 50), read('somebody', 1, 0)], [true, false, false])
      time += 600
      t.equal(read('flood', 1, 0), false)
      t.end()
    })

    await t.test('and all are read in the end', async (t) => {
      const { add, turn, read, size } = startReading()
      for (let n = 0; n < 4; n++) add('flood')
      while (size() > 0) await turn()
      t.equal(read.length, 4)
    })
  })
}
