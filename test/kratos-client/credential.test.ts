import type { Test } from 'tap'
import fc from 'fast-check'
import { cookieValues, flowCookies, parseCookieHeader, setCookieLines } from '../../src/kratos-client/cookies.js'
import { chooseCredential, type Credential, credentialHeaders } from '../../src/kratos-client/credential.js'
import { recorded } from '../support/fault-server.js'
import { fuzz } from '../support/fuzz.js'

const NAME = 'ory_kratos_session'
const TOKEN = `ory_st_${'a1B2'.repeat(8)}`
const OTHER_TOKEN = `ory_st_${'Z9y8'.repeat(8)}`
const SEALED = `MTc5${'Az_-09'.repeat(70)}`

type Row = [name: string, headers: Record<string, string>, expected: Credential]
const NONE: Credential = { kind: 'none' }
const tokenFrom = (from: 'cookie' | 'header', value = TOKEN): Credential => ({ kind: 'token', value, from })
const sealed = (value = SEALED): Credential => ({ kind: 'cookie', value, from: 'cookie' })
const cookie = (...values: string[]) => ({ cookie: values.map((value) => `${NAME}=${value}`).join('; ') })

const ROWS: Row[] = [
  ['nothing at all', {}, NONE],
  ['two different session cookies (B01)', cookie(TOKEN, OTHER_TOKEN), { kind: 'conflict' }],
  ['a sealed and a raw one (B01)', cookie(SEALED, TOKEN), { kind: 'conflict' }],
  ['one with a value and one without (B01)', cookie(TOKEN, ''), { kind: 'conflict' }],
  ['two that differ, and a token header beside (B01)', { ...cookie(TOKEN, OTHER_TOKEN), 'x-session-token': TOKEN }, {
    kind: 'conflict',
  }],
  ['the same value twice (B03)', cookie(SEALED, SEALED), sealed()],
  [
    'the same value twice among others (B03)',
    { cookie: `a=1; ${NAME}=${TOKEN};b=2;${NAME}=${TOKEN}` },
    tokenFrom('cookie'),
  ],
  ['an empty value (B05)', cookie(''), NONE],
  ['an empty value beside a good token header (B05)', { ...cookie(''), 'x-session-token': TOKEN }, NONE],
  ['two quotes (B05)', cookie('""'), NONE],
  ['a quoted token (B05)', cookie(`"${TOKEN}"`), NONE],
  ['a quoted sealed value (B05)', cookie(`"${SEALED}"`), NONE],
  ['percent-encoded CRLF (B06)', cookie('a%0d%0aX-Admin:%201'), NONE],
  ['percent-encoded CRLF in a token (B06)', cookie('ory_st_a%0d%0aX-Admin:%201'), NONE],
  ['a real control character (B06)', cookie('ab\u0001cd'), NONE],
  ['a letter outside ASCII (B06)', cookie('ory_st_é'), NONE],
  ['a token with something behind it (B06)', cookie(`${TOKEN}.${TOKEN}`), NONE],
  ['a token of 128 bytes (B08)', cookie(`ory_st_${'a'.repeat(121)}`), tokenFrom('cookie', `ory_st_${'a'.repeat(121)}`)],
  ['a token of 129 bytes (B08)', cookie(`ory_st_${'a'.repeat(122)}`), NONE],
  ['a sealed value of 4,096 bytes (B08)', cookie('a'.repeat(4096)), sealed('a'.repeat(4096))],
  ['a padded sealed value of 4,096 bytes (B08)', cookie(`${'a'.repeat(4094)}==`), sealed(`${'a'.repeat(4094)}==`)],
  ['a sealed value of 4,097 bytes (B08)', cookie('a'.repeat(4097)), NONE],
  ['a padded sealed value of 4,098 bytes (B08)', cookie(`${'a'.repeat(4096)}==`), NONE],
  ['a cookie beside a token header (B12)', { ...cookie(SEALED), 'x-session-token': OTHER_TOKEN }, sealed()],
  ['a cookie beside a Bearer (B12)', { ...cookie(TOKEN), authorization: `Bearer ${OTHER_TOKEN}` }, tokenFrom('cookie')],
  ['an unusable cookie beside a good token header (B12)', { ...cookie('%%%'), 'x-session-token': TOKEN }, NONE],
  ['a token header (B13)', { 'x-session-token': TOKEN }, tokenFrom('header')],
  ['a token header in blanks (B13)', { 'x-session-token': `  ${TOKEN} ` }, tokenFrom('header')],
  ['a malformed token header (B13)', { 'x-session-token': 'ory_st_' }, NONE],
  ['a sealed value as token header (B13)', { 'x-session-token': SEALED }, NONE],
  ['a logout token as token header (B13)', { 'x-session-token': TOKEN.replace('_st_', '_lo_') }, NONE],
  ['two token headers, as Node joins them (B13)', { 'x-session-token': `${TOKEN}, ${OTHER_TOKEN}` }, NONE],
  [
    'a malformed token header beside a good Bearer (B13)',
    { 'x-session-token': 'x', authorization: `Bearer ${TOKEN}` },
    NONE,
  ],
  [
    'an empty token header beside a Bearer (B14)',
    { 'x-session-token': ' ', authorization: `Bearer ${TOKEN}` },
    tokenFrom('header'),
  ],
  ['a Bearer (B14)', { authorization: `Bearer ${TOKEN}` }, tokenFrom('header')],
  ['a bearer in lower case (B14)', { authorization: `bearer ${TOKEN}` }, tokenFrom('header')],
  ['another Bearer (B14)', { authorization: 'Bearer eyJhbGciOiJIUzI1NiJ9.e30.x' }, NONE],
  ['a sealed value as Bearer (B14)', { authorization: `Bearer ${SEALED}` }, NONE],
  ['a bare token (B14)', { authorization: TOKEN }, NONE],
  ['Basic (B14)', { authorization: `Basic ${TOKEN}` }, NONE],
  ['no-break spaces around the name', { cookie: `\xa0${NAME}=${TOKEN}; ${NAME}\xa0=${TOKEN}` }, NONE],
  ['no-break spaces beside a good one', { cookie: `${NAME}=${TOKEN}; \xa0${NAME}=${OTHER_TOKEN}` }, tokenFrom('cookie')],
  ['blanks and tabs around name and value', { cookie: `a=1; \t ${NAME} \t= \t${TOKEN}\t ;b=2` }, tokenFrom('cookie')],
  ['other blanks around the value', cookie(`\v${TOKEN}`), NONE],
  ['a no-break space around the value', cookie(`\xa0${TOKEN}\xa0`), NONE],
  ['other blanks around a token header', { 'x-session-token': `\xa0${TOKEN}` }, NONE],
  ['another cookie only', { cookie: `${NAME}2=${TOKEN}; x${NAME}=${TOKEN}` }, NONE],
  ['the name in other case', { cookie: `Ory_Kratos_Session=${TOKEN}` }, NONE],
]

