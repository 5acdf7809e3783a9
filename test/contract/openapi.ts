import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { loadRecordings } from '../embedded/replay/load.js'
import { isRemark } from '../embedded/replay/compare.js'
import type { Answer, Exchange, Recording } from '../embedded/replay/types.js'
import { createAnswerCheck, type AnswerCheck } from '../embedded/schema/check.js'
import { corrections } from '../embedded/schema/corrections.js'
import { loadDocument } from '../embedded/schema/document.js'

// Runs with `npm run test:contract -- --openapi <file>`. Kratos' own OpenAPI document is checked here against what a
// real Kratos answered. The embedded server's answers are checked against the document where they are made.

const isJson = ({ headers }: Answer): boolean => headers.some(([name, value]) => name.toLowerCase() === 'content-type' && value.startsWith('application/json'))

/** Answers of the same Kratos, recorded in the same way, that are not in the recordings. */
const further = JSON.parse(readFileSync(join(import.meta.dirname, '../embedded/schema/further-answers.json'), 'utf8')) as Recording

const recorded: Exchange[] = [...loadRecordings(), further].flatMap(({ exchanges }) => exchanges)
  .filter(({ response }) => response.status !== 0 && !(isJson(response) && isRemark(response.body ?? null)))

const problemsOf = (check: AnswerCheck, { request, response }: Exchange): string[] => check(request, response).problems

t.test('OpenAPI document of Kratos', async (t) => {
  const document = loadDocument()
  const check = createAnswerCheck(document, corrections)

  t.test('describes, once corrected, every recorded answer of the real Kratos', async (t) => {
    const judgements = recorded.map(({ request, response }) => check(request, response))
    t.strictSame(judgements.flatMap(({ problems }) => problems), [])
    const described = judgements.filter(({ kind }) => kind === 'described').length
    t.comment(`${described} of ${recorded.length} recorded answers are described, ${corrections.length} errors of the document are corrected`)
    t.ok(described > recorded.length * 0.9)
  })

  const uncorrected = createAnswerCheck(document, [])
  const suspects = recorded.filter((exchange) => problemsOf(uncorrected, exchange).length > 0)
  for (const correction of corrections) {
    t.test(`is wrong at ${correction.at}: ${correction.reason}`, async (t) => {
      const others = createAnswerCheck(document, corrections.filter((other) => other !== correction))
      t.ok(suspects.some((exchange) => problemsOf(others, exchange).length > 0), 'the recordings prove it')
    })
  }

  t.test('notices what is wrong in an answer', async (t) => {
    const exchange = recorded.find(({ request, response }) => request.url === 'public:/self-service/login/api' && response.status === 200)
    if (exchange === undefined) throw new Error('no login flow was recorded')
    const broken: Array<(flow: Record<string, any>) => void> = [
      (flow) => { delete flow['expires_at'] },
      (flow) => { flow['id'] = 'not-a-uuid' },
      (flow) => { flow['issued_at'] = '2024-01-01' },
      (flow) => { flow['organization_id'] = 7 },
      (flow) => { flow['ui'].nodes[0].attributes.node_type = 'field' },
      (flow) => { delete flow['ui'].nodes[0].meta },
      (flow) => { flow['ui'].messages = [{ id: 1, text: 'x' }] },
    ]
    for (const damage of broken) {
      const copy = structuredClone(exchange)
      damage(copy.response.body as Record<string, any>)
      t.ok(problemsOf(check, copy).length > 0, damage.toString())
    }
    const changes: Array<Partial<Exchange['response']>> = [{ status: 302 }, { headers: [['Content-Type', 'text/html']] }, { body: null }]
    for (const change of changes) {
      const changed = { ...exchange, response: { ...exchange.response, ...change } }
      t.ok(problemsOf(check, changed).length > 0, JSON.stringify(change))
    }
    t.ok(check({ method: 'GET', url: 'public:/invented' }, { status: 200, headers: [] }).problems.length > 0, 'a success that nobody knows')
  })
})
