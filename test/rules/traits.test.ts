import type { Test } from 'tap'
import { isTraitPointer, segmentsOf, traitAt, withTrait } from '../../src/kratos-client/traits.js'

export default async function (t: Test): Promise<void> {
  t.test('a pointer into traits', async (t) => {
    t.test('reads through objects and lists, by the escapes of RFC 6901, and nothing inherited', async (t) => {
      const traits = { name: { first: 'Ada' }, emails: ['a@example.test'], 'a/b': { 'c~d': 1 }, '~1': 2 }
      for (const [pointer, value] of [
        ['/name/first', 'Ada'],
        ['/emails/0', 'a@example.test'],
        ['/a~1b/c~0d', 1],
        ['/~01', 2],
        ['/name/last', undefined],
        ['/name/first/x', undefined],
        ['/toString', undefined],
        ['/name/first/length', undefined],
      ] as const) t.equal(traitAt(traits, segmentsOf(pointer)), value, pointer)
      for (const nothing of [null, undefined, 'text', 7]) t.equal(traitAt(nothing, ['email']), undefined)
    })

    t.test('is filled beside what is there, and what it leads through is made', async (t) => {
      const email = withTrait({}, '/contact/email', 'a')
      t.same(withTrait(email, '/contact/phone', 'b'), { contact: { email: 'a', phone: 'b' } })
      t.same(email, { contact: { email: 'a' } }, 'a copy')
      t.same(withTrait({}, '/emails/0', 'a'), { emails: ['a'] })
      t.same(withTrait({}, '/people/0/name', 'a'), { people: [{ name: 'a' }] })
      t.same(withTrait({}, '/toString', 'a'), { toString: 'a' })
      t.ok(isTraitPointer('/toString'))
    })
  })
}
