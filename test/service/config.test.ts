import crypto from 'node:crypto'
import { syncBuiltinESMExports } from 'node:module'
import type { Test } from 'tap'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { authSettings, idSecret, ConfigError, loadConfig, webhookKeys } from '../../src/config.js'
import { ConfigSchema } from '../../src/config-schema.js'
import { runtimeProblems } from '../../src/service/runtime-checks.js'
import { isHttpUrl, isOrigin } from '../../src/url-rules.js'
import { createKeyCheck } from '../../src/webhook/key.js'

const GOOD = {
  PUBLIC_URL: 'https://api.example.com',
  CORS_ORIGINS: 'https://app.example.com, http://localhost:3001',
  KRATOS_PUBLIC_URL: 'http://kratos:4433/',
  KRATOS_ADMIN_URL: 'http://kratos:4434/',
  WEBHOOK_KEY: 'k'.repeat(32),
}

/** The problems of an environment, none when it is accepted. */
function problems (env: Record<string, string | undefined>): string[] {
  try {
    loadConfig(env)
    return []
  } catch (error) {
    if (error instanceof ConfigError) return error.problems
    throw error
  }
}

export default async function (t: Test): Promise<void> {
  t.test('loadConfig', async (t) => {
    t.test('accepts what is required and fills in the rest', async (t) => {
      t.match(loadConfig(GOOD), {
        HOST: '0.0.0.0',
        PORT: 3000,
        SESSION_COOKIE_NAME: 'ory_kratos_session',
        TRUST_PROXY: '',
        LOG_LEVEL: 'info',
        DOCS: false,
        START_CHECKS: true,
        METRICS_TOKEN: undefined,
        WHOAMI_DEADLINE_MS: 2000,
        SUBMIT_DEADLINE_MS: 10_000,
        KRATOS_DEADLINE_MS: 5000,
      })
      t.same(
        loadConfig({ ...GOOD, HOST: '', PORT: '', TRUST_PROXY: '', FRONTEND_URL: '' }),
        loadConfig(GOOD),
        'an empty variable is one that is not set',
      )
      t.same(
        loadConfig({ ...GOOD, PATH: '/bin', SECRET: 'x' }),
        loadConfig(GOOD),
        'other variables are none of its business',
      )
    })

    t.test('names every required variable, one by one and all at once (L12)', async (t) => {
      for (const name of Object.keys(GOOD)) {
        t.match(problems({ ...GOOD, [name]: undefined }), [new RegExp(`^${name} is missing: it wants .+`)], name)
        t.match(problems({ ...GOOD, [name]: '' }), [new RegExp(`^${name} is missing`)], `${name} empty`)
      }
      const all = problems({ PORT: 'x', LOG_LEVEL: 'loud' })
      t.same(
        all.map((line) => line.split(' ')[0]).sort(),
        [...Object.keys(GOOD), 'LOG_LEVEL', 'PORT'].sort(),
        'one line for each',
      )
    })

    t.test('refuses a bad value with one line that names the variable, says what it wants and never the value (B20, C03, D06, L12)', async (t) => {
      const bad: Record<string, string[]> = {
        PUBLIC_URL: [
          'api.example.com',
          'ftp://api.example.com',
          'https://u:p@api.example.com',
          'https://api.example.com?x',
          'https://api.example.com/#x',
          'javascript:alert(1)',
          'https://',
        ],
        FRONTEND_URL: ['//app.example.com', 'https://user@app.example.com'],
        CORS_ORIGINS: [
          '*',
          'null',
          ',',
          'https://shop.example.com/',
          'https://shop.example.com/x',
          'https://Shop.example.com',
          'https://shop.example.com:443',
          'shop.example.com',
          'https://shop.example.com,*',
          'https://*.example.com',
          'https://a.example.com https://b.example.com',
        ],
        PORT: ['-1', '65536', 'x', '3000.5', '0x10', 'NaN'],
        KRATOS_PUBLIC_URL: [
          'file:///etc/passwd',
          'ftp://kratos',
          'http://u:p@kratos:4433',
          'http://kratos:4433/?x=1',
          'http://kratos:4433/#f',
          'kratos:4433',
          'http://kratos:99999',
          'http://',
        ],
        KRATOS_ADMIN_URL: ['file:///etc/passwd', 'http://kratos:4434/?', 'http://kratos:4434/#'],
        KRATOS_BROWSER_URL: ['x'],
        SESSION_COOKIE_NAME: ['a b', 'a;b', 'a=b', 'ä', 'x'.repeat(65)],
        WEBHOOK_KEY: [
          'k'.repeat(31),
          'é'.repeat(32),
          `${'k'.repeat(32)} `,
          `${'k'.repeat(20)} ${'k'.repeat(20)}`,
          `${'k'.repeat(32)}\n`,
        ],
        WEBHOOK_KEY_PREVIOUS: ['short'],
        ID_KEY: ['short', 'é'.repeat(32)],
        ID_KEY_PREVIOUS: ['short'],
        METRICS_TOKEN: ['short', 'm'.repeat(31), 'é'.repeat(32), `${'m'.repeat(20)} ${'m'.repeat(20)}`],
        DOCS: ['yes', '1'],
        START_CHECKS: ['off', '0', 'no'],
        LOG_HEALTH: ['off', '0'],
        TRACING: ['on', '1'],
        LOG_SUCCESS_PERCENT: ['-1', '101', '1.5', 'x'],
        INTERNAL_PORT: ['0', '65536', 'x'],
        OPERATOR_KEY: ['short', `${'x'.repeat(40)} y`],
        EVENTS_RETENTION_DAYS: ['-1', '3651', '1.5', 'x'],
        EVENTS_WEBHOOKS: [
          'http://hooks.example.com/a', 'ftp://h', 'https://a,http://10.0.0.1', 'https://u:p@h', 'https://h/#a', ',', 'hooks.example.com',
        ],
        EVENTS_WEBHOOK_SECRET: ['short', 'x'.repeat(44), `whsec_${'A'.repeat(40)}`, `whsec_${'!'.repeat(44)}`],
        EVENTS_WEBHOOK_SECRET_PREVIOUS: ['short'],
        RECONCILE_HOURS: ['-1', '8761', '1.5', 'x'],
        DOCUMENTS_PER_USER: ['0', '-1', '1000001', 'x'],
        DOCUMENT_BYTES_PER_USER: ['0', '1000000000', '1e6'],
        DATABASE_URL: [
          'mysql://h/db', 'mongodb://h', 'http://h/db', 'postgres//h/db', 'postgresql//h/db', 'postgres:/h/db',
          'postgres:h', 'libsql:h', 'file://h/db', 'data/app.db?mode=ro',
        ],
        BUS_DATABASE_URL: ['mysql://h/db', 'data/app.db'],
        DATABASE_POOL_SIZE: ['0', '1001', 'x'],
        DATABASE_STATEMENT_TIMEOUT_MS: ['0', '99', '600001'],
        DATABASE_CONNECTION_MAX_AGE: ['0', '86401'],
        READY_REQUIRES: ['all', 'kratos;database', 'kratos,mail'],
        TRUST_PROXY: [
          'true',
          '1',
          'loopback',
          '10.0.0.0/33',
          '10.0.0.0/x',
          '10.0.0.0/8/8',
          '0.0.0.0/0',
          '::/0',
          '0.0.0.0/1,128.0.0.0/1',
          '::/1,8000::/1',
          '::ffff:10.0.0.0/8',
          '::ffff:0.0.0.0/96',
          '10.0.0.0/-1',
          '10.0.0.1 10.0.0.2',
          '*',
        ],
        KRATOS_PROXY: ['yes', 'on', '1'],
        LOG_LEVEL: ['verbose', 'INFO'],
        SESSION_CACHE_MAX_AGE: ['-1', '6', '1.5', 'x'],
        SHUTDOWN_DELAY_MS: ['-1', '60001', 'x'],
        MAX_IN_FLIGHT: ['0', '19', '100001', 'x'],
        MAX_EVENT_LOOP_DELAY_MS: ['0', '99', '60001'],
        WHOAMI_DEADLINE_MS: ['0', '49', '60001', 'Infinity'],
        SUBMIT_DEADLINE_MS: ['-5'],
        KRATOS_DEADLINE_MS: ['1e9'],
        LOGIN_LIMIT_PER_ADDRESS: ['0', '-1', '1000001', 'x'],
        LOGIN_LIMIT_PER_IDENTIFIER: ['0', '1.5', '1000001'],
        LOGIN_LIMIT_BURST: ['0', '1000001', 'Infinity'],
        LOGIN_LIMIT_FAILING_CREDENTIALS: ['0', '1000001', 'Infinity'],
        RETURN_URLS: ['myapp', 'javascript:alert(1)', 'myapp://done,https://*.example.com'],
        TRAIT_EMAIL: ['email', 'traits.email', '#/contact/email', '/', '/contact/', '//email', '/a~2b', '/a~', '/emails/1', '/emails/-'],
        TRAIT_FIRST_NAME: ['/__proto__/first', '/constructor/name', `/${'x'.repeat(256)}`],
        TRAIT_LAST_NAME: ['/a/b/c/d/e/f/g'],
        TRAIT_USERNAME: [' /username'],
      }
      for (const [name, values] of Object.entries(bad)) {
        for (const value of values) {
          const lines = problems({ ...GOOD, [name]: value })
          t.match(lines, [new RegExp(`^${name} is not valid: it wants .+`)], `${name}=${value}`)
          t.equal(lines.length, 1)
          if (value.length > 8) t.notOk(lines.join().includes(value.trim()), 'the value is not echoed')
        }
      }
      t.same(
        Object.keys(ConfigSchema.properties).filter((name) => bad[name] === undefined),
        ['HOST', 'INTERNAL_HOST'],
        'no variable is forgotten here',
      )
    })

    t.test('never prints a secret, whatever else is wrong (L12)', async (t) => {
      const secrets = {
        METRICS_TOKEN: 'canary-metrics',
        WEBHOOK_KEY: 'canary-webhook-key',
        WEBHOOK_KEY_PREVIOUS: 'canary-previous',
        DATABASE_URL: 'canary://user:canary-password@host/db',
        KRATOS_ADMIN_URL: 'http://canary:canary@host',
      }
      const error = t.throws(() => loadConfig({ PORT: '-1', ...secrets })) as Error
      t.notMatch([error.message, error.stack, JSON.stringify(error)].join(), /canary/)
    })

    t.test("keeps Kratos' base path and tells the two ports apart (D06)", async (t) => {
      t.equal(
        authSettings(loadConfig({ ...GOOD, KRATOS_PUBLIC_URL: 'https://auth.example.com/kratos/' })).publicUrl,
        'https://auth.example.com/kratos/',
      )
      t.match(problems({ ...GOOD, KRATOS_ADMIN_URL: 'http://KRATOS:4433' }), [
        /^KRATOS_ADMIN_URL is not valid: it must differ from KRATOS_PUBLIC_URL/,
      ])
      t.match(
        problems({ ...GOOD, KRATOS_ADMIN_URL: GOOD.KRATOS_PUBLIC_URL, PORT: 'x' }),
        [/^PORT/, /^KRATOS_ADMIN_URL/],
        'beside other problems too',
      )
      for (const url of ['http://kratos:4433//', 'HTTP://Kratos:4433/', 'http://kratos:4433/./', 'http://kratos:4433/x/..//']) {
        t.match(problems({ ...GOOD, KRATOS_ADMIN_URL: url }), [/^KRATOS_ADMIN_URL is not valid: it must differ/], url)
      }
      t.same(problems({ ...GOOD, KRATOS_ADMIN_URL: 'http://kratos:4433/admin' }), [])
    })

    t.test('lets no two of the known traits be one, or one within another', async (t) => {
      const apart = (name: string, other: string): RegExp =>
        new RegExp(`^${name} is not valid: it must differ from ${other}, and lie apart from it$`)
      t.match(problems({ ...GOOD, TRAIT_USERNAME: '/email' }), [apart('TRAIT_USERNAME', 'TRAIT_EMAIL')])
      t.match(problems({ ...GOOD, TRAIT_EMAIL: '/first_name/x' }), [apart('TRAIT_FIRST_NAME', 'TRAIT_EMAIL')])
      t.match(problems({ ...GOOD, TRAIT_FIRST_NAME: '/name', TRAIT_LAST_NAME: '/name/last', PORT: 'x' }), [
        /^PORT/,
        apart('TRAIT_LAST_NAME', 'TRAIT_FIRST_NAME'),
      ])
      const env = { TRAIT_EMAIL: '/emails/0', TRAIT_FIRST_NAME: '/name/first', TRAIT_USERNAME: '/a~1b/c~0d' }
      t.same(authSettings(loadConfig({ ...GOOD, ...env, TRAIT_LAST_NAME: '' })).traits, {
        email: '/emails/0',
        firstName: '/name/first',
        lastName: '/last_name',
        username: '/a~1b/c~0d',
      })
    })

    t.test('no two keys are the same', async (t) => {
      const key = 'one-key-for-everything-one-key-for-everything'
      const same = [
        { WEBHOOK_KEY: key, METRICS_TOKEN: key },
        { WEBHOOK_KEY: key, WEBHOOK_KEY_PREVIOUS: key },
        { WEBHOOK_KEY_PREVIOUS: key, METRICS_TOKEN: key },
      ]
      for (const keys of same) {
        const lines = problems({ ...GOOD, ...keys })
        t.match(lines, [/^[A-Z_]+ is not valid: it must differ from [A-Z_]+$/], Object.keys(keys).join())
        t.equal(lines.length, 1)
        t.notMatch(lines.join(), key)
      }
    })

    t.test('accepts lists of proxies (B20)', async (t) => {
      for (
        const value of [
          '127.0.0.1',
          '::1',
          '10.0.0.0/8',
          '172.16.0.0/12,192.168.0.1',
          'fc00::/7',
          '10.0.0.1/32',
          '::ffff:10.0.0.1',
          '2001:db8::/32',
        ]
      ) {
        t.same(problems({ ...GOOD, TRUST_PROXY: value }), [], value)
      }
    })

    t.test('lets no burst be smaller than what a minute gives (G05)', async (t) => {
      for (
        const env of [{ LOGIN_LIMIT_BURST: '4' }, { LOGIN_LIMIT_PER_IDENTIFIER: '11' }, {
          LOGIN_LIMIT_PER_IDENTIFIER: '30',
          LOGIN_LIMIT_BURST: '29',
        }]
      ) {
        t.match(problems({ ...GOOD, ...env }), [
          /^LOGIN_LIMIT_BURST is not valid: it must be at least LOGIN_LIMIT_PER_IDENTIFIER$/,
        ])
      }
      t.same(authSettings(loadConfig(GOOD)).throttle, {
        perAddress: 30,
        perIdentifier: 5,
        burst: 10,
        failingCredentials: 60,
      })
      t.same(
        authSettings(
          loadConfig({ ...GOOD, LOGIN_LIMIT_PER_ADDRESS: '3', LOGIN_LIMIT_PER_IDENTIFIER: '1', LOGIN_LIMIT_BURST: '1' }),
        ).throttle,
        { perAddress: 3, perIdentifier: 1, burst: 1, failingCredentials: 60 },
      )
    })

    t.test('derives what the plugins live by', async (t) => {
      const settings = authSettings(loadConfig({ ...GOOD, PUBLIC_URL: 'https://api.example.com/v1//' }))
      t.match(settings, {
        baseUrl: 'https://api.example.com/v1',
        frontendUrl: 'https://app.example.com/',
        origins: ['https://app.example.com', 'http://localhost:3001'],
        browserUrl: 'http://kratos:4433/',
      })
      t.match(
        authSettings(
          loadConfig({
            ...GOOD,
            FRONTEND_URL: 'https://app.example.com/bye',
            KRATOS_BROWSER_URL: 'https://auth.example.com',
          }),
        ),
        { frontendUrl: 'https://app.example.com/bye', browserUrl: 'https://auth.example.com' },
      )
      t.same(authSettings(loadConfig({ ...GOOD, CORS_ORIGINS: ' https://a.example , https://b.example,' })).origins, [
        'https://a.example',
        'https://b.example',
      ])
    })
  })

  t.test('the webhook key', async (t) => {
    const current = 'current-key-current-key-current-key'
    const previous = 'previous-key-previous-key-previous-k'
    t.test('only the very key passes (F02)', async (t) => {
      const isKnown = createKeyCheck([current])
      t.ok(isKnown(current))
      const others = [
        current.slice(0, -1),
        `${current}x`,
        `${current} `,
        ` ${current}`,
        current.replace('c', 'C'),
        'x'.repeat(current.length),
        '',
        undefined,
        null,
        7,
        [current],
        `${current}, ${current}`,
      ]
      for (const other of others) t.notOk(isKnown(other), JSON.stringify(other))
    })
    t.test('is compared in constant time, with every accepted key, whatever was given (F02, O07)', async (t) => {
      const compared: Array<[number, number]> = []
      const original = crypto.timingSafeEqual
      t.teardown(() => {
        crypto.timingSafeEqual = original
        syncBuiltinESMExports()
      })
      crypto.timingSafeEqual = (one, other) => {
        compared.push([one.byteLength, other.byteLength])
        return original(one, other)
      }
      syncBuiltinESMExports()
      const isKnown = createKeyCheck([current, previous])
      for (const given of [current, previous, `${current}x`, current.slice(1), '', undefined, 'x'.repeat(100_000)]) {
        compared.length = 0
        isKnown(given)
        t.same(compared, [[32, 32], [32, 32]], `digests of ${String(given).length} characters`)
      }
    })

    t.test('current and previous pass during a rotation, others do not (F06)', async (t) => {
      const keys = webhookKeys(loadConfig({ ...GOOD, WEBHOOK_KEY: current, WEBHOOK_KEY_PREVIOUS: previous }))
      const isKnown = createKeyCheck(keys)
      t.same([current, previous, `${current}x`, ''].map((key) => isKnown(key)), [true, true, false, false])
      t.same(webhookKeys(loadConfig({ ...GOOD, WEBHOOK_KEY: current })), [current])
      t.notOk(createKeyCheck([])(''), 'no key at all lets nobody in')
    })

    t.test('login budgets are counted under a key that every replica of a roll knows', async (t) => {
      const [id, formerId, hook, formerHook] = ['i', 'j', 'w', 'x'].map((letter) => letter.repeat(32))
      const secretOf = (env: Record<string, string | undefined>): string =>
        idSecret(loadConfig({ ...GOOD, ...env }))
      const rotations = [{ WEBHOOK_KEY: formerHook }, { WEBHOOK_KEY: hook, WEBHOOK_KEY_PREVIOUS: formerHook }]
      t.same(rotations.map((keys) => secretOf(keys)), [formerHook, formerHook], 'without ID_KEY while a key has a former one')
      t.same(
        [...rotations, { WEBHOOK_KEY: hook }].map((keys) => secretOf({ ...keys, ID_KEY: id })),
        [id, id, id],
        'with ID_KEY no rotation of the webhook key changes it',
      )
      t.equal(secretOf({ ID_KEY: id, ID_KEY_PREVIOUS: formerId }), formerId)
      t.match(problems({ ...GOOD, ID_KEY_PREVIOUS: formerId }), [/^ID_KEY_PREVIOUS is not valid: it wants an ID_KEY/])
      t.match(problems({ ...GOOD, ID_KEY: GOOD.WEBHOOK_KEY }), [/^ID_KEY is not valid: it must differ from WEBHOOK_KEY/])
      t.match(problems({ ...GOOD, ID_KEY: 'short' }), [/^ID_KEY /])
      for (const other of ['WEBHOOK_KEY', 'METRICS_TOKEN', 'ID_KEY']) {
        const both = { ...GOOD, [other]: id, OPERATOR_KEY: id }
        t.match(problems(both), [new RegExp(`is not valid: it must differ from (?:${other}|OPERATOR_KEY)`)], other)
      }
    })
  })

  t.test('what production refuses (F05, section 8)', async (t) => {
    const root = join(import.meta.dirname, '../..')
    const texts = ['kratos/kratos.yml', 'kratos/kratos.compose.yml', '.env.example', 'docker-compose.yml', 'src/dev.ts']
      .map((file) => {
        try {
          return readFileSync(join(root, file), 'utf8')
        } catch {
          return ''
        }
      })
    const printed = texts.flatMap((text) =>
      [...text.matchAll(/(?:value: (?:Bearer )?|WEBHOOK_KEY(?:_PREVIOUS)?(?:=|: )\s*['"]?)([\w-]{20,})/g)].map(([, key]) => key ?? ''),
    )
    t.ok(printed.length > 0, 'our files print a key')

    t.test('a key or token that one of our files prints', async (t) => {
      for (const key of [...printed, 'change-me-change-me-change-me-change-me', 'CHANGEME-CHANGEME-CHANGEME-CHANGEME']) {
        t.match(runtimeProblems({ WEBHOOK_KEY: key }, []), [/^WEBHOOK_KEY is not valid/], key)
        t.match(runtimeProblems({ WEBHOOK_KEY_PREVIOUS: key }, []), [/^WEBHOOK_KEY_PREVIOUS is not valid/], key)
        for (const name of ['METRICS_TOKEN', 'OPERATOR_KEY', 'ID_KEY']) {
          t.match(runtimeProblems({ [name]: key }, []), [new RegExp(`^${name} is not valid`)], key)
        }
      }
      t.same(runtimeProblems(GOOD, []), [])
    })

    t.test('runtime switches that take protection away', async (t) => {
      const bad: Array<[Record<string, string>, string[], RegExp]> = [
        [{ NODE_TLS_REJECT_UNAUTHORIZED: '0' }, [], /NODE_TLS_REJECT_UNAUTHORIZED/],
        [{}, ['--insecure-http-parser'], /insecure-http-parser/],
        [{}, ['--insecure_http_parser'], /insecure-http-parser/],
        [{ NODE_OPTIONS: '--max-old-space-size=512  --insecure-http-parser' }, [], /insecure-http-parser/],
        [{ NODE_OPTIONS: '"--insecure-http-parser"' }, [], /insecure-http-parser/],
        ...[
          '--inspect=0.0.0.0',
          '--inspect=0.0.0.0:9229',
          '--inspect-brk=10.0.0.1:1',
          '--inspect-wait=[::]:9229',
          '--inspect-port=0.0.0.0:9229',
          '--inspect_port=0.0.0.0:9229',
          '--debug-port=0.0.0.0:9229',
          '--inspect=127.evil.example:1',
          '--inspect=::',
          '--inspect=example.com:9229',
        ]
          .map((flag): [Record<string, string>, string[], RegExp] => [{}, [flag], /--inspect/]),
        [{}, ['--inspect=127.0.0.1:9229', '--inspect=0.0.0.0:9229'], /--inspect/],
        [{ NODE_OPTIONS: '--inspect=0.0.0.0:9229' }, [], /--inspect/],
      ]
      for (const [env, argv, expected] of bad) {
        t.match(runtimeProblems(env, argv), [expected], JSON.stringify([env, argv]))
      }
      const good = [
        '--inspect',
        '--inspect-brk',
        '--inspect=9229',
        '--inspect=localhost',
        '--inspect=127.0.0.1:0',
        '--inspect=[::1]:9229',
        '--inspect-publish-uid=stderr,http',
        '--import',
        'tsx',
      ]
      for (const flag of good) t.same(runtimeProblems({ NODE_TLS_REJECT_UNAUTHORIZED: '1' }, [flag]), [], flag)
      t.equal(
        runtimeProblems({
          NODE_TLS_REJECT_UNAUTHORIZED: '0',
          NODE_OPTIONS: '--insecure-http-parser',
          WEBHOOK_KEY: 'change-me',
        }, ['--inspect=0.0.0.0']).length,
        4,
        'all at once',
      )
    })
  })

  t.test('URL rules', async (t) => {
    for (const url of ['http://a', 'https://a.example:8443/base/', 'http://[::1]:4433', 'HTTP://A']) {
      t.ok(isHttpUrl(url), url)
    }
    for (
      const url of [
        '',
        'a',
        'http:/a',
        'http:a',
        '//a',
        'http://a?',
        'http://a#',
        'http://:p@a',
        'ws://a',
        ' http://a',
        'http://a b',
      ]
    ) t.notOk(isHttpUrl(url), url)
    for (const origin of ['http://a', 'https://a.example:8443', 'http://[::1]:3000']) t.ok(isOrigin(origin), origin)
    for (const origin of ['http://a/', 'http://A', 'https://a:443', 'null', '*', 'http://*.a', 'http://ä']) {
      t.notOk(isOrigin(origin), origin)
    }
  })
}
