import { existsSync } from 'node:fs'
import { join } from 'node:path'
import type { Test } from 'tap'
import { placeOf, replaceAt } from '../mutations/place.js'
import { MUTATIONS } from '../mutations/table.js'
import { ROOT } from '../support/process.js'

const GUARDED = `
// await check(request, { deep: true })
async function handle (request: Request): Promise<string> {
  await check(
    request,
    { deep: true, }, // of everything
  )
  return \`checked \${request.id}\`.replace(/"/g, '') + "done"
}`

const without = (piece: string): string => replaceAt(GUARDED, placeOf(GUARDED, piece), '')

export default async function (t: Test): Promise<void> {
  t.test('npm run test:mutations finds a guard (O07)', async (t) => {
    t.test('however it is formatted', async (t) => {
      const gone = without('await check(request, { deep: true })')
      t.match(gone, /^\n\/\/ await check/, 'a comment is no code')
      t.notMatch(gone, /\n {2}await check/)
      t.match(gone, /\n {2}\n {2}return/)
      t.equal(without('await check(request,{deep:true,})'), gone)
    })

    t.test('that is a part of an expression, or holds a template or a pattern', async (t) => {
      t.match(without(" + 'done'"), /, ''\) \n}$/)
      t.match(without(', { deep: true }'), /await check\(\n {4}request, \/\/ of everything/)
      t.match(without('`checked ${request.id}`.replace(/"/g, "")'), /return {2}\+ "done"/) // eslint-disable-line no-template-curly-in-string
    })

    t.test('exactly once, or says how often it stands there', async (t) => {
      t.throws(() => without('await check(request)'), /"await check\(request\)" stands 0 times/)
      t.throws(() => without('request'), /stands 3 times/)
    })
  })

  t.test('each guard of the table has a name of its own and tests that are there', async (t) => {
    t.equal(new Set(MUTATIONS.map(({ guard }) => guard)).size, MUTATIONS.length)
    for (const { guard, file, tests, search, replace } of MUTATIONS) {
      t.ok(tests.length > 0 && tests.every((test) => existsSync(join(ROOT, test))), guard)
      t.ok(existsSync(join(ROOT, file)) && search !== replace, `${guard}: ${file}`)
    }
  })
}
