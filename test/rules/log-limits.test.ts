import { mock } from 'node:test'
import type { Test } from 'tap'
import { createCountedLog, createOncePer } from '../../src/http/log-limits.js'

export default async function (t: Test): Promise<void> {
  t.test('a counted log', async (t) => {
    mock.timers.enable({ apis: ['setTimeout'] })
    t.teardown(() => mock.timers.reset())
    const lines: string[] = []
    const log = createCountedLog(1000)
    const refuse = (key: string, word: string): void =>
      log(key, ({ count }) => lines.push(count === undefined ? word : `${word} x${count}`))

    for (let index = 0; index < 5; index++) refuse('a', `a${index}`)
    refuse('b', 'b')
    t.same(lines, ['a0', 'b'], 'the first of each kind at once')
    mock.timers.tick(1000)
    t.same(lines, ['a0', 'b', 'a4 x4'], 'the others as one line with their number')
    for (let index = 0; index < 3; index++) refuse('a', `again${index}`)
    mock.timers.tick(999)
    t.equal(lines.length, 3, 'one line a second')
    mock.timers.tick(1)
    t.same(lines.slice(3), ['again2 x3'])
    mock.timers.tick(5000)
    refuse('a', 'later')
    t.same(lines.slice(4), ['later'], 'after a pause at once again')
  })

  t.test('once per time, for each key', async (t) => {
    const mayLog = createOncePer(60_000)
    t.same([mayLog('a'), mayLog('a'), mayLog('b'), mayLog('a')], [true, false, true, false])
  })
}
