import { randomUUID } from 'node:crypto'
import { bearer, get, post, repeat, send, type Target } from './attack.js'

const FLOW_ID = '0b9e7c52-6a0f-4d6e-9d5b-6c0c1f7f3a11'
const LOGIN = '/api/auth/flows/login'
const BLANKS = `x${' '.repeat(60_000)}x`
const KRATOS_LOGIN = `/kratos/self-service/login?flow=${FLOW_ID}`
const FORM_TYPE = 'Content-Type: application/x-www-form-urlencoded\r\n'

const login = (body: object, headers = ''): string => post(LOGIN, { flow_id: FLOW_ID, method: 'password', ...body }, headers)
const guess = (body: object, headers = ''): string => login({ identifier: 'somebody', password: 'x', ...body }, headers)

const nested = (depth: number, open: string, close: string): string => open.repeat(depth) + close.repeat(depth)
const members = (count: number): Record<string, string> =>
  Object.fromEntries(repeat(count, (index) => [`m${index}`, 'x']))
const repeated = (count: number): string =>
  `{"flow_id":"${FLOW_ID}",${repeat(count, () => '"identifier":"ada@example.com"').join()},"password":"x"}`

/** Each of them is one request of somebody whom nobody knows; what costs more than it should is told by its name. */
export const REQUESTS: Record<string, (target: Target) => string> = {
  'blanks in password_identifier': () => login({ password_identifier: BLANKS }),
  'blanks in traits.email': () => login({ traits: { email: BLANKS } }),
  'blanks in a flat traits.email': () => login({ 'traits.email': BLANKS }),
  'blanks in a name': () => login({ [BLANKS]: 'x' }),
  'blanks in a password': () => guess({ password: BLANKS }),
  'a phone number of 60,000 digits': () => login({ identifier: `+${'1'.repeat(60_000)}` }),
  'marks of a phone number': () => login({ identifier: `+${'()-. '.repeat(60)}1` }),
  'a number with 60,000 digits': () => post(LOGIN, `{"flow_id":"${FLOW_ID}","identifier":${'9'.repeat(60_000)}}`),
  'a number as identifier': () => guess({ password_identifier: 8812345678 }),
  'spellings of a phone number': () => guess({ identifier: `+49 1${'-'.repeat(Math.random() * 20)}52-12345678` }),
  'forwarded addresses with a port': () => guess({}, `X-Forwarded-For: 203.0.113.7:${Math.floor(Math.random() * 6e4)}\r\n`),
  'forwarded addresses by the hundred': () => guess({}, `X-Forwarded-For: ${repeat(900, () => '203.0.113.7').join()}\r\n`),
  'second factors': ({ tokens: [token = ''] }) => login({ method: 'totp', totp_code: '123456' }, bearer(token)),
  'objects 12,000 levels deep': () => post(LOGIN, nested(12_000, '{"a":', '}').replace(':}', ':1}')),
  'lists 30,000 levels deep': () => post(LOGIN, nested(30_000, '[', ']')),
  '6,000 members': () => login(members(6000)),
  'a list of 30,000 items': () => login({ identifier: repeat(30_000, () => 1) }),
  'a member 2,000 times': () => post(LOGIN, repeated(2000)),
  'escapes of JSON': () => post(LOGIN, `{"flow_id":"${FLOW_ID}","identifier":"${'\\u0020'.repeat(10_000)}"}`),
  'no JSON after 60,000 bytes': () => post(LOGIN, `{"a":"${'\\"'.repeat(30_000)}`),
  'settings without a session': () => post('/api/auth/flows/settings', { flow_id: FLOW_ID, method: 'profile', traits: { email: BLANKS } }),
  'recovery by a long address': () => post('/api/auth/flows/recovery', { flow_id: FLOW_ID, method: 'code', email: BLANKS }),
  'a form with 9,000 members': () => send('POST', KRATOS_LOGIN, repeat(9000, (index) => `m${index}=x`).join('&'), FORM_TYPE),
  'a form with blanks': () => send('POST', KRATOS_LOGIN, `method=password&identifier=${'+'.repeat(60_000)}x`, FORM_TYPE),
  'a form with percent signs': () => send('POST', KRATOS_LOGIN, `identifier=${'%'.repeat(60_000)}`, FORM_TYPE),
  'a proxied body of JSON': () => post(KRATOS_LOGIN, { method: 'password', traits: { email: BLANKS } }),
  'a query of 15,000 characters': () => get(`${LOGIN}?return_to=${'%20'.repeat(5000)}`),
  'a query of 3,000 members': () => get(`${LOGIN}?${'a=1&'.repeat(3000)}`),
  'a return_to of dots': () => get(`${LOGIN}?return_to=http://localhost:3001/${'../'.repeat(600)}`),
  'a path of dots': () => get(`/kratos/self-service/${'../'.repeat(4000)}`),
  'a path of slashes': () => get('/'.repeat(15_000)),
  'a method of another path': () => send('PUT', `/api/documents/${'x'.repeat(500)}`, '{}'),
  'a cookie that is trimmed': () => get('/api/auth/whoami', `Cookie: \xa0ory_kratos_session=${'x'.repeat(3000)}\r\n`),
  'a cookie of blanks': () => get('/api/auth/whoami', `Cookie: ory_kratos_session=x${' '.repeat(15_000)}x\r\n`),
  '4,000 cookies': () => get('/api/auth/whoami', `Cookie: ${'a=1; '.repeat(3000)}\r\n`),
  'session cookies by the hundred': () => get('/api/auth/whoami', `Cookie: ${repeat(150, () => `ory_kratos_session=${randomUUID()}`).join('; ')}\r\n`),
  'semicolons for a cookie': () => get('/api/auth/whoami', `Cookie: ${';'.repeat(15_000)}\r\n`),
  'a bearer of blanks': () => get('/api/auth/whoami', `Authorization: Bearer${' '.repeat(15_000)}x\r\n`),
  'a content type of semicolons': () => send('POST', LOGIN, '{}', `Content-Type: application/json${'; charset'.repeat(1500)}\r\n`),
  'an origin of dots': () => guess({}, `Origin: http://${'a.'.repeat(7000)}\r\n`),
  'languages by the thousand': () => get(LOGIN, `Accept-Language: ${'de,'.repeat(4000)}\r\n`),
  'a preflight with 3,000 headers': () => get(LOGIN, `Origin: http://localhost:3001\r\nAccess-Control-Request-Method: POST\r\nAccess-Control-Request-Headers: ${'a,'.repeat(6000)}\r\n`, 'OPTIONS'),
  'the largest document': ({ tokens: [token = ''], documentId }) => get(`/api/documents/${documentId}`, bearer(token)),
  'a list of documents': ({ tokens: [token = ''] }) => get('/api/documents?limit=100', bearer(token)),
  'a cursor of 15,000 characters': ({ tokens: [token = ''] }) => get(`/api/documents?cursor=${'A'.repeat(15_000)}`, bearer(token)),
  'a document that is not written': ({ tokens: [, token = ''] }) => post('/api/documents', { title: 't', content: '\\'.repeat(120_000), more: 1 }, bearer(token)),
}
