import type { Test } from 'tap'
import { outOfBounds } from '../../src/flows/text-bounds.js'

const x = (length: number): string => 'x'.repeat(length)
const nested = (levels: number): unknown => levels === 1 ? {} : { a: nested(levels - 1) }

export default async function (t: Test): Promise<void> {
  t.test('the bounds of a body (A39)', async (t) => {
    const table: Array<[name: string, longest: number]> = [
      ...['identifier', 'password_identifier', 'address', 'email', 'username', 'phone', 'recovery_address',
        'recovery_confirm_address', 'recovery_select_address', 'traits.email'].map((name): [string, number] => [name, 320]),
      ['password', 1024],
      ['csrf_token', 1024],
      ['code', 256],
      ['totp_code', 256],
      ['lookup_secret', 256],
      ['id_token', 16_384],
      ['passkey_login', 16_384],
      ['webauthn_register', 16_384],
      ['method', 4096],
      ['anything', 4096],
    ]
    for (const [name, longest] of table) {
      t.equal(outOfBounds({ [name]: x(longest) }), undefined, name)
      t.same(outOfBounds({ [name]: x(longest + 1) }), {
        path: `/${name}`,
        message: `must NOT have more than ${longest} characters`,
      })
    }

    t.test('reach every text at any depth', async (t) => {
      for (const body of [{ traits: { email: x(4097) } }, { traits: { a: ['', [x(4097)]] } }, [x(4097)], x(4097)]) {
        t.match(outOfBounds(body), { message: 'must NOT have more than 4096 characters' })
      }
      t.equal(outOfBounds({ traits: { email: x(4096) }, flag: true, none: null }), undefined)
      t.match(outOfBounds({ traits: { 'a/b~c': x(4097) } }), { path: '/traits/a~1b~0c' }, 'and say where it is')
    })

    t.test('a number counts as its text', async (t) => {
      t.equal(outOfBounds({ identifier: 8812345678, code: Infinity }), undefined)
    })

    t.test('names, depth and members', async (t) => {
      t.equal(outOfBounds({ [x(256)]: 1 }), undefined)
      t.match(outOfBounds({ a: { [x(257)]: 1 } }), { path: '/a' })
      t.equal(outOfBounds(nested(8)), undefined)
      t.match(outOfBounds(nested(9)), { message: /nested/ })
      t.equal(outOfBounds({ a: Array(199).fill(1) }), undefined)
      t.match(outOfBounds({ a: Array(200).fill(1) }), { path: '', message: /200 members/ })
      t.match(outOfBounds({ a: Array(150).fill(1), b: Array(150).fill(1) }), { message: /200 members/ })
    })
  })
}
