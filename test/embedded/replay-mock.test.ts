import t from 'tap'
import { judge } from './replay/judge.js'
import { loadRecordings } from './replay/load.js'
import { mockLive } from './replay/mock.js'
import { differenceLines } from './replay/report.js'
import { runRecording } from './replay/run.js'

t.test('replay harness against a mock that behaves as recorded with other values', async (t) => {
  for (const recording of loadRecordings(process.argv.slice(2))) {
    t.test(recording.name, async (t) => {
      const verdict = judge(await runRecording(recording, mockLive(recording)), [])
      t.strictSame(differenceLines(verdict.unaccepted, 3), [])
    })
  }
})