export default async function (t: Test): Promise<void> {
  t.test('the one credential of a request', async (t) => {
    for (const [name, headers, expected] of ROWS) t.same(chooseCredential(headers, NAME), expected, name)
  })

  t.test('the one credential of a request is never more than one header upstream, whatever came (B12, B16)', async (t) => {
    const value = fc.oneof(fc.constantFrom(TOKEN, OTHER_TOKEN, SEALED, ''), fc.string({ maxLength: 30 }))
    const request = fc.record({
      cookie: value.map((text) => `${NAME}=${text}`),
      'x-session-token': value,
      authorization: value.map((text) => `Bearer ${text}`),
    }, { requiredKeys: [] })
    fc.assert(
      fc.property(request, (headers) => {
        const sent = Object.keys(credentialHeaders(chooseCredential(headers, NAME), NAME))
        return sent.length <= 1 && !sent.includes('authorization')
      }),
      fuzz(500),
    )
    t.pass()
  })

  t.test('the first two values of one cookie are those of the whole header', async (t) => {
    const piece = fc.constantFrom('a', 'ab', 'b', '=', ';', '; ', ' ', '\t', '\u00a0', '__Host-a', 'a=1', ';;')
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 30 }), fc.constantFrom('a', 'ab', '__Host-a'), (pieces, name) => {
        const header = pieces.join('')
        const all = parseCookieHeader(header).filter((cookie) => cookie.name === name).map(({ value }) => value)
        t.same(cookieValues(header, name), [...new Set(all)].slice(0, 2), JSON.stringify(header))
      }),
      fuzz(500),
    )
  })

  t.test('the headers that carry a credential', async (t) => {
    const csrf = [`csrf_token_${'0'.repeat(64)}=abc=`]
    t.same(
      credentialHeaders(tokenFrom('cookie'), NAME),
      { 'x-session-token': TOKEN },
      'a token never goes as cookie (B16)',
    )
    t.same(credentialHeaders(sealed('S'), NAME), { cookie: `${NAME}=S` }, 'a sealed value never goes as token (B17)')
    t.same(credentialHeaders(sealed('S'), 'my_session'), { cookie: 'my_session=S' }, 'under the configured name')
    t.same(
      credentialHeaders(sealed('S'), NAME, csrf),
      { cookie: `${csrf[0]}; ${NAME}=S` },
      'with the CSRF cookie of a browser flow',
    )
    t.same(credentialHeaders({ kind: 'conflict' }, NAME), {}, 'a pair is ignored (B01)')
    t.same(credentialHeaders(NONE, NAME), {}, 'none is none')
  })

  t.test('cookies of a request', async (t) => {
    t.same(parseCookieHeader('a=1; b = "2" ;=x; c; d=a=b'), [{ name: 'a', value: '1' }, { name: 'b', value: '"2"' }, {
      name: 'd',
      value: 'a=b',
    }], 'are split and never decoded (B06)')
    t.same(parseCookieHeader(undefined), [])
    const csrf = `csrf_token_${'0f'.repeat(32)}=Nl5+26w5gnK5+HXaVoWqVIhZEWiOlf3I/4ue9UVsEtQ=`
    const header = `theme=dark; ${csrf}; ory_kratos_continuity=MTc; csrf_token_product=1; csrf_token_${
      '0F'.repeat(32)
    }=1; ${NAME}=x`
    t.same(flowCookies(header), [csrf, 'ory_kratos_continuity=MTc'], "of which only Kratos' own go up with a flow (B18)")
    t.same(
      flowCookies('ory_kratos_continuity="a b"; ory_kratos_continuity=a\u0001'),
      [],
      'and only with harmless values (B06)',
    )
  })

  t.test('cookies of an answer are the raw lines in order (B25)', async (t) => {
    const lines = ['a=1; Expires=Thu, 01 Jan 1970 00:00:01 GMT; Path=/', 'b=%2C%3B%0d; Secure', 'c=;']
    t.same(setCookieLines({ 'set-cookie': lines }), lines)
    t.same(setCookieLines({ 'set-cookie': lines[0] } as never), [lines[0]], 'a single one too')
    t.same(setCookieLines({}), [])
  })

  t.test('a recorded sealed cookie and a recorded token are taken as what they are', async (t) => {
    const { headers } = recorded('21-browser-json-login', 'success')
    const line = headers.find(([name, value]) => name === 'Set-Cookie' && value.startsWith(NAME))?.[1] ?? ''
    t.match(chooseCredential({ cookie: line.split(';')[0] }, NAME), { kind: 'cookie' })
    const { body } = recorded('10-api-login', 'success') as { body: { session_token: string } }
    t.match(chooseCredential({ cookie: `${NAME}=${body.session_token}` }, NAME), {
      kind: 'token',
      value: body.session_token,
    })
  })
}
