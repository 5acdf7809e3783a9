import type { Test } from 'tap'
import { cookieDomains, cookiePaths, hasDomain } from '../../src/http/cookie-domains.js'

export default async function (t: Test): Promise<void> {
  t.test('the domains of a host', async (t) => {
    const rows: Array<[hostname: string, expected: string[]]> = [
      ['app.example.com', ['app.example.com', 'example.com']],
      ['EXAMPLE.com', ['example.com']],
      ['a.b.c.d.e.f.example.com', [
        'c.d.e.f.example.com',
        'd.e.f.example.com',
        'e.f.example.com',
        'f.example.com',
        'example.com',
      ]],
      ['localhost', []],
      ['127.0.0.1', []],
      ['::1', []],
      ['[::1]', []],
      ['', []],
      ['a..com', []],
      ['a;domain=evil.com', []],
      ['a.com\r\nx: y', []],
    ]
    for (const [hostname, expected] of rows) t.same(cookieDomains(hostname), expected, hostname)
  })

  t.test('the paths of a request', async (t) => {
    const rows: Array<[url: string, expected: string[]]> = [
      ['/', ['/']],
      ['/api/auth/whoami?a=/b/c', ['/', '/api', '/api/auth']],
      ['/api', ['/', '/api']],
      ['/api/', ['/', '/api']],
      ['/a;Domain=evil.com/b', ['/']],
      ['/a/b;c', ['/', '/a']],
      ['//x', ['/']],
      ['http://a.example.com/x', ['/']],
    ]
    for (const [url, expected] of rows) t.same(cookiePaths(url), expected, url)
  })

  t.test('a Set-Cookie line for a domain', async (t) => {
    t.ok(hasDomain('a=b; Path=/; Domain=example.com'))
    t.ok(hasDomain('a=b;domain=example.com'))
    t.notOk(hasDomain('a=domain=x; Path=/'))
  })
}
