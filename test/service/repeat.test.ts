import Fastify from 'fastify'
import type { Test } from 'tap'
import { repeat } from '../../src/service/repeat.js'

/** Until an interval as long, which began later, has fired so many times. */
const intervals = (count: number): Promise<void> =>
  new Promise((resolve) => {
    const timer = setInterval(() => {
      if (--count > 0) return
      clearInterval(timer)
      resolve()
    }, 1)
  })

export default async function (t: Test): Promise<void> {
  t.test('work that takes longer than its interval is done once at a time, and the end waits for it', async (t) => {
    const app = Fastify()
    const releases: Array<() => void> = []
    let isDone = false
    repeat(app, 1, () => async () => {
      await new Promise<void>((resolve) => releases.push(resolve))
      isDone = true
    })
    await app.ready()
    await intervals(5)
    t.equal(releases.length, 1)
    const closed = app.close()
    await intervals(5)
    t.equal(isDone, false)
    releases[0]?.()
    await closed
    t.equal(isDone, true)
  })

  t.test('it is begun again when it has ended', async (t) => {
    const app = Fastify()
    let count = 0
    repeat(app, 1, () => async () => {
      count++
    })
    await app.ready()
    await intervals(50)
    await app.close()
    t.ok(count >= 3)
  })
}
