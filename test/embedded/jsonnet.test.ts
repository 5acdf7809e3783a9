import type { Test } from 'tap'
import { evaluateMapper, evaluateTemplate, JsonnetError } from '../../kratos/embedded/jsonnet.js'

/** The error of a snippet. Any other result fails the test. */
async function failure (result: Promise<unknown>): Promise<JsonnetError> {
  const error: unknown = await result.then((value) => new Error(`it gave ${String(value)}`), (error: unknown) => error)
  if (error instanceof JsonnetError) return error
  throw error
}

export default async function (t: Test): Promise<void> {
  t.test('Jsonnet', async (t) => {
    t.test("a template is a function of ctx, or its own result; in Go's layout", async (t) => {
      t.equal(
        await evaluateTemplate('function(ctx) { mail: ctx.mail, list: [1] }', { mail: 'a@example.test' }),
        '{\n   "list": [\n      1\n   ],\n   "mail": "a@example.test"\n}\n',
      )
      t.equal(await evaluateTemplate('{ a: 1 } // a comment at the end', {}), '{\n   "a": 1\n}\n')
    })

    t.test("knows the newer functions of Go's standard library, with the real one's results", async (t) => {
      const results: Record<string, unknown> = {
        'std.pi': 3.141592653589793,
        'std.deg2rad(180)': 3.141592653589793,
        'std.rad2deg(std.pi)': 180,
        'std.hypot(-3, 4)': 5,
        'std.log2(8)': 3,
        'std.log2(10)': 3.3219280948873626,
        'std.log10(7)': 0.8450980400142567,
        'std.atan2(-1, -1)': -2.356194490192345,
        'std.atan2(0, -1)': 3.141592653589793,
        'std.atan2(-3, 0)': -1.5707963267948966,
        'std.flattenDeepArray([1, [2, [3, [], "a"]], null])': [1, 2, 3, 'a', null],
        'std.trim("\\u2003a\\u00a0\\u000b")': 'a',
        'std.isOdd(3.5)': true,
        'std.isEven(-2.5)': true,
        'std.thisFile': '',
      }
      for (const [snippet, expected] of Object.entries(results)) {
        t.same(JSON.parse(await evaluateTemplate(`[${snippet}]`, {})), [expected], snippet)
      }
    })

    t.test('a mapper gets values by std.extVar', async (t) => {
      t.same(
        await evaluateMapper("local claims = std.extVar('claims'); { name: claims.names[1], is: claims.ok }", {
          claims: { names: ['a', 'b'], ok: true },
        }),
        { name: 'b', is: true },
      )
      t.same(await evaluateMapper('[1]', {}), [1], 'its caller says what is wrong with that')
    })

    t.test('a snippet works after another one failed, for whatever reason', async (t) => {
      const deep = 'local f(x) = f(x + 1) + 1; f(0)'
      for (
        const broken of [
          '{',
          "error 'why'",
          'function(ctx) ctx.missing',
          'std.noSuchThing',
          deep,
          `${'['.repeat(300)}${']'.repeat(300)}x`,
        ]
      ) {
        t.notOk((await failure(evaluateTemplate(broken, { kept: 1 }))).isCancel, broken.slice(0, 40))
        t.equal(await evaluateTemplate('function(ctx) ctx.kept', { kept: 2 }), '2\n')
      }
      t.ok((await failure(evaluateTemplate("error 'cancel'", {}))).isCancel)
      t.equal(await evaluateTemplate('{}', {}), '{ }\n')
    })

    t.test('no snippet sees the values of another one', async (t) => {
      await evaluateMapper('{}', { claims: { secret: 1 } })
      await t.rejects(evaluateTemplate("function(ctx) std.extVar('claims')", {}), /undefined external variable: claims/)
      await t.rejects(evaluateMapper("{ a: std.extVar('ctx') }", { claims: {} }), /undefined external variable: ctx/)
      t.same(await evaluateTemplate('function(ctx) std.objectFields(ctx)', { own: 1 }), '[\n   "own"\n]\n')
    })

    t.test('snippets at the same time keep to their own values', async (t) => {
      const all = await Promise.all([1, 2, 3, 4].map(async (n) => await evaluateTemplate('function(ctx) ctx.n', { n })))
      t.same(all, ['1\n', '2\n', '3\n', '4\n'])
    })

    t.test('std.trim removes the same white space as in Go', async (t) => {
      t.equal(
        await evaluateTemplate('function(ctx) std.trim(ctx.text)', { text: ' \t\n\u0085\u00a0a b\f\r\n ' }),
        '"a b"\n',
      )
      t.same(await evaluateMapper("{ name: std.trim(std.extVar('claims').name) }", { claims: { name: ' x ' } }), {
        name: 'x',
      })
    })
  })
}
