import type { Test } from 'tap'
import { acceptedDifferences } from './replay/differences.js'
import { judge, type Verdict } from './replay/judge.js'
import { startEmbedded } from './replay/live.js'
import { loadRecordings } from './replay/load.js'
import { differenceLines, scenarioLine, staleLines, totalLine } from './replay/report.js'
import { runRecording } from './replay/run.js'
import { answersAreDescribed, type Exchanged } from './schema/described.js'

export default async function (t: Test): Promise<void> {
  /** Replays every recorded exchange of the real server, with a clock that follows the recorded times. */
  t.test('replay of the recordings against the embedded server', async (t) => {
    const verdicts: Verdict[] = []
    const exchanges: Exchanged[] = []
    for (const recording of loadRecordings()) {
      t.test(`answers as recorded in ${recording.name}`, async (t) => {
        const result = await runRecording(recording, startEmbedded, (request, answer) => {
          exchanges.push([request, answer])
        })
        const verdict = judge(result, acceptedDifferences)
        verdicts.push(verdict)
        t.comment(scenarioLine(result, verdict))
        t.strictSame([...differenceLines(verdict.unaccepted), ...staleLines(verdict)], [])
      })
    }
    answersAreDescribed(t, exchanges)
    t.test('lists at most 3 % of the exchanges as different', async (t) => {
      t.comment(totalLine(verdicts))
      const total = verdicts.reduce((sum, verdict) => sum + verdict.total, 0)
      const listed = verdicts.reduce((sum, verdict) => sum + verdict.accepted, 0)
      t.ok(listed <= total * 0.03, `${listed} of ${total}`)
    })
  })

  t.test('the list of accepted differences', async (t) => {
    const names = loadRecordings().map(({ name }) => name)
    t.test('names only recordings that exist', async (t) => {
      t.strictSame(acceptedDifferences.filter(({ scenario }) => !names.some((name) => name.startsWith(scenario))), [])
    })
  })
}
