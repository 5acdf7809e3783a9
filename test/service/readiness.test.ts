import type { Test } from 'tap'
import { createReadiness } from '../../src/service/readiness.js'

export default async function (t: Test): Promise<void> {
  t.test('readiness', async (t) => {
    let time = 0
    let looks = 0
    let kratos = async (): Promise<boolean> => true
    const changes: string[][] = []
    const degraded = createReadiness({
      checks: {
        kratos: () => {
          looks++
          return kratos()
        },
        database: async () => true,
      },
      onChange: (parts) => changes.push(parts),
      now: () => time,
    })

    await t.test('however many ask, there is one look-up at a time, and its answer holds for a second', async (t) => {
      let answer = (_: boolean): void => {}
      kratos = () => new Promise((resolve) => { answer = resolve })
      const asked = Array.from({ length: 100 }, () => degraded())
      answer(true)
      t.same(await Promise.all(asked), asked.map(() => []))
      time = 999
      await degraded()
      t.equal(looks, 1)
      t.same(changes, [])
    })

    await t.test('a part that fails or throws is degraded, told once, and back when it is back', async (t) => {
      for (const fail of [async () => false, () => Promise.reject(new Error('x'))]) {
        kratos = fail
        time += 2000
        t.same(await degraded(), ['kratos'])
      }
      kratos = async () => true
      time += 500
      t.same(await degraded(), ['kratos'], 'remembered')
      time += 600
      t.same(await degraded(), [])
      t.same(changes, [['kratos'], []])
    })
  })
}
