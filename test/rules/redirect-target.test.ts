import type { Test } from 'tap'
import fc from 'fast-check'
import { isAllowedReturnTo, isAllowedUrl, isReturnUrl } from '../../src/redirect-target.js'
import { HOSTILE_TARGETS } from '../support/hostile-targets.js'
import { fuzz } from '../support/fuzz.js'

const ALLOWED = [new URL('https://app.example'), new URL('http://localhost:3001/')]
const isAllowed = (target: string): boolean => isAllowedReturnTo(target, ALLOWED)

export default async function (t: Test): Promise<void> {
  t.test('a generated corpus of hostile targets is refused as a whole (E01)', async (t) => {
    t.ok(HOSTILE_TARGETS.length >= 500, `${HOSTILE_TARGETS.length} targets`)
    const passed = HOSTILE_TARGETS.filter(isAllowed)
    t.same(passed, [], 'none passes')
  })

  t.test('targets that a parser drops, turns or leads elsewhere are refused (E02)', async (t) => {
    const targets = [
      '//evil',
      '/\\evil',
      '/\t/evil',
      '/\u000b\\evil',
      '/\n/evil',
      '\\\\evil',
      'https:evil',
      'https:/evil',
      '///evil',
      '',
      ' ',
      'evil',
      './evil',
      '../evil',
      '?evil',
      '#evil',
      ' /x',
      '/x ',
      '/x\u0000',
      '/x\u007f',
      '/x\u00a0',
      '/a\\b',
      '/a\r\nSet-Cookie: x=1',
      'https:app.example',
      'https:/app.example',
      'https:///app.example',
      'https:\\\\app.example',
      ' https://app.example',
      'https://app.example\n',
      'https://app.example/\\evil',
      'https://app.example\\.evil',
      'https://app.exam\tple',
    ]
    for (const target of targets) t.notOk(isAllowed(target), JSON.stringify(target))
  })

  t.test('look-alikes of an allowed host are refused (E04)', async (t) => {
    const targets = [
      'https://app.example@evil',
      'https://app.example.evil',
      'https://evil/?app.example',
      'https://evil#@app.example',
      'https://app.example:444',
      'http://app.example',
      'http://app.example:443',
      'http://localhost:3001@evil',
      'https://localhost:3001',
      'http://localhost:30011',
      'http://localhost',
      'https://user@app.example',
      'https://:@app.example',
      'https://@app.example/',
      'https://app.example.',
      'https://app.example./',
      'https://app\u3002example',
      'https://app\uff0eexample',
      'https://\uff41pp.example',
      'https://\u0430pp.example',
      'https://app.exam\u00adple',
      'https://app\u200b.example',
      'https://app.ex\u0430mple',
      'https://app%2eexample',
      'https://app%E3%80%82example',
      'https://app.example%2f@evil',
      'https://app.example\uff0fevil',
      'https://app.example\uff1f.evil',
      'https://[app.example]',
    ]
    for (const target of targets) t.notOk(isAllowed(target), target)
  })

  t.test('allowed targets pass, absolute and relative (E09)', async (t) => {
    const targets = [
      'https://app.example',
      'https://app.example/',
      'https://app.example/x/y?z=//evil#//evil',
      'https://app.example?x',
      'https://app.example#x',
      'https://app.example:443/',
      'https://APP.example/x',
      'http://localhost:3001/welcome?from=%2F%2Fevil',
      '/',
      '/dash',
      '/dash?next=//evil',
      '/dash#x',
      '/a//b',
      '/%2fevil',
      '/ü',
    ]
    for (const target of targets) t.ok(isAllowed(target), target)
    t.notOk(isAllowedUrl('/dash', ALLOWED), 'where only an absolute URL will do, a path does not')
  })

  t.test("an app's own scheme is allowed where the list has it, and no other (E09)", async (t) => {
    const allowed = ['myapp://done', 'com.example.app://oauth2/done'].map((url) => new URL(url))
    const targets = [
      'myapp://done',
      'myapp://done/',
      'MyApp://DONE/inbox?code=1%2F2#x',
      'com.example.app://oauth2/done',
      'com.example.app://oauth2/done/x?code=1',
    ]
    for (const target of targets) t.ok(isAllowedReturnTo(target, allowed), target)
    const others = [
      'myapp:done',
      'myapp:/done',
      'myapp://',
      'myapp:',
      'myapp://done.evil',
      'myapp://evil/done',
      'myapp://done@evil',
      'myapp://evil@done',
      'myapp://done:80',
      'myapp://d%6fne',
      'myapp://done/%2e%2e',
      'myapp2://done',
      'xmyapp://done',
      'my app://done',
      'myapp://done\\evil',
      ' myapp://done',
      'myapp://done\n',
      `myapp://done/${'x'.repeat(2048)}`,
      'com.example.app:/oauth2/done',
      'com.example.app://oauth2',
      'com.example.app://oauth2/done-evil',
      'com.example.app://oauth2/done/../evil',
      'com.example.app://oauth2/./done',
      'comxexample.app://oauth2/done',
      'javascript:alert(1)',
      'javascript://done/%0aalert(1)',
      'https://done',
    ]
    for (const target of others) t.notOk(isAllowedReturnTo(target, allowed), target)
    t.same(HOSTILE_TARGETS.filter((target) => isAllowedReturnTo(target, allowed)), [], 'the corpus')
    t.notOk(isAllowedReturnTo('myapp://done', ALLOWED), 'nothing by default')
  })

  t.test('a list takes no scheme that runs something, and nothing that would be compared otherwise', async (t) => {
    for (const url of ['myapp://done', 'com.example.app://done', 'https://app.example/done', 'http://localhost:3001']) {
      t.ok(isReturnUrl(url), url)
    }
    for (
      const url of [
        '',
        '/done',
        'myapp',
        'myapp:',
        'myapp://',
        'com.example.app:/done',
        'myapp://done?x',
        'myapp://done#x',
        'myapp://*',
        'https://*.example.com',
        'javascript://done',
        'JavaScript://x',
        'data://x',
        'file:///etc/passwd',
        'intent://done',
        'https://user@app.example',
        '//app.example',
      ]
    ) t.notOk(isReturnUrl(url), url)
  })

  t.test('an allowed path is compared by segments, after dots are resolved (E08)', async (t) => {
    const below = (target: string): boolean => isAllowedReturnTo(target, [new URL('https://app.example/app/')])
    for (
      const target of [
        'https://app.example/app',
        'https://app.example/app/',
        'https://app.example/app/x',
        'https://app.example/app?x',
        'https://app.example/x/../app',
        'https://app.example/app/./x/..',
      ]
    ) t.ok(below(target), target)
    const outside = [
      'https://app.example/',
      'https://app.example',
      'https://app.example/application-evil',
      'https://app.example/app-evil',
      'https://app.example/app/../admin',
      'https://app.example/app/%2e%2e/admin',
      'https://app.example/app/.%2E/admin',
      'https://app.example/App',
      'https://app.example/x/app',
      'https://app.example/app%2f..%2fadmin',
      'https://app.example/app/..%2fadmin',
      'https://app.example/app/%2e%2e%2fadmin',
      'https://app.example/app/..%5cadmin',
    ]
    for (const target of outside) t.notOk(below(target), target)
  })

  t.test('what is too long is refused (E07)', async (t) => {
    t.ok(isAllowed(`/${'x'.repeat(2047)}`))
    t.notOk(isAllowed(`/${'x'.repeat(2048)}`))
    t.notOk(isAllowed(`https://app.example/${'x'.repeat(2048)}`))
  })

  t.test('whatever passes leads to an allowed origin or stays on the host, for every parser (E01)', async (t) => {
    const piece = fc.constantFrom(
      'https:',
      'http:',
      '//',
      '/',
      '\\',
      '\t',
      '\n',
      ' ',
      '@',
      ':',
      '.',
      '?',
      '#',
      '%2f',
      '%00',
      'app.example',
      'evil.example',
      'localhost:3001',
      '\u3002',
      '\u00ad',
      '..',
      ';',
      '[',
      ']',
      'x',
    )
    const target = fc.array(piece, { maxLength: 8 }).map((pieces) => pieces.join(''))
    const base = 'https://kratos.example/self-service/login/browser'
    const origins = [...ALLOWED.map(({ origin }) => origin), new URL(base).origin]
    fc.assert(
      fc.property(target, (text) => {
        if (!isAllowed(text)) return true
        const authority = /^[a-z]+:\/\/([^/?#]*)/i.exec(text)?.[1]
        // The host as it is written, not as one parser mends it.
        const written = authority === undefined ||
          ['app.example', 'app.example:', 'localhost:3001'].includes(authority.toLowerCase())
        return written && origins.includes(new URL(text, base).origin)
      }),
      fuzz(20_000),
    )
    t.pass()
  })
}
