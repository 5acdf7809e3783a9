import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { loadRecordings } from './replay/load.js'
import { isRemark } from './replay/compare.js'
import type { Answer, Exchange, Recording } from './replay/types.js'
import { createAnswerCheck, type AnswerCheck } from './schema/check.js'
import { corrections } from './schema/corrections.js'
import { loadDocument, missingDocument } from './schema/document.js'

/**
 * Kratos' own OpenAPI document as a judge. Here it is judged itself: what the real Kratos answered decides where it is
 * wrong. The embedded server's answers are held against it where they are made: replay.test.ts and test/contract.
 */
const skip = missingDocument === undefined ? {} : { skip: missingDocument }

const isJson = ({ headers }: Answer): boolean => headers.some(([name, value]) => name.toLowerCase() === 'content-type' && value.startsWith('application/json'))

/** Of the same real Kratos, recorded in the same way for what the recordings leave out. */
const further = JSON.parse(readFileSync(join(import.meta.dirname, 'schema/further-answers.json'), 'utf8')) as Recording

const recorded: Exchange[] = [...loadRecordings(), further].flatMap(({ exchanges }) => exchanges)
  .filter(({ response }) => response.status !== 0 && !(isJson(response) && isRemark(response.body ?? null)))

const problemsOf = (check: AnswerCheck, { request, response }: Exchange): string[] => check(request, response).problems

t.test('OpenAPI document of Kratos', skip, async (t) => {
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
      (flow) => { flow['ui'].messages = [{ id: 1, text: 'x' }] }
    ]
    for (const damage of broken) {
      const copy = structuredClone(exchange)
      damage(copy.response.body as Record<string, any>)
      t.ok(problemsOf(check, copy).length > 0, damage.toString())
    }
    const changes: Array<Partial<Exchange['response']>> = [{ status: 302 }, { headers: [['Content-Type', 'text/html']] }, { body: null }]
    for (const change of changes) t.ok(problemsOf(check, { ...exchange, response: { ...exchange.response, ...change } }).length > 0, JSON.stringify(change))
    t.ok(check({ method: 'GET', url: 'public:/invented' }, { status: 200, headers: [] }).problems.length > 0, 'a success that nobody knows')
  })
})
