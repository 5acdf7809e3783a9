import type { Test } from 'tap'
import { createNormaliser } from './normalise.js'

export default async function (t: Test): Promise<void> {
  t.test('answers of walks', async (t) => {
    t.test('name the address of a server whose port begins with that of another', async (t) => {
      const normalised = createNormaliser('run', { 'http://h:2374': '<admin>', 'http://h:23741': '<public>' })
      const body = JSON.stringify({ request_url: 'http://h:23741/a', next: 'http://h:2374/b' })
      const answer = normalised({ status: 200, headers: { 'content-type': 'application/json' }, body })
      t.same(answer.body, { request_url: '<public>/a', next: '<admin>/b' })
    })
  })
}
