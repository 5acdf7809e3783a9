import type { Test } from 'tap'
import type { Answer } from '../replay/types.js'
import { createAnswerCheck } from './check.js'
import { corrections } from './corrections.js'
import { hasDocument, loadDocument } from './document.js'
import type { Request } from './operations.js'

/** A request and its answer. */
export type Exchanged = readonly [Request, Answer]

/** A subtest: every answer is as Kratos' own OpenAPI document describes it. There is none when no document is given. */
export function answersAreDescribed (t: Test, exchanges: readonly Exchanged[]): void {
  if (!hasDocument) return
  t.test("every answer is as Kratos' own OpenAPI document describes it", async (t) => {
    const check = createAnswerCheck(loadDocument(), corrections)
    // The embedded server answers 501 where it is not like Kratos.
    const answered = exchanges.filter(([, { status }]) => status !== 0 && status !== 501)
    const judgements = answered.map(([request, answer]) => check(request, answer))
    t.strictSame([...new Set(judgements.flatMap(({ problems }) => problems))], [])
    const described = judgements.filter(({ kind }) => kind === 'described').length
    t.comment(`${described} of ${answered.length} answers are described there`)
    t.ok(described > 0)
  })
}
